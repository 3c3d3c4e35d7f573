"""What is not done, and how the moderators are told."""

from dataclasses import replace
from pathlib import Path

import discord
import pytest

from bot.community import ERASED
from bot.domain import Action, Outcome, Surface
from tests.bot.enforce.cases import arena, calls, deny, enforced, flagged, texts, timeout_of, top_role

PLACES = [
    ({"community": "1"}, "Referee is no longer in the server"),
    ({"community": "arena"}, "Referee is no longer in the server"),
    ({"community": "²³"}, "Referee is no longer in the server"),
    ({"channel": "1"}, "the channel is gone, or hidden from Referee"),
    ({"channel": "../../users/@me"}, "the channel is gone, or hidden from Referee"),
    ({"message": "m1"}, "nothing is known any more of who wrote it, or where"),
    ({"message": "member:"}, "nothing is known any more of who wrote it, or where"),
    ({"message": "message:5"}, "nothing is known any more of who wrote it, or where"),
    ({"message": "9" * 400}, "nothing is known any more of who wrote it, or where"),
]
RIGHTS = [
    (Action.DELETE, "manage_messages", "Manage Messages in the channel"),
    (Action.TIMEOUT, "moderate_members", "Time out members"),
    (Action.KICK, "kick_members", "Kick Members"),
    (Action.BAN, "ban_members", "Ban Members"),
]
MIA = "moderates here"
PUNISHMENTS = (Action.WARN, Action.DELETE, Action.TIMEOUT, Action.KICK, Action.BAN)


async def test_owner_administrators_and_moderators_are_left_alone_and_their_messages_too(tmp_path: Path):
    async with arena(tmp_path) as bench:
        for author, why in ((bench.olga, "owns the server"), (bench.ada, "administers the server"), (bench.mia, MIA)):
            answers = {await enforced(bench, action, author=author) for action in PUNISHMENTS}

            assert answers == {(Outcome.REFUSED, f"not done: the member {why}")}
            assert timeout_of(bench, author) is None
        assert len(texts(bench.lobby)) == 3 * len(PUNISHMENTS)
        assert {call.method for call in bench.env.http_requests if "/commands" not in call.path} <= {"GET"}


async def test_a_missing_permission_is_named_and_discord_is_not_asked(tmp_path: Path):
    async with arena(tmp_path) as bench:
        for action, right, name in RIGHTS:
            deny(bench, right)
            outcome, told = await enforced(bench, action)

            assert outcome is Outcome.REFUSED
            assert f"Referee lacks the permission {name}" in told
        assert calls(bench, "PATCH", "/members/") + calls(bench, "PUT", "/bans/") == []
        assert calls(bench, "DELETE", "/members/") == []
        assert bench.ann.id in bench.guild.member_ids()


async def test_where_only_the_timeout_is_impossible_the_message_is_deleted_all_the_same(tmp_path: Path):
    async with arena(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "you clown")
        deny(bench, "moderate_members")

        answer = await enforced(bench, Action.TIMEOUT, message)

        assert answer == (Outcome.REFUSED, "Referee lacks the permission Time out members; the message was deleted")
        assert texts(bench.lobby) == []


async def test_where_only_the_deletion_is_impossible_the_timeout_holds_and_the_moderators_are_told(
    tmp_path: Path,
):
    async with arena(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "you clown")
        deny(bench, "manage_messages")

        outcome, detail = await enforced(bench, Action.TIMEOUT, message)

        assert outcome is Outcome.DONE
        assert detail == (
            "timed out for 1 hour; the message stays: Referee lacks the permission Manage Messages in the channel"
        )
        assert timeout_of(bench, bench.ann) is not None


async def test_a_channel_that_the_bot_may_not_read_is_named_as_the_reason(tmp_path: Path):
    async with arena(tmp_path) as bench:
        hidden = bench.guild.create_text_channel(
            "hidden",
            overwrites={bench.bot.get_guild(bench.guild.id).me: discord.PermissionOverwrite(view_channel=False)},
        )

        outcome, detail = await enforced(bench, Action.DELETE, channel=hidden)

        assert (outcome, detail) == (Outcome.REFUSED, "Referee lacks the permission View Channels in the channel")


async def test_a_member_whose_role_is_above_the_bots_is_not_punished(tmp_path: Path):
    async with arena(tmp_path) as bench:
        top_role(bench, "Legends", bench.ann)
        for action in (Action.TIMEOUT, Action.KICK, Action.BAN):
            outcome, detail = await enforced(bench, action)

            assert outcome is Outcome.REFUSED
            assert "move the role of Referee up" in detail
        assert bench.ann.id in bench.guild.member_ids()
        assert timeout_of(bench, bench.ann) is None


