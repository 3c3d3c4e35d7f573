"""Deletions that pile up in a channel go together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.domain import Action, Outcome
from bot.enforce.calls import Calls
from bot.enforce.deletes import Deletes
from tests.bot.enforce.cases import Gate, arena, calls, flagged, texts
from tests.fakes.discord_bench import DiscordBench


@asynccontextmanager
async def pile(folder: Path, number: int) -> AsyncIterator[tuple[DiscordBench, Deletes, list[int], Gate]]:
    """Open a server with so many messages in the lobby, and a gate before the API."""
    async with arena(folder) as bench:
        ids = [bench.env.backend.create_message(bench.lobby.id, bench.ann.id, "you clown").id for _ in range(number)]
        clock = bench.bot.services.clock
        yield bench, Deletes(bench.bot, Calls(clock), clock, gather=0.05), ids, Gate(bench.bot)


async def all_of(bench: DiscordBench, deletes: Deletes, ids: list[int], gate: Gate) -> list[Any]:
    """Ask for all, the first before the others, and return what each caller was told."""

    def ask(message: int) -> asyncio.Task[None]:
        return asyncio.create_task(deletes.delete(bench.community, bench.lobby.id, message, f"reason {message}"))

    first = ask(ids[0])
    await gate.reached.wait()
    rest = [ask(message) for message in ids[1:]]
    await asyncio.sleep(0)
    gate.open.set()
    return await asyncio.gather(first, *rest, return_exceptions=True)


def bulks(bench: DiscordBench) -> list[list[int]]:
    """Return the ids that each bulk call named."""
    return [[int(each) for each in call.json["messages"]] for call in calls(bench, "POST", "/bulk-delete")]


def singles(bench: DiscordBench) -> list[int]:
    """Return the ids that were deleted one by one."""
    return [int(call.path.rpartition("/")[2]) for call in calls(bench, "DELETE", "/messages/")]


async def test_the_first_goes_at_once_and_those_that_come_meanwhile_go_together(tmp_path: Path):
    async with pile(tmp_path, 5) as (bench, deletes, ids, gate):
        assert await all_of(bench, deletes, ids, gate) == [None] * 5

        assert singles(bench) == ids[:1]
        assert bulks(bench) == [ids[1:]]
        assert texts(bench.lobby) == []
        assert f"reason {ids[1]}; reason {ids[2]}" in calls(bench, "POST", "/bulk-delete")[0].reason


async def test_no_bulk_names_more_than_a_hundred_or_one_twice(tmp_path: Path):
    async with pile(tmp_path, 250) as (bench, deletes, ids, gate):
        assert await all_of(bench, deletes, [*ids, ids[3], ids[-1]], gate) == [None] * 252

        assert [len(each) for each in bulks(bench)] == [100, 100, 49]
        assert sorted(id_ for each in bulks(bench) for id_ in each) == ids[1:]
        assert len(calls(bench, "POST", "/bulk-delete")[0].reason) <= 512


async def test_messages_of_two_weeks_ago_are_deleted_one_by_one(tmp_path: Path):
    async with pile(tmp_path, 6) as (bench, deletes, ids, gate):
        await bench.env.advance_time(timedelta(days=14).total_seconds())
        young = [bench.env.backend.create_message(bench.lobby.id, bench.ann.id, "you clown").id for _ in range(3)]

        assert await all_of(bench, deletes, [*ids, *young], gate) == [None] * 9

        assert bulks(bench) == [young]
        assert singles(bench) == ids


async def test_where_a_bulk_is_not_taken_each_caller_learns_what_became_of_its_own(tmp_path: Path):
    async with pile(tmp_path, 4) as (bench, deletes, ids, gate):
        bench.env.inject_error("POST", "/channels/*/messages/bulk-delete", status=400)
        bench.env.inject_error("DELETE", f"/channels/*/messages/{ids[2]}", status=403, code=50013)
        bench.env.inject_error("DELETE", f"/channels/*/messages/{ids[3]}", status=404, code=10008)

        told = await all_of(bench, deletes, ids, gate)

        assert told[:2] == [None, None]
        assert isinstance(told[2], discord.Forbidden)
        assert isinstance(told[3], discord.NotFound)


@pytest.mark.parametrize("status", [403, 500])
async def test_where_a_bulk_is_refused_or_fails_it_is_not_tried_again_one_by_one(tmp_path: Path, status: int):
    async with pile(tmp_path, 4) as (bench, deletes, ids, gate):
        bench.env.inject_error("POST", "/channels/*/messages/bulk-delete", status=status)

        told = await all_of(bench, deletes, ids, gate)

        assert told[0] is None
        assert [error.status for error in told[1:]] == [status] * 3
        assert singles(bench) == ids[:1]


async def test_a_caller_that_is_cancelled_in_the_middle_takes_nobody_with_it(tmp_path: Path):
    async with pile(tmp_path, 4) as (bench, deletes, ids, gate):
        tasks = [
            asyncio.create_task(deletes.delete(bench.community, bench.lobby.id, message, "reason")) for message in ids
        ]
        await gate.reached.wait()
        tasks[0].cancel()
        tasks[3].cancel()
        await asyncio.wait(tasks[:1])
        gate.open.set()

        assert await asyncio.gather(*tasks[1:3]) == [None, None]
        assert not set(ids[1:3]) & {message.id for message in bench.lobby.history()}


async def test_the_enforcer_clears_a_raid_by_few_calls_and_every_incident_has_its_outcome(tmp_path: Path):
    async with arena(tmp_path) as bench:
        incidents = [await flagged(bench, Action.DELETE) for _ in range(20)]
        gate = Gate(bench.bot)
        deeds = [asyncio.create_task(bench.bot.enforcer.enforce(incident)) for incident in incidents]
        await gate.reached.wait()
        await asyncio.sleep(0)
        gate.open.set()

        assert set(await asyncio.gather(*deeds)) == {(Outcome.DONE, "the message was deleted")}
        assert texts(bench.lobby) == []
        assert len(singles(bench)) + len(bulks(bench)) == 2


async def test_a_raid_is_cleared_by_few_calls_where_the_server_answers_at_once(tmp_path: Path):
    async with pile(tmp_path, 31) as (bench, deletes, ids, gate):
        gate.open.set()

        async def ask(message: int) -> None:
            await deletes.delete(bench.community, bench.lobby.id, message, "reason")

        asked = []
        for message in ids:
            asked.append(asyncio.create_task(ask(message)))
            # Each comes when the server has long answered to the one before.
            await wait_a_turn(100)
        await asyncio.gather(*asked)

        assert singles(bench) == ids[:4]
        assert sum(map(len, bulks(bench))) == 27
        assert len(bulks(bench)) <= 5


async def wait_a_turn(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_the_first_few_deletions_one_long_after_them_and_one_in_another_channel_go_at_once(tmp_path: Path):
    async with pile(tmp_path, 5) as (bench, _, ids, gate):
        gate.open.set()
        clock = bench.bot.services.clock
        deletes = Deletes(bench.bot, Calls(clock), clock, gather=3600)
        elsewhere = bench.env.backend.create_message(bench.log.id, bench.ann.id, "you clown").id

        async with asyncio.timeout(10):
            for message in ids[:4]:
                await deletes.delete(bench.community, bench.lobby.id, message, "reason")
            await deletes.delete(bench.community, bench.log.id, elsewhere, "reason")
            await bench.env.advance_time(3)
            await deletes.delete(bench.community, bench.lobby.id, ids[4], "reason")

        assert singles(bench) == [*ids[:4], elsewhere, ids[4]]


async def test_a_hundred_that_wait_already_wait_for_no_more(tmp_path: Path):
    async with pile(tmp_path, 201) as (bench, _, ids, gate):
        clock = bench.bot.services.clock
        deletes = Deletes(bench.bot, Calls(clock), clock, gather=3600)

        async with asyncio.timeout(20):
            assert await all_of(bench, deletes, ids, gate) == [None] * 201

        assert [len(each) for each in bulks(bench)] == [100, 100]
