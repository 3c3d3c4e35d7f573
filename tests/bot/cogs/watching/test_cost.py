"""What one message costs, counted and not timed: what a later change adds to each message fails here."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import event

from bot.cogs.watching import watch
from tests.fakes.discord_bench import DiscordBench, open_discord

BOT = str(Path(watch.__file__).parents[2])
LONG = "a line that is too long to be read together with the lines before it, number "
_MARKS = ("INTO seen", "FROM meta", "BEGIN", "SAVEPOINT")


@dataclass
class Cost:
    """Hold what was asked of the database, and which tasks of the bot's own were made."""

    statements: list[str] = field(default_factory=list)
    tasks: Counter[str] = field(default_factory=Counter)

    @property
    def writes(self) -> int:
        """Return how many transactions were begun that write."""
        return self.statements.count("BEGIN IMMEDIATE")

    def about_messages(self) -> list[str]:
        """Return what was asked beside transactions and the marks of how far was read, written once a second."""
        return [each for each in self.statements if not any(word in each for word in _MARKS)]


@contextmanager
def counted(bench: DiscordBench) -> Iterator[Cost]:
    cost, engine, loop = Cost(), bench.stores.database._engine.sync_engine, asyncio.get_running_loop()

    def executed(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        cost.statements.append(" ".join(statement.split()))

    def made(own: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **rest: Any) -> "asyncio.Task[Any]":
        code = getattr(work, "cr_code", None)
        if code is not None and code.co_filename.startswith(BOT):
            cost.tasks[code.co_qualname] += 1
        return asyncio.Task(work, loop=own, **rest)

    before = loop.get_task_factory()
    event.listen(engine, "before_cursor_execute", executed)
    loop.set_task_factory(made)
    try:
        yield cost
    finally:
        loop.set_task_factory(before)
        event.remove(engine, "before_cursor_execute", executed)


async def test_a_clean_message_asks_nothing_of_the_database_and_makes_no_task_of_its_own(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        await bench.ann.send(bench.lobby, f"{LONG}0")
        with counted(bench) as cost:
            for number in range(1, 11):
                await bench.ann.send(bench.lobby, f"{LONG}{number}")

    assert cost.about_messages() == []
    assert cost.tasks == {}


async def test_a_message_is_scored_once_and_a_short_one_once_more_with_the_lines_before_it(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        for number in range(3):
            await bench.ann.send(bench.lobby, f"{LONG}{number}")
        assert len(bench.scorer.scored) == 3
        await bench.ann.send(bench.lobby, "well played")
        await bench.ann.send(bench.lobby, "good game")

    assert bench.scorer.scored[3:] == ["well played", "good game", "well played good game"]


async def test_a_line_that_was_flagged_is_not_scored_again_together_with_the_next(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        for text in ("you idiot", "you clown", "good game"):
            await bench.ann.send(bench.lobby, text)

    assert bench.scorer.scored == ["you idiot", "you clown", "good game"]


async def test_a_toxic_message_costs_so_many_statements_and_transactions_and_not_one_more(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        await bench.ann.send(bench.lobby, "you idiot")
        with counted(bench) as cost:
            await bench.ann.send(bench.lobby, "what an idiot you are")
        incidents = await bench.incidents()

    assert len(incidents) == 2
    # The incident, its outcome, its words, its place on a card, and the card before and after it is shown.
    assert cost.writes <= 6 + _written_marks(cost)
    assert len(cost.about_messages()) <= 17, "\n".join(cost.about_messages())


async def test_a_toxic_message_costs_the_same_however_much_is_on_its_card(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        await bench.set_up()
        costs = []
        for _ in range(12):
            with counted(bench) as cost:
                await bench.ann.send(bench.lobby, "you idiot")
            costs.append(len(cost.about_messages()))

    assert costs[-1] == costs[3], costs


def _written_marks(cost: Cost) -> int:
    return sum("INTO seen" in each for each in cost.statements)
