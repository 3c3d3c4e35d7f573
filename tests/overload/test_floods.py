"""Floods by one member, by one message and by one huge message, in the bot itself."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from simcord.backend import serializers

from bot.cogs.governing import status
from bot.cogs.watching import watch
from bot.waiting_room import RoomLimits
from tests.fakes.discord_bench import DiscordBench, open_discord

EDITS = 3000
LINE = "a line that is too long to be read together with others: "


class HeldAll(dict[str, asyncio.Event]):
    """Hold every text until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    def __contains__(self, text: object) -> bool:
        return True

    def __getitem__(self, text: str) -> asyncio.Event:
        return self.go


def held(bench: DiscordBench) -> asyncio.Event:
    holding = HeldAll()
    bench.scorer.held = holding
    return holding.go


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def payload(bench: DiscordBench, message: int, **changed: Any) -> dict[str, Any]:
    stored = bench.env.backend.get_message(bench.lobby.id, message)
    return {**serializers.message_payload(bench.env.backend, stored), **changed}


async def test_thousands_of_edits_of_one_message_cost_what_two_do(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        go = held(bench)
        said = bench.env.backend.create_message(bench.lobby.id, bench.ann.id, "edit 0")
        await asyncio.wait_for(bench.scorer.arrived["edit 0"].wait(), 10)
        before, most = len(asyncio.all_tasks()), 0
        for number in range(1, EDITS + 1):
            bench.env.backend.emit("MESSAGE_UPDATE", payload(bench, said.id, content=f"edit {number}"))
            if number % 50 == 0:
                await turns()
                most = max(most, len(asyncio.all_tasks()))
        await turns()
        go.set()
        await bench.env.settle()
        tally = bench.bot.services.pipeline.tally_of(bench.community)

        assert most < before + 100
        assert bench.scorer.scored == ["edit 0", f"edit {EDITS}"]
        assert (tally.seen, tally.scored, dict(tally.not_scored)) == (EDITS + 1, 2, {"superseded": EDITS - 1})


async def test_of_a_members_flood_the_newest_are_judged_and_others_are_not_held_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.app.compose.RoomLimits", partial(RoomLimits, judging=8, least=2))
    async with open_discord(tmp_path, watch.setup, waiting_texts=20) as bench:
        go = held(bench)
        for number in range(100):
            bench.env.backend.create_message(bench.lobby.id, bench.ann.id, f"{LINE}{number}")
        await turns()
        bench.env.backend.create_message(bench.lobby.id, bench.ben.id, "ben")
        await turns()
        room = bench.bot.services.room
        assert (room.waiting, room.judging) == (20, 4)
        go.set()
        await bench.env.settle()
        tally = bench.bot.services.pipeline.tally_of(bench.community)

        # Four were under way, then Ben and Ann take turns; of hers the newest that found room.
        assert bench.scorer.scored[:4] == [f"{LINE}{n}" for n in range(4)]
        assert "ben" in bench.scorer.scored[4:6]
        assert bench.scorer.scored[-1] == f"{LINE}99"
        assert (tally.seen, tally.scored, tally.not_scored["overloaded"]) == (101, 24, 77)
        assert bench.bot.get_cog("Watch").intake.shedding.spells[bench.community].count == 77


async def test_a_message_of_hundreds_of_parts_is_bounded_and_the_next_is_judged_beside_it(tmp_path: Path):
    embeds = [{"type": "rich", "title": f"title {n}", "description": "word " * 700} for n in range(100)]
    async with open_discord(tmp_path, watch.setup) as bench:
        said = bench.env.backend.create_message(bench.lobby.id, bench.ann.id, "here")
        await bench.env.settle()
        go = held(bench)
        bench.env.backend.emit("MESSAGE_UPDATE", payload(bench, said.id, embeds=embeds))
        await turns()
        bench.env.backend.create_message(bench.lobby.id, bench.ben.id, "hello")
        await turns()
        large = [text for text in bench.scorer.scored if text != "hello"]
        assert len(large) <= 42
        assert sum(map(len, large)) < 200_000
        go.set()
        await bench.env.settle()

        assert "hello" in bench.scorer.scored
        assert bench.bot.services.room.judging == 0


async def test_moderators_are_told_once_and_the_status_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.app.compose.RoomLimits", partial(RoomLimits, judging=2, least=1, servers=1))
    async with open_discord(tmp_path, watch.setup, status.setup, waiting_texts=1) as bench:
        await bench.set_up()
        go = held(bench)
        for number in range(10):
            bench.env.backend.create_message(bench.lobby.id, bench.ann.id, f"ann {number}")
        await turns()
        go.set()
        await bench.env.settle()
        await bench.env.advance_time(5)
        told = [message.content for message in bench.review.history()]
        assert len(told) == 1
        assert "passed over **unjudged**" in told[0]
        assert "<@" not in told[0]
        page = (await bench.ada.slash(bench.lobby, "referee status")).response.content
        assert "More is written than can be judged in time: 8 messages passed over" in page
        assert "NOT SCORED: `overloaded` 8 (overloaded: too many at once)" in page
