"""What an earlier process did, or may have done, before it was killed is not done again."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain import Action, Incident, Outcome
from bot.enforce.warn import NOT_KNOWN
from tests.bot.enforce.cases import HOUR, arena, calls, direct_messages, done_by_the_bot, flagged, texts, timeout_of
from tests.fakes.discord_bench import DiscordBench

HERE = "the message was gone already"
TAKES_NONE = "the member takes no direct messages"


async def again(bench: DiscordBench, incident: Incident) -> tuple[Outcome, str]:
    return await bench.bot.enforcer.enforce(incident, again=True)


@pytest.mark.parametrize("action", [Action.WARN, Action.DELETE, Action.TIMEOUT, Action.BAN])
async def test_what_was_done_just_before_a_kill_counts_as_done_and_is_not_done_twice(tmp_path: Path, action: Action):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, action)
        first = await bench.bot.enforcer.enforce(incident)
        punished = {method: len(calls(bench, method, "/guilds/")) for method in ("PATCH", "PUT", "DELETE")}
        told = direct_messages(bench, bench.ann)
        await bench.env.advance_time(240)
        second = await again(bench, incident)

        assert (first[0], second[0]) == (Outcome.DONE, Outcome.DONE)
        assert second[1].split(";")[0] in (first[1].split(";")[0], HERE)
        assert {method: len(calls(bench, method, "/guilds/")) for method in punished} == punished
        assert direct_messages(bench, bench.ann) == told


@pytest.mark.parametrize("action", [Action.WARN, Action.DELETE, Action.TIMEOUT, Action.KICK, Action.BAN])
async def test_what_was_not_begun_is_done(tmp_path: Path, action: Action):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, action)
        await bench.env.advance_time(240)
        outcome, _ = await again(bench, incident)

        assert outcome is Outcome.DONE
        assert len(direct_messages(bench, bench.ann)) == (action is not Action.DELETE)


async def test_a_warning_is_not_repeated_where_it_cannot_be_known_whether_it_was_given(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.WARN)
        bench.env.inject_error("GET", "/channels/*/messages", status=403, times=None)

        assert await again(bench, incident) == (Outcome.REFUSED, NOT_KNOWN)
        assert direct_messages(bench, bench.ann) == []


async def test_a_member_who_buries_a_warning_under_messages_is_not_warned_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with arena(tmp_path) as bench:
        monkeypatch.setattr("bot.enforce.telling._MOST_READ", 3)
        incident = await flagged(bench, Action.WARN)
        for _ in range(3):
            await bench.ann.send(bench.lobby, "well played")

        assert await again(bench, incident) == (Outcome.REFUSED, NOT_KNOWN)


async def test_a_warning_in_the_channel_is_found_again_and_taken_away_in_time(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.WARN)
        bench.env.inject_error("POST", "/users/@me/channels", status=403, code=50007, times=None)
        first = await bench.bot.enforcer.enforce(incident)

        assert (
            await done_by_the_bot(bench, again(bench, incident))
            == first
            == (Outcome.DONE, "warned in the channel: " + TAKES_NONE)
        )
        assert sum(f"(Incident {incident.id})" in text for text in texts(bench.lobby)) == 1
        await bench.env.advance_time(60)
        assert not any(f"(Incident {incident.id})" in text for text in texts(bench.lobby))


async def test_a_timeout_has_the_same_end_however_late_it_is_set(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT, duration=HOUR)
        await bench.env.advance_time(1800)
        assert (await again(bench, incident))[0] is Outcome.DONE

        assert end(bench) == created(incident) + HOUR
        assert "30 minutes" in direct_messages(bench, bench.ann)[-1]
        undone, detail = await bench.bot.enforcer.undo(incident)
        assert (undone, detail.split(";")[0]) == (Outcome.UNDONE, "the timeout was lifted"), "it is known as our own"


async def test_a_timeout_that_would_have_ended_is_not_set(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT, duration=timedelta(minutes=10))
        await bench.env.advance_time(570)
        outcome, detail = await again(bench, incident)

        assert (outcome, detail.split(";")[0]) == (Outcome.REFUSED, "the timeout would have ended by now")
        assert timeout_of(bench, bench.ann) is None
        assert direct_messages(bench, bench.ann) == []


async def test_a_timeout_that_a_moderator_lifted_meanwhile_stays_lifted(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT)
        await bench.bot.enforcer.enforce(incident)
        bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"timed_out_until": None})
        outcome, detail = await again(bench, incident)

        assert (outcome, "lifted since" in detail) == (Outcome.DONE, True)
        assert timeout_of(bench, bench.ann) is None


async def test_a_first_attempt_that_comes_late_sets_the_shortest_timeout(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.TIMEOUT, duration=timedelta(minutes=1))
        await bench.env.advance_time(55)
        assert (await bench.bot.enforcer.enforce(incident))[0] is Outcome.DONE
        assert end(bench) == bench.bot.services.clock.now() + timedelta(minutes=1)


@pytest.mark.parametrize("action", [Action.KICK, Action.BAN])
async def test_a_member_who_came_back_since_is_not_removed_again(tmp_path: Path, action: Action):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, action)
        await bench.env.advance_time(60)
        bench.env.backend.remove_member(bench.guild.id, bench.ann.id)
        bench.guild.add_member(bench.ann.user)
        outcome, detail = await again(bench, incident)

        assert (outcome, "joined again" in detail) == (Outcome.REFUSED, True)
        assert bench.ann.id in bench.env.backend.guilds[bench.guild.id].members


@pytest.mark.parametrize(("action", "why"), [(Action.KICK, "kicked just before"), (Action.BAN, "let in again")])
async def test_a_member_who_is_gone_is_left_to_the_moderators(tmp_path: Path, action: Action, why: str):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, action)
        bench.env.backend.remove_member(bench.guild.id, bench.ann.id)
        outcome, detail = await again(bench, incident)

        assert (outcome, why in detail) == (Outcome.REFUSED, True)
        assert calls(bench, "PUT", "/bans/") == []


async def test_a_ban_by_a_moderator_meanwhile_is_not_taken_for_ours(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.BAN)
        bench.env.backend.apply_ban(bench.guild.id, bench.ann.id, "seen enough")
        outcome, detail = await again(bench, incident)

        assert (outcome, detail.split(";")[0]) == (Outcome.DONE, "is banned already")


async def test_a_nickname_that_is_another_by_now_is_left_alone(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"nick": "you clown"})
        incident = await flagged(bench, Action.DELETE, f"member:{bench.ann.id}")
        bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"nick": "Annie"})

        assert await again(bench, incident) == (Outcome.DONE, "the nickname was reset or changed already")
        assert calls(bench, "PATCH", "/members/") == []


async def test_a_false_alarm_is_told_of_once(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incident = await flagged(bench, Action.WARN)
        await bench.bot.enforcer.enforce(incident)
        for _ in range(2):
            await bench.env.advance_time(240)
            assert (await bench.bot.enforcer.undo(incident, again=True))[0] is Outcome.UNDONE

        assert ["by mistake" in text for text in direct_messages(bench, bench.ann)] == [False, True]


def created(incident: Incident) -> datetime:
    assert incident.created_at is not None
    return incident.created_at


def end(bench: DiscordBench) -> datetime:
    until: Any = timeout_of(bench, bench.ann)
    return datetime.fromisoformat(until)
