"""What each action does, when nothing stands in its way."""

from datetime import datetime, timedelta
from pathlib import Path

import discord
import pytest

from bot.domain import Action, Outcome, Surface
from tests.bot.enforce.cases import arena, calls, direct_messages, done_by_the_bot, enforced, flagged, texts, timeout_of


async def test_a_deletion_removes_the_message_and_the_audit_log_names_the_incident(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.DELETE)

        assert await bench.bot.enforcer.enforce(incident) == (Outcome.DONE, "the message was deleted")
        assert texts(bench.lobby) == []
        assert direct_messages(bench, bench.ann) == []
        assert calls(bench, "DELETE", "/messages/")[0].reason == f"Referee incident {incident.id}: insult (0.97)"


async def test_a_message_that_is_gone_already_counts_as_deleted(tmp_path: Path):
    async with arena(tmp_path) as bench:
        message = await bench.ann.send(bench.lobby, "you clown")
        await bench.ann.delete(message)

        assert await enforced(bench, Action.DELETE, message) == (Outcome.DONE, "the message was gone already")


async def test_an_author_who_was_seen_is_not_asked_for_again_before_a_deletion(tmp_path: Path):
    async with arena(tmp_path) as bench:
        await enforced(bench, Action.DELETE)

        assert calls(bench, "GET", "/members/") == []


async def test_a_warning_tells_the_member_what_why_where_and_whom_to_ask(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.WARN)

        assert (await bench.bot.enforcer.enforce(incident))[0] is Outcome.DONE
        [told] = direct_messages(bench, bench.ann)
        assert "**Arena**" in told
        assert "insult (abuse aimed at a person)" in told
        assert f"https://discord.com/channels/{bench.guild.id}/{bench.lobby.id}/{incident.key.message}" in told
        assert "moderators" in told
        assert f"Incident {incident.id}" in told
        assert "clown" not in told
        assert texts(bench.lobby) == ["you clown"]


async def test_a_name_of_a_server_that_pings_or_formats_does_neither_in_a_warning(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.bot.get_guild(bench.guild.id).name = "**@everyone** https://evil.example"

        await enforced(bench, Action.WARN)

        [told] = direct_messages(bench, bench.ann)
        assert "@everyone" not in told
        assert "https://evil.example" not in told


async def test_who_takes_no_direct_messages_is_warned_in_the_channel_for_a_while_without_what_was_said(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.WARN)
        bench.env.inject_error("POST", f"/channels/{bench.ann.user.dm_channel.id}/messages", status=403, code=50007)

        answer = await done_by_the_bot(bench, bench.bot.enforcer.enforce(incident))

        assert answer == (Outcome.DONE, "warned in the channel: the member takes no direct messages")
        shown = texts(bench.lobby)[-1]
        assert shown.startswith(bench.ann.mention)
        assert "clown" not in shown
        [sent] = calls(bench, "POST", f"/channels/{bench.lobby.id}/messages")
        assert sent.json["allowed_mentions"]["parse"] == []
        assert sent.json["allowed_mentions"]["users"] == [bench.ann.id]
        await bench.env.advance_time(31)
        assert texts(bench.lobby) == ["you clown", "go"]


async def test_a_timeout_holds_as_long_as_the_policy_says_and_takes_the_message_away(tmp_path: Path):
    async with arena(tmp_path) as bench:
        outcome, detail = await enforced(bench, Action.TIMEOUT, duration=timedelta(hours=2))

        assert (outcome, detail) == (Outcome.DONE, "timed out for 2 hours; the message was deleted")
        left = datetime.fromisoformat(timeout_of(bench, bench.ann)) - bench.bot.services.clock.now()
        assert timedelta(minutes=119) < left <= timedelta(hours=2)
        assert texts(bench.lobby) == []
        assert "timed out in **Arena** for 2 hours" in direct_messages(bench, bench.ann)[0]
        [call] = calls(bench, "PATCH", "/members/")
        assert call.reason.startswith("Referee incident ")


async def test_no_timeout_is_longer_than_discord_takes(tmp_path: Path):
    async with arena(tmp_path) as bench:
        for author, asked in ((bench.ann, timedelta(days=28)), (bench.ben, timedelta(days=400))):
            assert (await enforced(bench, Action.TIMEOUT, author=author, duration=asked))[0] is Outcome.DONE

            left = datetime.fromisoformat(timeout_of(bench, author)) - bench.bot.services.clock.now()
            assert timedelta(days=27, hours=23) < left < timedelta(days=28)


async def test_a_longer_timeout_that_a_human_has_set_is_not_shortened(tmp_path: Path):
    async with arena(tmp_path) as bench:
        until = (bench.bot.services.clock.now() + timedelta(days=7)).isoformat()
        message = await bench.ann.send(bench.lobby, "you clown")
        bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"timed_out_until": until})

        outcome, detail = await enforced(bench, Action.TIMEOUT, message)

        assert outcome is Outcome.DONE
        assert "is timed out as long or longer already" in detail
        assert timeout_of(bench, bench.ann) == until
        assert direct_messages(bench, bench.ann) == []


