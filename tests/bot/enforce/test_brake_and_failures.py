"""When acting stops: the brake, refusals in a row, and a Discord in trouble."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import discord
import pytest

from bot.domain import Action, Outcome
from bot.enforce.calls import Calls, explained
from tests.bot.enforce.cases import Gate, arena, calls, enforced, flagged, listening, texts
from tests.fakes.chat import START


async def test_too_many_actions_stop_all_of_them_are_written_down_and_call_a_human_once(tmp_path: Path):
    async with arena(tmp_path, actions_per_minute=2) as bench:
        enforcer, communities = bench.bot.enforcer, bench.bot.services.communities
        heard = listening(bench, enforcer)
        answers = [await enforced(bench, Action.DELETE) for _ in range(5)]

        assert [outcome for outcome, _ in answers] == [Outcome.DONE] * 2 + [Outcome.HELD] * 3
        assert "automatic actions are stopped since" in answers[-1][1]
        assert "a moderator has to release them" in answers[-1][1]
        assert len(texts(bench.lobby)) == 3
        assert [community for community, _ in heard] == [bench.community]
        assert communities.get(bench.community).held_since is not None

        bench.bot.services.brake.release(bench.community)
        assert (await enforced(bench, Action.DELETE))[0] is Outcome.DONE


async def test_actions_under_way_at_once_call_a_human_once_too(tmp_path: Path):
    async with arena(tmp_path, actions_per_minute=1) as bench:
        heard = listening(bench, bench.bot.enforcer)
        incidents = [await flagged(bench, Action.TIMEOUT) for _ in range(4)]
        gate = Gate(bench.bot)
        deeds = [asyncio.create_task(bench.bot.enforcer.enforce(incident)) for incident in incidents]
        await gate.reached.wait()
        gate.open.set()

        outcomes = [outcome for outcome, _ in await asyncio.gather(*deeds)]

        assert sorted(outcomes) == sorted([Outcome.DONE, Outcome.HELD, Outcome.HELD, Outcome.HELD])
        assert len(heard) == 1


async def test_the_brake_holds_where_the_store_and_the_alarm_fail(tmp_path: Path, caplog):
    async with arena(tmp_path, actions_per_minute=1) as bench:

        async def broken_alarm(community: str, text: str) -> None:
            raise discord.ClientException("no channel")

        bench.bot.enforcer._alarm = broken_alarm
        first, second = [await flagged(bench, Action.DELETE) for _ in range(2)]
        await bench.stores.close()

        assert (await bench.bot.enforcer.enforce(first))[0] is Outcome.DONE
        assert (await bench.bot.enforcer.enforce(second))[0] is Outcome.HELD
        assert bench.bot.services.brake.is_on(bench.community)
        assert "clown" not in caplog.text


async def test_what_cannot_be_done_anyway_does_not_count_for_the_brake(tmp_path: Path):
    async with arena(tmp_path, actions_per_minute=1) as bench:
        for _ in range(3):
            assert (await enforced(bench, Action.BAN, author=bench.mia))[0] is Outcome.REFUSED

        assert (await enforced(bench, Action.DELETE))[0] is Outcome.DONE


async def test_what_discord_refuses_is_an_outcome_that_names_what_is_missing(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.inject_error("PATCH", "/guilds/*/members/*", status=403, code=50013)

        outcome, detail = await enforced(bench, Action.TIMEOUT)

        assert outcome is Outcome.REFUSED
        refusal = "Discord refused it: Time out members is missing, or the role of Referee is too low"
        assert detail == f"{refusal}; the message was deleted"
        assert len(calls(bench, "PATCH", "/members/")) == 1


@pytest.mark.parametrize(("status", "words"), [(503, "in trouble"), (400, "did not take it")])
async def test_a_discord_in_trouble_is_a_failure_and_is_asked_once(tmp_path: Path, status: int, words: str):
    async with arena(tmp_path) as bench:
        bench.env.inject_error("PATCH", "/guilds/*/members/*", status=status, times=None)

        outcome, detail = await enforced(bench, Action.TIMEOUT)

        assert outcome is Outcome.FAILED
        assert words in detail
        assert str(status) in detail
        assert len(calls(bench, "PATCH", "/members/")) == 1


async def test_a_member_that_cannot_be_asked_for_is_a_failure_and_nothing_is_done(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.inject_error("GET", "/guilds/*/members/*", status=500)

        assert (await enforced(bench, Action.BAN))[0] is Outcome.FAILED
        assert texts(bench.lobby) == ["you clown"]


async def test_a_member_who_leaves_at_that_moment_has_left(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.inject_error("DELETE", "/guilds/*/members/*", status=404, code=10007)

        assert await enforced(bench, Action.KICK) == (
            Outcome.REFUSED,
            "the member has left the server; the message was deleted",
        )


async def test_after_five_refusals_in_a_row_nothing_is_tried_for_ten_minutes(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.inject_error("DELETE", "/channels/*", status=403, code=50013, times=5)
        for _ in range(5):
            assert (await enforced(bench, Action.DELETE))[0] is Outcome.REFUSED
        before = len(bench.env.http_requests)

        outcome, detail = await enforced(bench, Action.DELETE)

        assert outcome is Outcome.REFUSED
        assert detail.startswith("Discord refused the last actions here: nothing is tried until")
        assert len(bench.env.http_requests) == before

        await bench.env.advance_time(601)
        assert (await enforced(bench, Action.DELETE))[0] is Outcome.DONE


async def test_an_action_by_hand_is_tried_and_its_success_lets_automatic_ones_go_on(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.inject_error("DELETE", "/channels/*", status=403, code=50013, times=5)
        incidents = [await flagged(bench, Action.DELETE) for _ in range(7)]
        for incident in incidents[:5]:
            await bench.bot.enforcer.enforce(incident)
        ada = await bench.bot.get_guild(bench.guild.id).fetch_member(bench.ada.id)

        assert (await bench.bot.enforcer.act(incidents[5], Action.DELETE, None, ada))[0] is Outcome.DONE
        assert (await bench.bot.enforcer.enforce(incidents[6]))[0] is Outcome.DONE


async def test_members_who_take_no_direct_messages_are_no_refusals_of_the_server(tmp_path: Path):
    async with arena(tmp_path) as bench:
        bench.env.inject_error("POST", "/users/@me/channels", status=403, code=50007, times=None)
        incidents = [await flagged(bench, Action.WARN) for _ in range(6)]

        outcomes = [(await bench.bot.enforcer.enforce(incident))[0] for incident in incidents]

        assert outcomes == [Outcome.DONE] * 6


async def test_refusals_that_are_far_apart_or_elsewhere_stop_nothing():
    clock = HandClock()
    made = Calls(clock)
    for _ in range(4):
        await refused(made, "a")
    clock.moment += timedelta(seconds=601)
    await refused(made, "a")
    assert made.stopped_until("a") is None
    for _ in range(4):
        await refused(made, "a")
    assert made.stopped_until("a") == clock.moment + timedelta(minutes=10)
    assert made.stopped_until("b") is None


async def test_what_only_reads_does_not_end_a_row_of_refusals():
    made = Calls(HandClock())
    for _ in range(5):
        await refused(made, "a")
        await made.make("a", answer(), proves=False)
    assert made.stopped_until("a") is not None
    await made.make("a", answer())
    assert made.stopped_until("a") is None


class HandClock:
    """Tell the time that a test sets."""

    moment = START

    def now(self) -> datetime:
        """Return it."""
        return self.moment


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        (TimeoutError(), Outcome.FAILED, "did not answer in time"),
        (ConnectionResetError(), Outcome.FAILED, "cannot be reached"),
        (aiohttp.ServerDisconnectedError(), Outcome.FAILED, "cannot be reached"),
        (discord.RateLimited(75.0), Outcome.FAILED, "asks to wait 75 s"),
    ],
)
def test_every_way_in_which_a_call_fails_has_its_words(error: Exception, outcome: Outcome, words: str):
    found, detail = explained(error, "it is missing", "it is gone")

    assert found is outcome
    assert words in detail


async def answer() -> None:
    """Stand for a call that succeeds."""


async def refused(made: Calls, community: str) -> None:
    """Make a call that Discord refuses."""
    with pytest.raises(discord.Forbidden):
        await made.make(community, no())


async def no() -> None:
    """Stand for a call that is refused."""
    raise discord.Forbidden(Response(), {"code": 50013, "message": "Missing Permissions"})


class Response:
    """Look like the answer of an HTTP server, as far as an error reads it."""

    status = 403
    reason = "Forbidden"
