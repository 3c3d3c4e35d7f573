"""What was said while the bot was away is read once, within bounds, and what was begun is finished."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot.app import sync
from bot.app.client import RefereeBot
from bot.app.compose import compose
from bot.assembly import Parts, SystemClock, load_policy
from bot.cogs.watching import catch_up, watch
from bot.cogs.watching.catch_up import MISSED
from bot.domain import Action, Decision, Incident, Mode, Outcome, Platform, SourceKey
from bot.errors import StoreBusy
from bot.policy_community import CommunityPolicy
from bot.policy_presets import Preset
from bot.ports import Clock
from bot.settings import Settings
from bot.store import open_stores
from tests.fakes.discord_bench import DiscordBench, SystemTime, open_discord, shipped

STEPS = (catch_up.setup, watch.setup)


async def restart(bench: DiscordBench, clock: Clock | None = None, **settings: Any) -> RefereeBot:
    """Stop the bot and start another one on the same store, as after a deployment."""
    # What close() does, which simcord leaves out.
    for cog in tuple(bench.bot.cogs):
        await bench.bot.remove_cog(cog)
    values = Settings(_env_file=None, **settings)  # type: ignore[call-arg]
    parts = Parts(shipped(), load_policy(values, shipped()), bench.stores, bench.scorer, bench.transcriber)
    bench.bot = await compose(values, parts, clock or SystemTime(), [*STEPS, sync.setup])
    await bench.env.restart_bot(bench.bot)
    await bench.env.settle()
    return bench.bot


def away(bench: DiscordBench, text: str, *, by: simcord.MemberActor | None = None, channel: int = 0) -> int:
    """Post a message of which the bot is not told."""
    said = bench.env.backend.create_message(channel or bench.lobby.id, (by or bench.ann).id, text, broadcast=False)
    return said.id


async def seen(bench: DiscordBench) -> dict[int, int]:
    found = await bench.stores.communities.seen(bench.community)
    return {int(channel): int(message) for channel, message in found.items()}


async def test_how_far_channels_were_read_is_noted_every_few_seconds_and_at_the_end(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        first = await bench.ann.send(bench.lobby, "hello")
        await bench.env.advance_time(6)
        assert await seen(bench) == {bench.lobby.id: first.id}

        second = await bench.ann.send(bench.lobby, "bye")
        await restart(bench)
        assert (await seen(bench))[bench.lobby.id] == second.id


async def test_a_channel_in_which_nothing_was_said_yet_is_caught_up_with_as_well(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await restart(bench)
        assert {bench.lobby.id, bench.review.id, bench.log.id} <= set(await seen(bench))
        quiet = away(bench, "you idiot", channel=bench.log.id)
        bench.scorer.scored.clear()
        await restart(bench)

        assert [incident.key.message for incident in await bench.incidents()] == [str(quiet)]


async def test_what_the_database_did_not_take_is_noted_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with open_discord(tmp_path, *STEPS) as bench:
        with monkeypatch.context() as patch:
            patch.setattr(bench.stores.communities, "note_all_seen", busy)
            said = await bench.ann.send(bench.lobby, "hello")
            await bench.env.advance_time(6)
        await bench.env.advance_time(6)

        assert await seen(bench) == {bench.lobby.id: said.id}


async def busy(*_: object) -> None:
    raise StoreBusy("another process holds the database")


async def test_what_was_said_while_away_is_read_in_order_and_only_once(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        missed = [away(bench, text) for text in ("one", "you idiot", "three")]
        await restart(bench)

        [incident] = await bench.incidents()
        assert incident.key.message == str(missed[1])
        assert [text for text in bench.scorer.scored if " " not in text] == ["hello", "one", "three"]
        assert await noted(bench) == missed[2]

        bench.scorer.scored.clear()
        await restart(bench)
        assert bench.scorer.scored == []


async def noted(bench: DiscordBench) -> int:
    await bench.env.advance_time(6)
    return (await seen(bench))[bench.lobby.id]


async def test_the_first_start_reads_nothing_of_what_was_said_before_it(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        away(bench, "you idiot")
        await bench.env.advance_time(10)
        async with forgotten(bench, tmp_path):
            await restart(bench)
            assert bench.scorer.scored == []


async def test_what_was_said_after_the_first_start_is_read_although_no_mark_was_ever_noted(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.env.advance_time(10)
        since = discord.utils.utcnow().isoformat()
        await bench.env.advance_time(10)
        said = away(bench, "you idiot")
        await bench.env.advance_time(10)
        async with forgotten(bench, tmp_path):
            await bench.stores.communities.remember("watched_since", since)
            await restart(bench)
            assert [int(each.key.message) for each in await bench.incidents()] == [said]


@asynccontextmanager
async def forgotten(bench: DiscordBench, folder: Path) -> AsyncIterator[None]:
    """Give the next process a database that knows nothing yet."""
    earlier, bench.stores = bench.stores, await open_stores(f"sqlite+aiosqlite:///{folder / 'other.db'}")
    try:
        yield
    finally:
        for cog in tuple(bench.bot.cogs):
            await bench.bot.remove_cog(cog)
        await bench.stores.close()
        bench.stores = earlier


async def test_an_edit_that_got_lost_is_judged_after_the_restart(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        said = await bench.ann.send(bench.lobby, "hello")
        clean = await bench.ann.send(bench.lobby, "a text that stays as it is, and is not judged a second time")
        await bench.env.advance_time(6)
        changed = bench.env.backend.get_message(bench.lobby.id, said.id)
        changed.content, changed.edited_timestamp = "you idiot", discord.utils.utcnow().isoformat()
        bench.scorer.scored.clear()
        await restart(bench)

        assert [(int(each.key.message), each.text) for each in await bench.incidents()] == [(said.id, "you idiot")]
        assert clean.content not in bench.scorer.scored
        await restart(bench)
        assert len(await bench.incidents()) == 1


async def test_switched_off_it_reads_nothing_and_goes_on_noting(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        away(bench, "you idiot")
        await restart(bench, catch_up_messages=0)
        said = await bench.ann.send(bench.lobby, "back")

        assert await bench.incidents() == []
        assert await noted(bench) == said.id


async def test_what_is_too_old_is_not_read(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        away(bench, "old")
        await bench.env.advance_time(3 * 3600)
        away(bench, "young")
        await restart(bench, catch_up_hours=1)

        assert bench.scorer.scored == ["hello", "young"]


async def test_what_is_too_much_is_counted_and_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        for number in range(5):
            away(bench, f"message {number} of a few that are too long to be pieces of a word")
        bench.scorer.scored.clear()
        bot = await restart(bench, catch_up_messages=2)
        tally = bot.services.pipeline.tally_of(bench.community)

        assert [text[8] for text in bench.scorer.scored] == ["3", "4"], "the newest are read, oldest first"
        assert (tally.not_scored[MISSED], tally.seen, tally.scored) == (3, 5, 2)
    assert f"channel {bench.lobby.id}: 3 messages or more came while away" in caplog.text


async def test_a_thread_that_was_made_while_away_is_read_from_its_title_on(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        thread = bench.env.backend.create_thread(bench.lobby.id, "you clown", bench.ben.id, broadcast=False)
        away(bench, "you idiot", channel=thread.id)
        await restart(bench)

        assert [each.text for each in await bench.incidents()] == ["you clown", "you idiot"]


async def test_who_is_exempt_is_known_of_what_was_said_while_away(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        now = bench.bot.services.clock.now()
        rules = CommunityPolicy(exempt_roles=frozenset({"Moderators"}))
        await bench.bot.services.communities.set_rules(bench.community, rules, "ada", now, "exempt")
        await bench.ann.send(bench.lobby, "hello")
        for person in (bench.mia, bench.ada, bench.ann):
            away(bench, "you idiot", by=person)
        await restart(bench)

        assert [int(each.author) for each in await bench.incidents()] == [bench.ada.id, bench.ann.id]


@pytest.mark.parametrize("status", [403, 404])
async def test_a_channel_that_cannot_be_read_does_not_keep_the_others_from_it(tmp_path: Path, status: int):
    async with open_discord(tmp_path, *STEPS) as bench:
        den = bench.guild.create_text_channel("den")
        for channel in (bench.lobby, den):
            await bench.ann.send(channel, "hello")
            away(bench, "you idiot", channel=channel.id)
        bench.env.inject_error("GET", f"/channels/{bench.lobby.id}/messages", status=status, times=5)
        await restart(bench)
        said = await bench.ann.send(bench.lobby, "back")

        assert [int(each.key.channel) for each in await bench.incidents()] == [den.id]
        assert await noted(bench) == said.id


async def test_a_channel_that_discord_cannot_serve_at_the_moment_is_read_later(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        missed = away(bench, "you idiot", channel=bench.lobby.id)
        bench.env.inject_error("GET", f"/channels/{bench.lobby.id}/messages", status=500, times=2)
        await restart(bench)
        await bench.env.advance_time(30)
        said = await bench.ann.send(bench.lobby, "back")
        assert await bench.incidents() == []
        assert await noted(bench) < missed, "the next process would read it"

        await bench.env.advance_time(60)
        assert [int(each.key.message) for each in await bench.incidents()] == [missed]
        assert await noted(bench) == said.id


async def test_a_channel_that_is_hidden_costs_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        away(bench, "you idiot")
        role = bench.guild.roles[bench.bot.user.name]  # type: ignore[union-attr]
        bench.env.backend.guilds[bench.guild.id].roles[role.id].permissions = 0
        bench.env.backend.guilds[bench.guild.id].roles[bench.guild.id].permissions = 0
        await restart(bench)

        assert await bench.incidents() == []
    assert "could not be caught up with" not in caplog.text


async def test_two_reconnects_at_once_do_not_read_anything_twice(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        catching = catching_up(bench)
        await catching.on_disconnect()
        missed(bench, "you idiot")
        await asyncio.gather(catching.on_ready(), catching.on_ready())

        assert bench.scorer.scored.count("you idiot") == 1
        assert len(await bench.incidents()) == 1


async def test_nothing_is_noted_between_a_disconnect_and_its_end(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        first = await bench.ann.send(bench.lobby, "hello")
        catching = catching_up(bench)
        await catching.on_disconnect()
        second = await bench.ann.send(bench.lobby, "live again")
        assert await noted(bench) == first.id

        await catching.on_resumed()
        assert await noted(bench) == second.id


async def test_a_kill_while_catching_up_loses_nothing(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        first = await bench.ann.send(bench.lobby, "hello")
        catching = catching_up(bench)
        await catching.on_disconnect()
        missed(bench, "slow")
        gate = bench.scorer.hold("slow")
        reading = asyncio.create_task(catching.on_ready())
        await asyncio.wait_for(bench.scorer.arrived["slow"].wait(), 5)
        live = await bench.ben.send(bench.lobby, "live")
        assert await noted(bench) == first.id

        gate.set()
        await reading
        assert await noted(bench) == live.id


def catching_up(bench: DiscordBench) -> catch_up.CatchUp:
    cog = bench.bot.get_cog("CatchUp")
    assert isinstance(cog, catch_up.CatchUp)
    return cog


def missed(bench: DiscordBench, text: str) -> None:
    """Post a message that is heard of by reconnecting only, when Discord tells which message is a channel's last."""
    channel = bench.bot.get_channel(bench.lobby.id)
    assert isinstance(channel, discord.TextChannel)
    channel.last_message_id = away(bench, text)