async def test_who_has_left_cannot_be_punished_but_the_message_goes(tmp_path: Path):
    async with arena(tmp_path) as bench:
        actions = (Action.WARN, Action.TIMEOUT, Action.KICK)
        incidents = [await flagged(bench, action) for action in actions]
        bench.guild.remove_member(bench.ann)
        bench.bot._connection._messages.clear()

        for incident in incidents:
            outcome, detail = await bench.bot.enforcer.enforce(incident)

            assert outcome is Outcome.REFUSED
            assert detail.startswith("the member has left the server")
        assert texts(bench.lobby) == ["you clown"]
        assert len(calls(bench, "GET", "/members/")) == len(actions)


async def test_who_has_left_can_still_be_banned(tmp_path: Path):
    async with arena(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "you clown")
        bench.guild.remove_member(bench.ann)

        assert await enforced(bench, Action.BAN, message) == (Outcome.DONE, "banned; the message was deleted")
        assert bench.guild.get_ban(bench.ann) is not None


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_a_webhook_wrote_can_be_deleted_and_no_more(tmp_path: Path, restarted: bool):
    async with arena(tmp_path) as bench:
        webhook = bench.guild.create_webhook(bench.lobby)
        for action in PUNISHMENTS:
            message = await webhook.send(action)
            if restarted:
                bench.bot._connection._messages.clear()

            outcome, detail = await enforced(bench, action, message, author=message.author)

            assert outcome is (Outcome.DONE if action is Action.DELETE else Outcome.REFUSED)
            assert ("a webhook cannot be" in detail) == (action is not Action.DELETE)
        assert texts(bench.lobby) == [Action.WARN]


async def test_what_another_bot_wrote_can_be_deleted_and_no_more(tmp_path: Path):
    async with arena(tmp_path) as bench:
        admins = bench.guild.roles["Admins"]
        other = bench.guild.add_member(bench.env.create_user("bridge", bot=True), roles=[admins])
        for action in PUNISHMENTS:
            outcome, detail = await enforced(bench, action, await other.send(bench.lobby, action), author=other)

            assert outcome is (Outcome.DONE if action is Action.DELETE else Outcome.REFUSED)
            assert ("a bot cannot be" in detail) == (action is not Action.DELETE)
        assert texts(bench.lobby) == [Action.WARN]
        assert other.id in bench.guild.member_ids()


async def test_what_automod_handled_is_not_handled_twice(tmp_path: Path):
    async with arena(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "you clown")
        bench.bot.enforcer.automod.note(message.id)

        answer = await enforced(bench, Action.TIMEOUT, message)

        assert answer == (Outcome.REFUSED, "AutoMod handled it already")
        assert timeout_of(bench, bench.ann) is None


async def test_the_bot_does_not_act_on_itself(tmp_path: Path):
    async with arena(tmp_path) as bench:
        me = bench.bot.get_guild(bench.guild.id).me

        outcome, detail = await enforced(bench, Action.BAN, f"member:{me.id}", author=me, surface=Surface.NAME)

        assert (outcome, detail) == (Outcome.REFUSED, "not done: Referee does not act on itself")


async def test_a_place_that_is_gone_or_makes_no_sense_is_refused_in_words(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.DELETE)
        for key, detail in PLACES:
            elsewhere = replace(incident, key=replace(incident.key, **key))

            assert await bench.bot.enforcer.enforce(elsewhere) == (Outcome.REFUSED, detail)
        assert texts(bench.lobby) == ["you clown"]


async def test_nothing_is_done_to_somebody_whose_data_were_erased(tmp_path: Path):
    async with arena(tmp_path) as bench:
        for action in (Action.WARN, Action.TIMEOUT, Action.BAN):
            incident = replace(await flagged(bench, action), author=ERASED)

            for answer in (await bench.bot.enforcer.enforce(incident), await bench.bot.enforcer.undo(incident)):
                assert answer[0] is Outcome.REFUSED
                assert answer[1].startswith("nothing is known any more")


async def test_a_timeout_holds_where_the_channel_is_gone(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT)
        elsewhere = replace(incident, key=replace(incident.key, channel="1"))

        assert await bench.bot.enforcer.enforce(elsewhere) == (
            Outcome.DONE,
            "timed out for 1 hour; the message stays: the channel is gone, or hidden from Referee",
        )


async def test_a_server_that_discord_does_not_serve_at_the_moment_is_not_asked(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT)
        bench.bot.get_guild(bench.guild.id).unavailable = True

        outcome, detail = await bench.bot.enforcer.enforce(incident)

        assert outcome is Outcome.FAILED
        assert "at the moment" in detail
