"""What is taken back after a false alarm, and what moderators do by hand."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import discord
import pytest
from simcord import MemberActor

from bot.domain import Action, Incident, Outcome, Review, ReviewVerdict, Surface
from tests.bot.enforce.cases import (
    arena,
    calls,
    deny,
    direct_messages,
    flagged,
    grant,
    lift,
    texts,
    timeout_of,
    top_role,
    without,
)
from tests.fakes.discord_bench import DiscordBench

GONE = "the deleted message cannot be restored"


async def test_a_timeout_is_lifted_and_the_member_told(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT)
        await bench.bot.enforcer.enforce(incident)

        assert await bench.bot.enforcer.undo(incident) == (Outcome.UNDONE, f"the timeout was lifted; {GONE}")
        assert timeout_of(bench, bench.ann) is None
        assert "flagged by mistake" in direct_messages(bench, bench.ann)[-1]
        assert f"incident {incident.id}" in calls(bench, "PATCH", "/members/")[-1].reason
        assert await bench.bot.enforcer.undo(incident) == (Outcome.UNDONE, f"the timeout was over already; {GONE}")


async def test_a_timeout_that_the_moderators_made_longer_stays(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT)
        await bench.bot.enforcer.enforce(incident)
        until = (bench.bot.services.clock.now() + timedelta(days=3)).isoformat()
        bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"timed_out_until": until})

        outcome, detail = await bench.bot.enforcer.undo(incident)

        assert outcome is Outcome.UNDONE
        assert "a longer timeout than Referee's was set since, and stays" in detail
        assert timeout_of(bench, bench.ann) == until


def wrote(bench: DiscordBench, person: MemberActor) -> str:
    """Return a message that the server took just before its author was timed out."""
    return str(bench.env.backend.create_message(bench.lobby.id, person.id, "you clown").id)


async def kept(bench: DiscordBench, incident: Incident) -> Incident:
    """Carry an incident out, keep what came of it, and return it as it stands then."""
    await bench.stores.incidents.finish(incident.id, *(await bench.bot.enforcer.enforce(incident)))
    return await bench.stores.incidents.get(incident.id)


async def given(bench: DiscordBench, incident: Incident, verdict: ReviewVerdict) -> Incident:
    now = bench.bot.services.clock.now()
    return await bench.stores.incidents.review(Review(incident.id, verdict, str(bench.mia.id), now))


async def test_a_timeout_that_a_moderator_set_before_stays(tmp_path: Path):
    async with arena(tmp_path) as bench:
        until = (bench.bot.services.clock.now() + timedelta(minutes=12)).isoformat()
        bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"timed_out_until": until})
        incident = await kept(
            bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann), duration=timedelta(minutes=10))
        )

        outcome, detail = await bench.bot.enforcer.undo(incident)

        assert (outcome, detail) == (Outcome.UNDONE, f"the timeout that ran before stays; {GONE}")
        assert timeout_of(bench, bench.ann) == until


async def test_a_timeout_stays_while_another_incident_asks_for_it(tmp_path: Path):
    async with arena(tmp_path) as bench:
        first = await kept(bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann)))
        await given(bench, first, ReviewVerdict.CONFIRM)
        await bench.env.advance_time(120)
        second = await kept(bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann)))
        until = timeout_of(bench, bench.ann)
        dismissed = await given(bench, second, ReviewVerdict.DISMISS)

        outcome, detail = await bench.bot.enforcer.undo(dismissed)

        assert (outcome, detail) == (Outcome.UNDONE, f"the timeout stays, for incident {first.id}; {GONE}")
        assert timeout_of(bench, bench.ann) == until
        assert until is not None


async def test_a_longer_timeout_is_cut_back_to_what_another_incident_asked_for(tmp_path: Path):
    async with arena(tmp_path) as bench:
        first = await kept(bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann)))
        second = await kept(
            bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann), duration=timedelta(days=1))
        )
        dismissed = await given(bench, second, ReviewVerdict.DISMISS)

        _, detail = await bench.bot.enforcer.undo(dismissed)

        assert detail == f"the timeout was cut back to that of incident {first.id}; {GONE}"
        left = datetime.fromisoformat(timeout_of(bench, bench.ann) or "") - bench.bot.services.clock.now()
        assert timedelta(minutes=59) < left <= timedelta(hours=1)


async def test_a_timeout_is_lifted_where_the_others_were_dismissed_are_over_or_are_of_somebody_else(tmp_path: Path):
    async with arena(tmp_path) as bench:
        await kept(bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann), duration=timedelta(minutes=1)))
        await bench.env.advance_time(120)
        wrong = await kept(bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann)))
        await given(bench, wrong, ReviewVerdict.DISMISS)
        await kept(bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ben), author=bench.ben))
        await kept(bench, await flagged(bench, Action.WARN, wrote(bench, bench.ann)))
        last = await kept(
            bench, await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann), duration=timedelta(days=1))
        )

        assert await bench.bot.enforcer.undo(last) == (Outcome.UNDONE, f"the timeout was lifted; {GONE}")
        assert timeout_of(bench, bench.ann) is None
        assert timeout_of(bench, bench.ben) is not None


async def test_a_timeout_for_which_no_length_was_given_is_lifted_as_well(tmp_path: Path):
    async with arena(tmp_path) as bench:
        unsaid = await flagged(bench, Action.TIMEOUT, wrote(bench, bench.ann))
        unsaid = replace(unsaid, decision=replace(unsaid.decision, duration=None))
        await bench.bot.enforcer.enforce(unsaid)

        assert (await bench.bot.enforcer.undo(unsaid))[1] == f"the timeout was lifted; {GONE}"
        assert timeout_of(bench, bench.ann) is None


async def test_a_ban_is_lifted_once(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.BAN)
        await bench.bot.enforcer.enforce(incident)

        outcome, detail = await bench.bot.enforcer.undo(incident)

        assert (outcome, detail) == (Outcome.UNDONE, f"unbanned, and has to be invited again; {GONE}")
        assert bench.guild.get_ban(bench.ann) is None
        assert await bench.bot.enforcer.undo(incident) == (Outcome.UNDONE, f"is not banned any more; {GONE}")


async def test_a_ban_that_was_there_before_stays(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.BAN, wrote(bench, bench.ann))
        guild = bench.bot.get_guild(bench.guild.id)
        assert guild is not None
        await guild.ban(discord.Object(bench.ann.id), reason="a moderator's own")
        banned = await kept(bench, incident)
        assert (banned.outcome, "is banned already" in banned.outcome_detail) == (Outcome.DONE, True)

        outcome, detail = await bench.bot.enforcer.undo(banned)

        assert (outcome, "the ban that was there before stays" in detail) == (Outcome.UNDONE, True)
        assert bench.guild.get_ban(bench.ann) is not None


async def test_a_kick_and_a_deletion_stay_done_and_the_moderators_are_told_what_remains(tmp_path: Path):
    async with arena(tmp_path) as bench:
        kick, deletion = await flagged(bench, Action.KICK), await flagged(bench, Action.DELETE)

        assert await bench.bot.enforcer.undo(kick) == (
            Outcome.DONE,
            f"was kicked, and has to be invited again; {GONE}",
        )
        assert await bench.bot.enforcer.undo(deletion) == (Outcome.DONE, GONE)


async def test_a_message_that_stayed_is_not_said_to_be_gone(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT)
        stayed = replace(incident, outcome_detail="timed out for 1 hour; the message stays: it was hidden")
        name = replace(incident, surface=Surface.NAME)

        assert GONE not in (await bench.bot.enforcer.undo(stayed))[1]
        assert "nickname" in (await bench.bot.enforcer.undo(name))[1]


async def test_a_warning_is_taken_back_in_words(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.WARN)

        assert await bench.bot.enforcer.undo(incident) == (
            Outcome.UNDONE,
            "the member was told that it was a false alarm",
        )
        bench.env.inject_error("POST", "/channels/*/messages", status=403, code=50007)
        assert await bench.bot.enforcer.undo(incident) == (
            Outcome.UNDONE,
            "the member takes no direct messages, and could not be told that it was a false alarm",
        )


async def test_an_undo_says_why_it_did_not_work(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT)
        await bench.bot.enforcer.enforce(incident)
        bench.env.inject_error("PATCH", "/guilds/*", status=503)
        assert (await bench.bot.enforcer.undo(incident))[0] is Outcome.FAILED
        bench.env.inject_error("PATCH", "/guilds/*", status=403, code=50013)
        assert (await bench.bot.enforcer.undo(incident))[0] is Outcome.REFUSED
        bench.guild.remove_member(bench.ann)
        outcome, detail = await bench.bot.enforcer.undo(incident)
        assert (outcome, "has left" in detail) == (Outcome.REFUSED, True)


@pytest.mark.parametrize(("action", "right"), [(Action.TIMEOUT, "moderate_members"), (Action.BAN, "ban_members")])
async def test_an_undo_without_the_permission_names_it(tmp_path: Path, action: Action, right: str):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, action)
        await bench.bot.enforcer.enforce(incident)
        deny(bench, right)

        outcome, detail = await bench.bot.enforcer.undo(incident)

        assert outcome is Outcome.REFUSED
        assert detail.startswith("Referee lacks the permission")


@pytest.mark.parametrize("action", [Action.DELETE, Action.TIMEOUT, Action.KICK, Action.BAN])
async def test_by_hand_it_takes_the_moderators_own_permission_and_the_audit_log_names_them(
    tmp_path: Path, action: Action
):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.FLAG)
        mia = await member(bench, bench.mia)

        outcome, detail = await bench.bot.enforcer.act(incident, action, timedelta(hours=1), mia)
        assert outcome is Outcome.REFUSED
        assert detail.startswith("you lack the permission")
        assert texts(bench.lobby) == ["you clown"]

        mia = await member(bench, bench.mia, without())
        outcome, detail = await bench.bot.enforcer.act(incident, action, timedelta(hours=1), mia)
        assert outcome is Outcome.DONE
        assert texts(bench.lobby) == []
        reasons = [call.reason for call in bench.env.http_requests if call.reason]
        assert reasons
        assert all(reason == f"Referee incident {incident.id}: insult (0.97), by mia ({mia.id})" for reason in reasons)


async def test_by_hand_the_brake_and_automod_are_no_obstacle(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.FLAG)
        bench.bot.services.brake.pull(bench.community, bench.bot.services.clock.now())
        bench.bot.enforcer.automod.note(incident.key.message)

        answer = await bench.bot.enforcer.act(incident, Action.TIMEOUT, None, await member(bench, bench.ada))

        assert answer == (Outcome.DONE, "timed out for 10 minutes; the message was deleted")


async def test_by_hand_nobody_who_is_protected_or_above_is_touched(tmp_path: Path):
    async with arena(tmp_path) as bench:
        top_role(bench, "Legends", bench.ben)
        lift(bench, bench.guild.roles[bench.bot.user.name])
        moderator = await member(bench, bench.mia, discord.Permissions(moderate_members=True, manage_messages=True))
        theirs = await flagged(bench, Action.FLAG, author=bench.ada)
        above = await flagged(bench, Action.FLAG, author=bench.ben)

        assert await bench.bot.enforcer.act(theirs, Action.DELETE, None, moderator) == (
            Outcome.REFUSED,
            "not done: the member administers the server",
        )
        outcome, detail = await bench.bot.enforcer.act(above, Action.TIMEOUT, None, moderator)
        assert outcome is Outcome.REFUSED
        assert detail == "the highest role of the member is not below yours; the message was deleted"
        assert timeout_of(bench, bench.ben) is None


async def test_by_hand_members_and_people_of_other_servers_may_do_nothing(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.FLAG)
        elsewhere = bench.env.create_guild("Elsewhere", owner=bench.ben.user)
        owner_there = await bench.bot.get_guild(elsewhere.id).fetch_member(bench.ben.id)

        for somebody in (await member(bench, bench.ben), owner_there):
            assert await bench.bot.enforcer.act(incident, Action.WARN, None, somebody) == (
                Outcome.REFUSED,
                "only the moderators of the server may do this",
            )
        assert direct_messages(bench, bench.ann) == []


async def test_by_hand_a_moderator_may_warn_and_nothing_is_nothing(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident, mia = await flagged(bench, Action.FLAG), await member(bench, bench.mia)

        assert await bench.bot.enforcer.act(incident, Action.FLAG, None, mia) == (Outcome.NOT_NEEDED, "")
        assert (await bench.bot.enforcer.act(incident, Action.WARN, None, mia))[0] is Outcome.DONE


async def member(bench: DiscordBench, person, permissions: discord.Permissions | None = None) -> discord.Member:
    """Return somebody as the bot knows them, the moderators' role with these permissions."""
    if permissions is not None:
        grant(bench, bench.moderators, permissions)
    return await bench.bot.get_guild(bench.guild.id).fetch_member(person.id)
