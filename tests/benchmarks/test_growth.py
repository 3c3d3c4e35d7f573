"""The command that measures growth, and laws of growth that no clock has a say in: operations are counted."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from types import FrameType, SimpleNamespace

import pytest
from sqlalchemy import event
from typer.testing import CliRunner

from benchmarks.growth.__main__ import Section, app, sizes_of
from benchmarks.growth.incidents import open_filled, read, written
from benchmarks.growth.laws import Finding, Growth, Point, Unit, slope
from benchmarks.growth.report import cost_words, growth_table
from benchmarks.growth.rig import CLEAN, RUDE, Rig, know, made_places, open_rig
from bot.communities import Communities
from bot.community import Community
from bot.console.failures import FAILED
from bot.errors import InputError
from bot.store import Stores
from bot.ui.action_log import ActionLog
from classifier import Classifier, load

ROOT = Path(__file__).parents[2]
_TRIALS = 5
TINY = {
    "servers": "1,2",
    "members": "10,20",
    "incidents": "100,120",
    "categories": "2,4",
    "length": "1,40",
}


@cache
def shipped() -> Classifier:
    return load(threads=1)


def grown(*costs: float, work: float = 0.0) -> Growth:
    return Growth("made", "up", tuple(Point(10**n, cost) for n, cost in enumerate(costs)), work)


# The command.


@pytest.mark.parametrize("section", list(Section))
def test_a_run_prints_a_row_for_each_size_and_what_is_to_be_said_of_it(section: Section) -> None:
    done = CliRunner().invoke(app, ["--only", section, f"--{section}", TINY[section], "--json"])

    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["growths"]
    for growth in figures["growths"]:
        assert growth["section"] == section
        assert growth["points"][0]["cost"] >= 0
        assert growth["verdict"] in set(Finding)
    most = max(len(growth["points"]) for growth in figures["growths"])
    assert most == len(TINY[section].split(","))
    assert f"measuring: {TINY[section].split(',')[0]} " in done.stderr


def test_without_the_flag_there_is_one_table_with_notes_below_it() -> None:
    done = CliRunner().invoke(app, ["--only", "categories", "--categories", "2,4"])

    assert done.exit_code == 0
    assert done.stdout.count("Growth") == 1
    assert "decide on a clean text" in done.stdout
    assert "machine: " in done.stdout
    assert "faster than its work: " in done.stdout


@pytest.mark.parametrize("sizes", ["", "0", "-1", "ten", "1,,2", "10;20", "9999999999"])
def test_sizes_that_make_no_sense_are_one_clear_line(sizes: str) -> None:
    done = CliRunner().invoke(app, ["--only", "servers", "--servers", sizes])

    assert done.exit_code == FAILED
    assert done.stderr.startswith("referee: --servers ")
    assert done.stderr.count("\n") == 1


def test_one_number_of_incidents_is_what_is_gone_up_to() -> None:
    assert sizes_of(Section.INCIDENTS, "1000000") == (1000, 10_000, 100_000, 1_000_000)
    assert sizes_of(Section.INCIDENTS, "200,100") == (100, 200)


def test_a_text_longer_than_what_is_read_is_no_size() -> None:
    with pytest.raises(InputError, match="12,000"):
        sizes_of(Section.LENGTH, "1,12001")


# What growth is.


def test_the_exponent_is_that_of_the_upper_half() -> None:
    assert grown(5, 5, 5, 50, 500).exponent == pytest.approx(1)
    assert slope([Point(10, 1), Point(100, 100)]) == pytest.approx(2)
    assert grown(1).exponent is None


@pytest.mark.parametrize(
    ("growth", "finding"),
    [
        (grown(7, 7, 7), Finding.FLAT),
        (grown(7, 7, 70), Finding.FASTER),
        (grown(7, 70, 700, work=1), Finding.AS_ITS_WORK),
        (grown(7, 7, 7, work=1), Finding.FLAT),
        (grown(7, 70, 7000, work=1), Finding.FASTER),
        (grown(7), Finding.UNKNOWN),
    ],
)
def test_what_grows_faster_than_what_is_done_is_called_so(growth: Growth, finding: Finding) -> None:
    assert growth.finding is finding


def test_costs_are_told_in_units_that_can_be_read() -> None:
    told = [cost_words(cost, Unit.SECONDS) for cost in (2.5, 0.0123, 0.000045)]
    assert told == ["2.50 s", "12.30 ms", "45.0 µs"]
    assert cost_words(1.5, Unit.MEGABYTES) == "1.50 MB"


def test_a_table_names_what_was_measured_once_and_its_finding_behind_the_last_size() -> None:
    table = growth_table([grown(1, 1), grown(2, 2)])

    columns = [list(column.cells) for column in table.columns]
    assert columns[0] == ["made", "", "", ""]
    assert columns[1] == ["up", "", "up", ""]
    assert columns[5] == ["", "flat", "", "flat"]


# The laws. Each counts what is done at two sizes.


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """Gather the functions of the bot, the classifier and discord.py that this thread calls in the block."""
    ours = (f"{ROOT}/bot/", f"{ROOT}/classifier/", "/discord/")
    made: list[str] = []

    def note(frame: FrameType, kind: str, _argument: object) -> None:
        if kind == "call" and any(folder in frame.f_code.co_filename for folder in ours):
            made.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        yield made
    finally:
        sys.setprofile(None)


@contextmanager
def counted_lines() -> Iterator[list[int]]:
    """Gather the lines of Python that this thread runs in the functions that it calls in the block."""
    lines: list[int] = []
    before = sys.gettrace()

    def note(frame: FrameType, kind: str, _argument: object) -> object:
        if kind == "line":
            lines.append(frame.f_lineno)
        return note

    sys.settrace(note)
    try:
        yield lines
    finally:
        sys.settrace(before)


async def fewest_calls(work: Callable[[], Awaitable[object]]) -> int:
    """Return how many functions a work calls; what the bot does now and then falls into one trial, not into all."""
    found = []
    for _ in range(_TRIALS):
        with counted_calls() as made:
            await work()
        found.append(len(made))
    return min(found)


@contextmanager
def noted_statements(stores: Stores) -> Iterator[list[tuple[str, object]]]:
    """Gather the statements that reach a database in the block, with what is in them."""
    engine, noted = stores.database._engine.sync_engine, list[tuple[str, object]]()

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        noted.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(engine, "before_cursor_execute", note)


@asynccontextmanager
async def ready_rig(folder: Path, servers: int) -> AsyncIterator[Rig]:
    async with open_rig(shipped(), folder / f"of-{servers}", servers) as rig:
        await rig.connect(0.01)
        await rig.arrive()
        yield rig


async def say(rig: Rig, *texts: str, person: int | None = None) -> None:
    seen = rig.bot.services.pipeline.tally.seen
    for number, text in enumerate(texts):
        rig.say(rig.places[number % len(rig.places)], text, person)
    await rig.judged(seen + len(texts))


async def test_a_message_costs_the_same_however_many_servers_there_are(tmp_path: Path) -> None:
    found = {}
    for servers in (2, 80):
        async with ready_rig(tmp_path, servers) as rig:
            await say(rig, *[CLEAN] * servers)
            found[servers] = await fewest_calls(lambda: say(rig, CLEAN))

    assert found[80] <= found[2] * 1.02
    assert found[2] > 50


async def test_a_server_that_arrives_costs_the_same_however_many_are_there(tmp_path: Path) -> None:
    found = {}
    for servers in (2, 80):
        async with ready_rig(tmp_path, servers) as rig:
            new, _ = made_places(_TRIALS)
            await know(rig.stores, [place.guild for place in new])
            await rig.bot.services.communities.load()
            arriving = iter(new)

            async def arrive() -> None:
                place = next(arriving)  # noqa: B023
                # Said to be available, it would be one that is back.
                payload = {name: value for name, value in place.payload.items() if name != "unavailable"}
                rig.event("GUILD_CREATE", payload)
                async with asyncio.timeout(20):
                    while not await rig.stores.communities.seen(place.guild):
                        pass

            with counted_calls() as made:
                for _ in new:
                    await arrive()
            found[servers] = made.count("Communities.is_known")

    assert found[80] == found[2] == _TRIALS


async def test_a_message_costs_the_same_however_many_members_spoke_before(tmp_path: Path) -> None:
    found = {}
    async with ready_rig(tmp_path, 1) as rig:
        for spoken in (5, 400):
            await say(rig, *[CLEAN] * spoken)
            found[spoken] = await fewest_calls(lambda: say(rig, CLEAN))

    assert found[400] <= found[5] * 1.02


async def test_a_row_of_messages_costs_as_many_times_what_one_does(tmp_path: Path) -> None:
    async with ready_rig(tmp_path, 1) as rig:
        await say(rig, CLEAN)
        few, many = [await fewest_calls(lambda: say(rig, *[CLEAN] * number)) for number in (8, 64)]  # noqa: B023

    assert many <= few * 8 * 1.1


async def test_servers_that_chose_the_same_share_one_policy_until_one_of_them_changes_its_mind(tmp_path: Path) -> None:
    async with ready_rig(tmp_path, 12) as rig:
        basis = rig.bot.services.communities.basis
        communities = Communities(rig.stores.communities, basis)
        await communities.load()
        names = [place.guild for place in rig.places]

        assert len({id(communities.of(name)) for name in names}) == 4
        assert communities.of("unheard of") is communities.of("unheard of as well")

        before = communities.of(names[0])
        changed = Community(names[0], policy='{"version": 1, "preset": "strict"}')
        await communities.save(changed, "1", datetime.now(UTC), "chose another")
        assert communities.of(names[0]) != before
        assert communities.of(names[4]) is before


async def test_a_policy_that_makes_no_sense_is_told_of_in_each_server_that_has_it(tmp_path: Path) -> None:
    async with ready_rig(tmp_path, 2) as rig:
        communities = rig.bot.services.communities
        for place in rig.places:
            await communities.save(Community(place.guild, policy="{"), "1", datetime.now(UTC), "broke it")

        assert all(communities.trouble(place.guild) for place in rig.places)
        assert not communities.trouble("another")


async def test_cards_that_have_no_place_yet_cost_nothing_each_minute_however_many_servers_wait(tmp_path: Path) -> None:
    found = {}
    for servers in (2, 9):
        async with ready_rig(tmp_path, servers) as rig:
            await say(rig, *[RUDE] * servers)
            assert len(await rig.stores.cards.unsent()) == servers
            with noted_statements(rig.stores) as noted:
                await rig.bot.cards.restore()
            found[servers] = [statement for statement, _ in noted if "cards" in statement]

    assert len(found[9]) == len(found[2])


async def test_a_line_of_the_log_costs_the_same_however_many_servers_are_written_to() -> None:
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    bot = SimpleNamespace(services=SimpleNamespace(clock=SimpleNamespace(now=lambda: moment)))
    found = {}
    for servers in (5, 500):
        log = ActionLog(bot)
        log._written.update({str(n): moment - timedelta(seconds=1) for n in range(servers)})
        with counted_lines() as lines:
            quiet = log._is_quiet("one more"), log._is_quiet("3")
        assert quiet == (True, False)
        found[servers] = len(lines)

    assert found[500] == found[5]


def steps_of(file: Path, statements: list[tuple[str, object]]) -> int:
    """Return how many steps SQLite's machine takes for statements, which are undone."""
    connection, steps = sqlite3.connect(file, isolation_level=None), count()
    try:
        connection.execute("BEGIN")
        connection.set_progress_handler(lambda: next(steps) and 0, 1)
        for statement, parameters in statements:
            connection.execute(statement, parameters).fetchall()
        connection.set_progress_handler(None, 1)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    return next(steps)


FLAT = (
    "record an incident",
    "record one and put it on a card",
    "list: newest",
    "list: category",
    "pending actions",
    "cards not sent",
)


async def test_the_database_takes_as_many_steps_however_many_incidents_are_in_it(tmp_path: Path) -> None:
    """Of what writes, those statements are run again that read or insert: in rows that are there they find the same."""
    found: dict[str, list[int]] = {name: [] for name in FLAT}
    for incidents in (120, 480):
        folder = tmp_path / str(incidents)
        folder.mkdir()
        stores = await open_filled(folder, incidents)
        try:
            for name, _, ask in (*written(stores), *read(stores)):
                if name in FLAT:
                    with noted_statements(stores) as noted:
                        await ask()
                    asked = [each for each in noted if each[0].startswith("SELECT")]
                    found[name].append(steps_of(folder / "filled.db", asked))
        finally:
            await stores.close()

    for name, (few, many) in found.items():
        assert many <= few + 30, name
