"""Which messages are judged, when, and as whose."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord
from simcord.backend import serializers

from bot.cogs.watching import watch
from bot.domain import Action, Incident, Surface
from bot.errors import StoreFull
from bot.policy_community import CommunityPolicy
from bot.policy_presets import Preset
from bot.waiting_room import RoomLimits
from tests.fakes.discord_bench import DiscordBench, open_discord


def authors(incidents: list[Incident]) -> list[int]:
    return [int(incident.author) for incident in incidents]


def payload(bench: DiscordBench, message: int, **changed: Any) -> dict[str, Any]:
    """Return a message as Discord tells of it, with other fields."""
    stored = bench.env.backend.get_message(bench.lobby.id, message)
    return {**serializers.message_payload(bench.env.backend, stored), **changed}


async def tell(bench: DiscordBench, event: str, data: dict[str, Any]) -> None:
    bench.env.backend.emit(event, data)
    await bench.env.settle()


def forget_messages(bench: DiscordBench) -> None:
    cached = bench.bot._connection._messages
    assert cached is not None
    cached.clear()


def robot(bench: DiscordBench) -> simcord.MemberActor:
    return bench.guild.add_member(bench.env.create_user("robot", bot=True))


async def exempt(bench: DiscordBench, **what: Any) -> None:
    rules = CommunityPolicy(preset=Preset.STANDARD, **what)
    await bench.bot.services.communities.set_rules(bench.community, rules, "ada", discord.utils.utcnow(), "exempt")


async def test_a_message_is_judged_with_everything_that_is_known_of_it(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.ben.send(bench.lobby, "well played")
        said = await bench.ann.send(bench.lobby, "you idiot", reply_to=bench.lobby.last_message)
        [incident] = await bench.incidents()

    assert (incident.key.community, incident.key.channel) == (bench.community, str(bench.lobby.id))
    assert (incident.key.message, incident.author) == (str(said.id), str(bench.ann.id))
    assert (incident.surface, incident.at) == (Surface.TEXT, said.created_at)
    assert bench.bot.services.latency.percentile(1.0) is not None


@pytest.mark.parametrize("is_cached", [True, False])
async def test_an_edit_is_judged_whether_or_not_the_message_was_seen(tmp_path: Path, is_cached: bool):
    async with open_discord(tmp_path, watch.setup) as bench:
        said = await bench.ann.send(bench.lobby, "hello")
        if not is_cached:
            forget_messages(bench)
        await bench.env.advance_time(60)
        await bench.ann.edit(said, "you idiot")
        [incident] = await bench.incidents()

    assert incident.key.message == str(said.id)
    assert incident.at > said.created_at


async def test_a_link_whose_preview_arrives_late_is_judged_again(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        said = await bench.ann.send(bench.lobby, "https://example.org")
        await tell(bench, "MESSAGE_UPDATE", payload(bench, said.id, embeds=[{"type": "link", "title": "you idiot"}]))
        [incident] = await bench.incidents()

    assert (incident.surface, incident.at) == (Surface.EMBED, said.created_at)


async def test_what_says_nothing_new_is_not_scored_again(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        said = await bench.ann.send(bench.lobby, "hello")
        await tell(bench, "MESSAGE_UPDATE", payload(bench, said.id, pinned=True))
        await tell(bench, "MESSAGE_CREATE", payload(bench, said.id))

        assert bench.scorer.scored == ["hello"]


@pytest.mark.parametrize("watched", [True, False])
async def test_bots_are_judged_where_the_operator_wants_it(tmp_path: Path, watched: bool):
    async with open_discord(tmp_path, watch.setup, watch_bots=watched) as bench:
        machine = robot(bench)
        await machine.send(bench.lobby, "you idiot")

        assert authors(await bench.incidents()) == [machine.id] * watched


@pytest.mark.parametrize("watched", [True, False])
async def test_webhooks_are_judged_where_the_operator_wants_it(tmp_path: Path, watched: bool):
    async with open_discord(tmp_path, watch.setup, watch_webhooks=watched) as bench:
        said = await bench.guild.create_webhook(bench.lobby, "bridge").send("you idiot")

        assert authors(await bench.incidents()) == [said.author.id] * watched


async def used(bench: DiscordBench, app: int, person: simcord.MemberActor) -> None:
    backend = bench.env.backend
    user = serializers.user_payload(backend.users[person.id])
    metadata = {"id": "1", "type": 2, "user": user, "authorizing_integration_owners": {}}
    backend.create_message(bench.lobby.id, app, "you idiot", interaction_metadata=metadata)
    await bench.env.settle()


async def test_what_an_app_says_for_somebody_is_theirs(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        app = robot(bench).id
        await used(bench, app, bench.ann)
        await used(bench, app, bench.mia)
        by_ann, by_mia = await bench.incidents()

    assert [int(by_ann.author), int(by_mia.author)] == [bench.ann.id, bench.mia.id]
    assert by_mia.decision.reasons[-1] == "the member moderates here: flagged only"


async def test_our_own_messages_are_never_judged(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup, watch_bots=True, watch_webhooks=True) as bench:
        own = bench.bot.user
        assert own is not None
        await used(bench, own.id, bench.ann)
        channel = bench.bot.get_channel(bench.lobby.id)
        assert isinstance(channel, discord.TextChannel)
        await channel.send("you idiot")

        assert bench.scorer.scored == []


async def test_messages_outside_servers_and_announcements_are_not_judged(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.ann.send_dm("you idiot")
        said = await bench.ann.send(bench.lobby, "hello")
        for kind in (24, 7, 9999):
            notice = payload(bench, said.id, id=str(said.id + kind), type=kind, content="you idiot")
            await tell(bench, "MESSAGE_CREATE", notice)

        assert bench.scorer.scored == ["hello"]


async def test_an_event_without_an_author_breaks_nothing(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        said = await bench.ann.send(bench.lobby, "hello")
        partial = payload(bench, said.id, content="you idiot")
        del partial["author"]
        forget_messages(bench)
        await tell(bench, "MESSAGE_UPDATE", partial)
        await bench.ann.send(bench.lobby, "fine")

        assert bench.scorer.scored == ["hello", "fine", "hello fine"]


async def test_the_channels_that_quote_what_was_judged_are_left_alone(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        for channel in (bench.review, bench.log):
            await bench.mia.send(channel, "you idiot")

        assert bench.scorer.scored == []


async def test_what_moderators_say_is_flagged_and_never_punished(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        for person in (bench.mia, bench.ada, bench.olga):
            await person.send(bench.lobby, "you idiot")
        decisions = [incident.decision for incident in await bench.incidents()]

    assert [(each.action, each.would.punishes) for each in decisions] == [(Action.FLAG, True)] * 3
    assert [each.reasons[-1] for each in decisions] == [
        "the member moderates here: flagged only",
        "the member administers the server: flagged only",
        "the member owns the server: flagged only",
    ]


async def test_what_automod_acted_on_is_flagged_and_not_punished_twice(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        said = await bench.ann.send(bench.lobby, "hello")
        execution = {
            "guild_id": bench.community,
            "action": {"type": 2, "metadata": {"channel_id": str(bench.log.id)}},
            "rule_id": "1",
            "rule_trigger_type": 1,
            "user_id": str(bench.ann.id),
            "channel_id": str(bench.lobby.id),
            "content": "you idiot",
            "matched_keyword": "idiot",
            "matched_content": "idiot",
        }
        await tell(bench, "AUTO_MODERATION_ACTION_EXECUTION", execution)
        await tell(bench, "AUTO_MODERATION_ACTION_EXECUTION", {**execution, "message_id": str(said.id)})
        await bench.ann.edit(said, "you idiot")
        [incident] = await bench.incidents()

    assert (incident.decision.action, incident.decision.would.punishes) == (Action.FLAG, True)
    assert incident.decision.reasons[-1] == "AutoMod acted on it: flagged only"


async def test_a_role_is_exempt_by_its_id_or_by_its_name(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        for label in (str(bench.moderators.id), "Moderators"):
            await exempt(bench, exempt_roles=frozenset({label}))
            await bench.mia.send(bench.lobby, "you idiot")
        await bench.ben.send(bench.lobby, "you idiot")
        tally = bench.bot.services.pipeline.tally_of(bench.community)

        assert authors(await bench.incidents()) == [bench.ben.id]
        assert (tally.seen, tally.exempt, tally.scored) == (3, 2, 1)


async def test_what_is_exempt_takes_the_threads_and_channels_in_it_with_it(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        category = bench.guild.create_category("staff")
        den = bench.guild.create_text_channel("den", category=category)
        thread = bench.env.backend.create_thread(den.id, "a thread", bench.ann.id)
        await bench.env.settle()
        for place in (str(category.id), "staff", str(den.id)):
            await exempt(bench, exempt_channels=frozenset({place}))
            for channel in (den.id, thread.id):
                bench.env.backend.create_message(channel, bench.ann.id, "you idiot")
                await bench.env.settle()
        assert await bench.incidents() == []

        await exempt(bench, exempt_channels=frozenset({str(bench.lobby.id), "a thread"}))
        bench.env.backend.create_message(thread.id, bench.ann.id, "you idiot")
        await bench.env.settle()

        assert [incident.key.channel for incident in await bench.incidents()] == [str(thread.id)]


async def test_what_the_database_did_not_take_is_tried_again_when_the_message_is_told_of_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async with open_discord(tmp_path, watch.setup) as bench:
        with monkeypatch.context() as patch:
            patch.setattr(bench.stores.incidents, "record", full)
            said = await bench.ann.send(bench.lobby, "you idiot")
        assert await bench.incidents() == []
        await tell(bench, "MESSAGE_CREATE", payload(bench, said.id))

        assert authors(await bench.incidents()) == [bench.ann.id]
    assert f"message {said.id} in channel {bench.lobby.id} was not handled: no room" in caplog.text
    assert "idiot" not in caplog.text


async def full(incident: Incident) -> None:
    raise StoreFull("no room")


async def test_messages_beyond_the_limit_wait_for_those_before_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.app.compose.RoomLimits", partial(RoomLimits, judging=4, least=1, servers=1))
    async with open_discord(tmp_path, watch.setup) as bench:
        gates = [bench.scorer.hold(text) for text in ("one", "two", "three")]
        for text in ("one", "two", "three"):
            bench.env.backend.create_message(bench.lobby.id, bench.ann.id, text)
        await asyncio.wait_for(bench.scorer.arrived["two"].wait(), 5)
        for _ in range(100):
            await asyncio.sleep(0)
        assert "three" not in bench.scorer.scored
        for gate in gates:
            gate.set()
        await bench.env.settle()

        assert "three" in bench.scorer.scored


async def test_the_title_of_a_thread_is_judged_as_its_owners(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        thread = bench.env.backend.create_thread(bench.lobby.id, "you idiot", bench.ann.id)
        await bench.env.settle()
        [incident] = await bench.incidents()

    assert (incident.key.message, incident.key.channel) == (f"thread:{thread.id}", str(thread.id))
    assert (incident.surface, int(incident.author)) == (Surface.TITLE, bench.ann.id)


async def test_a_changed_title_is_flagged_and_nobody_is_punished_for_it(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        thread = bench.env.backend.create_thread(bench.lobby.id, "a thread", bench.ann.id)
        await bench.env.settle()
        told = dict(serializers.channel_payload(bench.env.backend, thread))
        await tell(bench, "THREAD_UPDATE", {**told, "name": "you idiot"})
        [incident] = await bench.incidents()

    assert incident.decision.reasons[-1] == "who renamed it is not known: flagged only"
    assert incident.decision.action is Action.FLAG


async def test_the_tags_of_a_forum_post_are_read_with_its_title(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        forum = bench.guild.create_forum_channel("help")
        backend = bench.env.backend
        backend.edit_channel(
            forum.id,
            {
                "available_tags": [
                    {"id": "77", "name": "you idiot", "moderated": False, "emoji_id": None, "emoji_name": None}
                ]
            },
        )
        await bench.env.settle()
        backend.create_thread(forum.id, "how do I jump", bench.ann.id, applied_tags=[77])
        await bench.env.settle()

        assert [incident.text for incident in await bench.incidents()] == ["you idiot"]


async def test_our_own_threads_are_not_judged(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup, watch_bots=True) as bench:
        assert bench.bot.user is not None
        bench.env.backend.create_thread(bench.lobby.id, "you idiot", bench.bot.user.id)
        await bench.env.settle()

        assert await bench.incidents() == []


@pytest.mark.parametrize("watched", [True, False])
async def test_names_are_judged_where_the_operator_wants_it(tmp_path: Path, watched: bool):
    async with open_discord(tmp_path, watch.setup, watch_names=watched) as bench:
        user = bench.env.create_user("newcomer", global_name="you idiot")
        bench.guild.add_member(user)
        await bench.env.settle()
        incidents = await bench.incidents()

    expected = [(f"member:{user.id}", "you idiot", Surface.NAME)] * watched
    assert [(each.key.message, each.text, each.surface) for each in incidents] == expected


async def test_a_nickname_that_is_taken_again_is_flagged_again_and_one_that_stays_is_not(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup, watch_names=True) as bench:
        for nick in ("you idiot", None, "you idiot"):
            bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"nick": nick})
            await bench.env.advance_time(2)
        await bench.ann.send(bench.lobby, "hello")

        assert [incident.text for incident in await bench.incidents()] == ["you idiot", "you idiot"]


async def test_a_name_that_was_taken_while_nobody_watched_is_judged_when_its_bearer_speaks(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup, watch_names=True) as bench:
        bench.env.backend.guilds[bench.guild.id].members[bench.ann.id].nick = "you idiot"
        bench.bot._connection._get_guild(bench.guild.id)._remove_member(bench.ann)  # type: ignore[union-attr,arg-type]
        await bench.ann.send(bench.lobby, "hello")
        await bench.ann.send(bench.lobby, "hello again")

        assert [incident.surface for incident in await bench.incidents()] == [Surface.NAME]


async def test_what_the_database_did_not_take_is_tried_again_within_minutes_and_not_passed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_discord(tmp_path, watch.setup) as bench:
        watching = bench.bot.get_cog("Watch")
        assert isinstance(watching, watch.Watch)
        watching.progress.release()
        with monkeypatch.context() as patch:
            patch.setattr(bench.stores.incidents, "record", full)
            said = await bench.ann.send(bench.lobby, "you idiot")
            after = await bench.ben.send(bench.lobby, "fine")
            await bench.env.advance_time(2)
            seen = await bench.stores.communities.seen(bench.community)
            assert int(seen[str(bench.lobby.id)]) < said.id
        await bench.env.advance_time(65)

        assert authors(await bench.incidents()) == [bench.ann.id]
        seen = await bench.stores.communities.seen(bench.community)
        assert seen[str(bench.lobby.id)] == str(after.id)


async def test_an_edit_and_a_title_that_were_not_kept_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with open_discord(tmp_path, watch.setup) as bench:
        said = await bench.ann.send(bench.lobby, "hello")
        with monkeypatch.context() as patch:
            patch.setattr(bench.stores.incidents, "record", full)
            await bench.ann.edit(said, "you idiot")
            bench.env.backend.create_thread(bench.lobby.id, "you clown", bench.ben.id)
            await bench.env.settle()
        await bench.env.advance_time(65)

        assert sorted(each.text for each in await bench.incidents()) == ["you clown", "you idiot"]


async def test_slow_acting_takes_no_place_from_scoring_and_a_stop_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.app.compose.RoomLimits", partial(RoomLimits, judging=1, least=1, servers=1))
    async with open_discord(tmp_path, watch.setup) as bench:
        acting, gate = asyncio.Event(), asyncio.Event()

        async def act(handled: object) -> None:
            acting.set()
            await gate.wait()

        monkeypatch.setattr(bench.bot.services.pipeline, "act", act)
        bench.env.backend.create_message(bench.lobby.id, bench.ann.id, "you idiot")
        await asyncio.wait_for(acting.wait(), 5)
        bench.env.backend.create_message(bench.lobby.id, bench.ben.id, "hello")
        await asyncio.wait_for(bench.scorer.arrived["hello"].wait(), 5)

        watching = bench.bot.get_cog("Watch")
        assert isinstance(watching, watch.Watch)
        ending = asyncio.create_task(watching.intake.finish(5))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not ending.done()
        gate.set()
        await asyncio.wait_for(ending, 5)
        await bench.env.settle()


@pytest.mark.parametrize(("hours", "texts"), [(0, ["you idiot"]), (2, [])])
async def test_the_title_of_a_young_thread_is_judged_that_is_not_called_new(
    tmp_path: Path, hours: int, texts: list[str]
):
    async with open_discord(tmp_path, watch.setup) as bench:
        thread = bench.env.backend.create_thread(bench.lobby.id, "you idiot", bench.ann.id, broadcast=False)
        await bench.env.advance_time(hours * 3600)
        told = dict(serializers.channel_payload(bench.env.backend, thread))
        told.pop("newly_created", None)
        for _ in range(2):
            await tell(bench, "THREAD_CREATE", told)

        assert [each.text for each in await bench.incidents()] == texts


async def test_a_title_whose_owner_cannot_be_looked_up_is_flagged_and_the_next_look_up_is_made(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        bench.env.inject_error("GET", f"/guilds/{bench.guild.id}/members/{bench.ann.id}", status=403, times=1)
        for title in ("you idiot", "you clown"):
            bench.env.backend.create_thread(bench.lobby.id, title, bench.ann.id)
            await bench.env.settle()
        first, second = (incident.decision for incident in await bench.incidents())

    assert first.action is Action.FLAG
    assert first.reasons[-1] == "who the author is could not be looked up: flagged only"
    assert second.action is not Action.FLAG


async def test_what_is_odd_in_a_message_is_counted_and_the_rest_is_judged(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        said = await bench.ann.send(bench.lobby, "hello")
        odd = [{"type": "rich", "title": "fine", "fields": None, "author": None, "footer": {"text": "a foot"}}]
        told = payload(bench, said.id, id=str(said.id + 1), content="you idiot", embeds=odd)
        await tell(bench, "MESSAGE_CREATE", told)
        tally = bench.bot.services.pipeline.tally_of(bench.community)

        assert [each.text for each in await bench.incidents()] == ["you idiot"]
        assert {"fine", "a foot"} <= set(bench.scorer.scored)
        assert (tally.seen, tally.scored, tally.unchecked) == (3, 2, 1)