async def test_the_second_timeout_of_one_outburst_costs_no_call_and_no_notice(tmp_path: Path):
    async with arena(tmp_path) as bench:
        first, second = [await flagged(bench, Action.TIMEOUT) for _ in range(2)]

        await bench.bot.enforcer.enforce(first)
        await bench.bot.enforcer.enforce(second)

        assert len(calls(bench, "PATCH", "/members/")) == 1
        assert len(direct_messages(bench, bench.ann)) == 1
        assert texts(bench.lobby) == []


@pytest.mark.parametrize(("action", "done"), [(Action.KICK, "kicked"), (Action.BAN, "banned")])
async def test_who_is_removed_is_told_first_and_what_it_was_for_goes_too(tmp_path: Path, action: Action, done: str):
    async with arena(tmp_path) as bench:
        assert await enforced(bench, action) == (Outcome.DONE, f"{done}; the message was deleted")

        assert bench.ann.id not in bench.guild.member_ids()
        assert (bench.guild.get_ban(bench.ann) is not None) == (action is Action.BAN)
        assert texts(bench.lobby) == []
        assert (
            f"being {'removed' if action is Action.KICK else 'banned'} from **Arena**"
            in (direct_messages(bench, bench.ann)[0])
        )


async def test_a_ban_deletes_no_other_messages(tmp_path: Path):
    async with arena(tmp_path) as bench:
        await enforced(bench, Action.BAN)

        [call] = calls(bench, "PUT", "/bans/")
        assert int(call.params.get("delete_message_seconds", 0)) == 0
        assert "delete_message_days" not in call.params


async def test_who_takes_no_direct_messages_is_punished_all_the_same(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.inject_error("POST", "/users/@me/channels", status=403, code=50007, times=None)

        cat = bench.guild.add_member(bench.env.create_user("cat"))
        for author, action in ((bench.ann, Action.TIMEOUT), (bench.ben, Action.KICK), (cat, Action.BAN)):
            assert (await enforced(bench, action, author=author))[0] is Outcome.DONE


async def test_a_flagged_nickname_is_reset_instead_of_deleted(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"nick": "you clown"})

        outcome = await enforced(bench, Action.DELETE, f"member:{bench.ann.id}", surface=Surface.NAME)

        assert outcome == (Outcome.DONE, "the nickname was reset")
        assert bench.env.backend.guilds[bench.guild.id].members[bench.ann.id].nick == ""


async def test_the_name_of_an_account_is_left_alone_and_the_moderators_are_told(tmp_path: Path):
    async with arena(tmp_path) as bench:
        outcome, detail = await enforced(bench, Action.DELETE, f"member:{bench.ann.id}", surface=Surface.NAME)

        assert outcome is Outcome.REFUSED
        assert "cannot be changed" in detail


async def test_a_timeout_for_a_nickname_resets_it_too(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"nick": "you clown"})

        answer = await enforced(bench, Action.TIMEOUT, f"member:{bench.ann.id}", surface=Surface.NAME)

        assert answer == (Outcome.DONE, "timed out for 1 hour; the nickname was reset")


async def test_a_title_is_left_to_the_moderators_but_its_author_may_be_timed_out(tmp_path: Path):
    async with arena(tmp_path) as bench:
        title = f"thread:{bench.lobby.id}"

        assert await enforced(bench, Action.DELETE, title, surface=Surface.TITLE) == (
            Outcome.REFUSED,
            "a title is left to the moderators: rename or delete the thread by hand",
        )
        title = f"thread:{bench.review.id}"
        outcome, detail = await enforced(bench, Action.TIMEOUT, title, surface=Surface.TITLE)
        assert outcome is Outcome.DONE
        assert "the title stays" in detail


async def test_a_message_in_a_thread_is_deleted_there_even_if_the_thread_is_no_longer_in_memory(tmp_path: Path):
    async with arena(tmp_path) as bench:
        lobby = bench.bot.get_channel(bench.lobby.id)
        thread = await lobby.create_thread(name="talk", type=discord.ChannelType.public_thread)
        [handle] = bench.lobby.threads
        for forgotten in (False, True):
            message = await bench.ann.send(handle, "you clown")
            if forgotten:
                lobby.guild._threads.clear()

            answer = await enforced(bench, Action.DELETE, message, channel=thread)

            assert answer == (Outcome.DONE, "the message was deleted")
            assert "you clown" not in texts(handle)


async def test_what_is_only_flagged_is_left_alone(tmp_path: Path):
    async with arena(tmp_path) as bench:
        assert await enforced(bench, Action.FLAG) == (Outcome.NOT_NEEDED, "")
        assert texts(bench.lobby) == ["you clown"]