async def test_what_was_decided_before_the_start_is_done_after_it(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.set_up(Preset.STANDARD)
        said = await bench.ann.send(bench.lobby, "hello")
        decision = Decision(Action.DELETE, Action.DELETE, Mode.LIVE, "insult", 0.9, ("because",), strike=True)
        key = SourceKey(Platform.DISCORD, bench.community, str(bench.lobby.id), str(said.id), "")
        incident = Incident(
            key, str(bench.ann.id), said.created_at, "you idiot", decision, 0.9, {}, "test-1", outcome=Outcome.PENDING
        )
        await bench.stores.incidents.record(incident)
        # The store goes by the clock of this machine.
        await restart(bench, clock=SystemClock())

        assert [each.outcome for each in await bench.incidents()] != [Outcome.PENDING]


async def test_how_far_a_channel_was_read_goes_with_it(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        thread = bench.env.backend.create_thread(bench.lobby.id, "a thread", bench.ann.id)
        den = bench.guild.create_text_channel("den")
        for channel in (thread.id, den.id):
            bench.env.backend.create_message(channel, bench.ann.id, "hello")
        await bench.env.advance_time(6)
        assert {thread.id, den.id} <= (await seen(bench)).keys()
        for channel in (thread.id, den.id):
            bench.env.backend.delete_channel(channel)
        await bench.env.advance_time(6)

        assert not {thread.id, den.id} & (await seen(bench)).keys()


async def test_a_server_that_comes_late_is_read_then_and_its_marks_wait_for_it(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        first = await bench.ann.send(bench.lobby, "hello")
        catching, guild = catching_up(bench), bench.bot.get_guild(bench.guild.id)
        assert guild is not None
        await catching.on_disconnect()
        guild.unavailable = True
        await catching.on_ready()
        missed(bench, "you idiot")
        assert await bench.incidents() == []
        guild.unavailable = False
        live = await bench.ben.send(bench.lobby, "live again")
        assert await noted(bench) == first.id

        await catching.on_guild_available(guild)
        assert [each.text for each in await bench.incidents()] == ["you idiot"]
        assert await noted(bench) == live.id


async def test_what_was_said_during_the_outage_of_a_server_is_read_after_it(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        first = await bench.ann.send(bench.lobby, "hello")
        catching, guild = catching_up(bench), bench.bot.get_guild(bench.guild.id)
        assert guild is not None
        assert {"on_guild_available", "on_guild_unavailable"} <= {name for name, _ in catching.get_listeners()}
        await catching.on_guild_unavailable(guild)
        missed(bench, "you idiot")
        assert await noted(bench) == first.id

        await catching.on_guild_available(guild)
        assert [each.text for each in await bench.incidents()] == ["you idiot"]


async def test_a_channel_whose_last_message_is_not_told_is_read(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        catching = catching_up(bench)
        await catching.on_disconnect()
        away(bench, "you idiot")
        channel = bench.bot.get_channel(bench.lobby.id)
        assert isinstance(channel, discord.TextChannel)
        channel.last_message_id = None
        await catching.on_ready()

        assert [each.text for each in await bench.incidents()] == ["you idiot"]


async def test_what_could_not_be_finished_at_the_start_is_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_discord(tmp_path, *STEPS) as bench:
        catching = catching_up(bench)
        recovered: list[Platform] = []

        async def recover(platform: Platform, before: object) -> None:
            recovered.append(platform)
            if len(recovered) == 1:
                raise StoreBusy("another process holds the database")

        monkeypatch.setattr(bench.bot.services.pipeline, "recover", recover)
        catching._unfinished = [catching._recover]
        await catching.on_ready()
        assert len(recovered) == 1
        await bench.env.advance_time(61)
        assert len(recovered) == 2
        await bench.env.advance_time(200)
        await catching.on_ready()

        assert len(recovered) == 2


async def test_a_database_that_is_slow_at_a_disconnect_does_not_stop_the_marks_after_the_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_discord(tmp_path, *STEPS) as bench:
        catching, gate, begun = catching_up(bench), asyncio.Event(), asyncio.Event()
        note = bench.stores.communities.note_all_seen

        async def slowly(*given: Any) -> None:
            begun.set()
            await gate.wait()
            await note(*given)

        with monkeypatch.context() as patch:
            patch.setattr(bench.stores.communities, "note_all_seen", slowly)
            await bench.ann.send(bench.lobby, "hello")
            leaving = asyncio.create_task(catching.on_disconnect())
            await asyncio.wait_for(begun.wait(), 5)
            await catching.on_resumed()
            gate.set()
            await leaving
        said = await bench.ann.send(bench.lobby, "live again")

        assert await noted(bench) == said.id
        assert catching.is_caught_up


async def test_a_connection_that_is_resumed_while_something_is_read_counts_as_resumed_afterwards(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        catching, resuming = catching_up(bench), None
        await bench.ann.send(bench.lobby, "hello")
        missed(bench, "slow")
        gate = bench.scorer.hold("slow")
        await catching.on_disconnect()
        reading = asyncio.create_task(catching.on_ready())
        await asyncio.wait_for(bench.scorer.arrived["slow"].wait(), 5)
        await catching.on_disconnect()
        resuming = asyncio.create_task(catching.on_resumed())
        gate.set()
        await asyncio.gather(reading, resuming)
        live = await bench.ben.send(bench.lobby, "live again")

        assert await noted(bench) == live.id
        assert catching.is_caught_up


async def test_a_new_connection_that_is_lost_before_it_is_caught_up_with_releases_no_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_discord(tmp_path, *STEPS) as bench:
        catching, begun, gate = catching_up(bench), asyncio.Event(), asyncio.Event()
        first = await bench.ann.send(bench.lobby, "hello")
        assert await noted(bench) == first.id

        async def slowly() -> bool:
            begun.set()
            await gate.wait()
            return True

        catching._unfinished = [slowly]
        await catching.on_disconnect()
        early = asyncio.create_task(catching.on_ready())
        await asyncio.wait_for(begun.wait(), 5)
        await catching.on_disconnect()
        gate.set()
        await early
        assert not catching.is_caught_up
        missed(bench, "you idiot")
        await bench.ben.send(bench.lobby, "live again")
        assert await noted(bench) == first.id, "what was missed is not passed"

        await catching.on_ready()
        assert [each.text for each in await bench.incidents()] == ["you idiot"]
        assert catching.is_caught_up


async def test_a_server_that_is_left_before_it_could_be_read_is_nothing_to_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_discord(tmp_path, *STEPS) as bench:
        catching = catching_up(bench)
        with monkeypatch.context() as patch:
            patch.setattr(bench.stores.communities, "seen", busy)
            await catching.on_ready()
        assert not catching.is_caught_up
        catching._to_open = {4711}
        await bench.env.advance_time(61)

        assert catching.is_caught_up


async def test_what_could_only_be_read_after_an_outage_leaves_nothing_to_wait_for(tmp_path: Path):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        catching, guild = catching_up(bench), bench.bot.get_guild(bench.guild.id)
        assert guild is not None
        missed(bench, "you idiot")
        bench.env.inject_error("GET", f"/channels/{bench.lobby.id}/messages", status=500, times=1)
        await catching.on_ready()
        assert not catching.is_caught_up
        await catching.on_guild_unavailable(guild)
        await catching.on_guild_available(guild)

        assert [each.text for each in await bench.incidents()] == ["you idiot"]
        assert catching.is_caught_up


async def test_a_missed_message_that_cannot_be_read_hides_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        catching = catching_up(bench)
        await catching.on_disconnect()
        earlier, odd = away(bench, "you idiot"), away(bench, "odd")
        missed(bench, "you clown")
        create, state = bench.bot._connection.create_message, bench.bot._connection

        def reading(*, channel: Any, data: Any) -> discord.Message:
            if int(data["id"]) == odd:
                raise KeyError("author")
            return create(channel=channel, data=data)

        monkeypatch.setattr(state, "create_message", reading)
        await catching.on_ready()

        assert [each.text for each in await bench.incidents()] == ["you idiot", "you clown"]
        assert f"message {odd} in channel" in caplog.text
        assert earlier < odd
        assert catching.is_caught_up
        live = await bench.ann.send(bench.lobby, "live again")
        assert await noted(bench) == live.id


async def test_a_missed_message_that_cannot_be_judged_keeps_nobody_from_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_discord(tmp_path, *STEPS) as bench:
        await bench.ann.send(bench.lobby, "hello")
        catching, found = catching_up(bench), bench.bot.get_cog("Watch")
        assert isinstance(found, watch.Watch)
        take = found.intake.take_message

        async def judging(message: discord.Message) -> bool:
            if message.content == "odd":
                raise RuntimeError("nobody expected this")
            return await take(message)

        monkeypatch.setattr(found.intake, "take_message", judging)
        await catching.on_disconnect()
        away(bench, "odd")
        missed(bench, "you idiot")
        await catching.on_ready()

        assert [each.text for each in await bench.incidents()] == ["you idiot"]
        assert catching.is_caught_up
