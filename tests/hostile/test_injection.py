"""What members write does nothing where it is shown: cards, answers, lists, files, terminals and lines of the log."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from bot.case import Case
from bot.cogs.listing import block, listed
from bot.cogs.reviewing.incident_file import FileFormat, write
from bot.cogs.reviewing.privacy import data_line
from bot.community import Card
from bot.console import export as console_export
from bot.console.incident_views import incident_lines, incident_row, incident_table
from bot.console.render import clean, to_json
from bot.console.sink import Sink
from bot.csv_cells import guarded
from bot.domain import (
    Action,
    Decision,
    Incident,
    Mode,
    Outcome,
    Platform,
    Review,
    ReviewState,
    ReviewVerdict,
    SourceKey,
    Surface,
    Transcript,
)
from bot.policy import Policy
from bot.previewing import Preview
from bot.ui import log_lines
from bot.ui.face import Sight, face_of
from bot.ui.incident_view import incident_line, incident_panel
from bot.ui.judgement import judgement
from bot.ui.quote import escaped, spoiler
from classifier import Verdict, WordWeight
from tests.fakes.chat import heard
from tests.hostile.attacks import FORMULAS, PIECES, short, texts
from tests.hostile.inert import faults, skeleton, steering

law = settings(deadline=None, max_examples=150)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HARMLESS = "x"
SEEN = st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp", "Mn", "Me"])


def incident_with(text: str, **rest: object) -> Incident:
    """Return an incident with a text wherever somebody else than the bot chooses what stands there."""
    decision = Decision(Action.DELETE, Action.DELETE, Mode.LIVE, "insult", 0.9, (text,), strike=True)
    held = Incident(
        key=SourceKey(Platform.DISCORD, "1", "2", "3"),
        author="4",
        at=NOW,
        text=text,
        decision=decision,
        toxic=0.9,
        categories={"insult": 0.9},
        model_version=text,
        id=7,
        words=(text, text),
        outcome=Outcome.REFUSED,
        outcome_detail=text,
        clip_name=text,
        transcript_doubt=0.3,
        surface=Surface.CLIP,
    )
    return replace(held, **rest)


def reviews_with(text: str) -> tuple[Review, ...]:
    return tuple(
        Review(7, verdict, "5", NOW, None, text)
        for verdict in (ReviewVerdict.REPORT, ReviewVerdict.ACT, ReviewVerdict.ESCALATE)
    )


def card_text(text: str) -> str:
    case = Case(Card(1, "1", "4", NOW), (incident_with(text),), reviews_with(text))
    sight = Sight(case, name=text, past={"insult": 2}, severity={"insult": 1})
    return "\n".join(face_of(sight, 3800).blocks)


def panel_text(text: str) -> str:
    return "\n".join(incident_panel(incident_with(text), reviews_with(text), None).blocks)


def check_text(text: str) -> str:
    verdict = Verdict(0.9, {"insult": 0.9}, text)
    decision = Decision(Action.FLAG, Action.BAN, Mode.LIVE, "insult", 0.9, (text, f"{text}: flagged only"))
    transcript: Transcript = heard(text, notes=(text,), foreign=text)
    words = (WordWeight(text, 0, 1, 0.5),)
    preview = Preview(text, verdict, decision, words, transcript)
    return "\n".join(judgement(preview, Policy({})).blocks)


def line_text(text: str) -> str:
    return incident_line(incident_with(text))


def log_text(text: str) -> str:
    return log_lines.automatic(incident_with(text, outcome=Outcome.DONE))


@law
@example("[||](x)")
@example("[**](x)")
@example("1https://evil.example")
@given(texts)
def test_a_quoted_text_formats_nothing_pings_nobody_and_links_nowhere(text: str) -> None:
    assert faults(escaped(text)) == []


@pytest.mark.parametrize("piece", PIECES)
def test_no_known_trick_works_in_a_quote(piece: str) -> None:
    assert faults(escaped(f"{piece}{piece}a{piece}")) == []
    assert faults(escaped(piece)) == []


@law
@given(texts, st.integers(8, 400))
def test_a_quoted_text_is_one_line_and_bounded(text: str, most: int) -> None:
    quoted = escaped(text, most)

    assert len(quoted) <= 2 * most
    assert len(quoted.splitlines()) <= 1


@law
@example("|")
@example("a||b")
@given(texts)
def test_nothing_that_is_quoted_ends_its_spoiler(text: str) -> None:
    hidden = spoiler(text)

    assert hidden.startswith("||")
    assert hidden.endswith("||")
    inside = hidden[2:-2]
    assert inside
    assert not inside.endswith("|")
    assert faults(inside) == []


@law
@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp", "Mn", "Me"]), max_size=80)
)
def test_what_is_quoted_still_says_what_was_written(text: str) -> None:
    shown = escaped(text).replace("\u200b", "")
    unescaped = "".join(_unescaped(shown))

    assert unescaped == " ".join(text.split()), shown


def _unescaped(text: str) -> Iterable[str]:
    letters = iter(text)
    for letter in letters:
        yield next(letters) if letter == "\\" else letter


@pytest.mark.parametrize(
    "show", [card_text, panel_text, check_text, log_text, lambda text: incident_line(incident_with(text))]
)
@law
@given(text=short)
def test_whatever_was_written_a_card_an_answer_and_a_line_of_the_log_keep_their_shape(
    show: Callable[[str], str], text: str
) -> None:
    shown = show(text)

    assert skeleton(shown) == skeleton(show(HARMLESS))
    assert steering(shown, "\n") == []


@law
@given(st.lists(texts, min_size=1, max_size=5))
def test_nothing_in_a_list_ends_its_block_or_begins_another_line(lines: list[str]) -> None:
    shown = block(lines)

    assert shown.startswith("```\n")
    assert shown.endswith("\n```")
    inside = shown[4:-4]
    assert "`" not in inside
    assert inside.count("\n") == len(lines) - 1
    assert steering(inside, "\n") == []


@law
@given(st.lists(texts, max_size=60), texts)
def test_a_list_fits_a_message_and_names_its_file_by_itself(lines: list[str], text: str) -> None:
    shown = listed("Head", [*lines, data_line(incident_with(text))], name="my-data.txt")

    assert len(shown.text) <= 2000
    assert [file.filename for file in shown.files] in ([], ["my-data.txt"])


# Files


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def starts_formula(cell: str) -> bool:
    """Tell whether a spreadsheet could run a cell, blanks and what shows nothing before it left aside."""
    shown = cell.lstrip("".join(map(chr, range(33))) + "\x7f\x85\xa0\u200b\u200e\u200f\u202e\u2028\u2029\ufeff")
    return shown[:1] in tuple("=+-@＝＋－＠﹦﹢﹣﹫\u2212") and bool(shown)


async def stream(*incidents: Incident) -> AsyncIterator[Incident]:
    for each in incidents:
        yield each


@law
@given(texts)
def test_no_cell_of_a_table_is_run_by_a_spreadsheet_and_none_is_lost(text: str) -> None:
    written = asyncio.run(write(stream(incident_with(text), incident_with(HARMLESS)), FileFormat.CSV))
    head, row, last = rows_of(written.data)

    assert len(row) == len(head) == len(last)
    assert not any(starts_formula(cell) for cell in row)
    said = row[head.index("text")]
    assert said in (text.encode("utf-8", "replace").decode(), "'" + text.encode("utf-8", "replace").decode())


@law
@given(texts)
def test_a_file_of_json_holds_what_was_written_whatever_that_is(text: str) -> None:
    written = asyncio.run(write(stream(incident_with(text)), FileFormat.JSON))
    (row,) = json.loads(written.data)["incidents"]

    assert row["text"] == text.encode("utf-8", "replace").decode()


class Held(io.BytesIO):
    """Hold what is written."""


def exported(text: str, form: console_export.Format, *, terminal: bool = False) -> bytes:
    key = SourceKey(Platform.LOG, text, text, "3")
    held, decided = Held(), incident_with(text, key=key, author=text, state=ReviewState.CONFIRMED)
    asyncio.run(console_export.export(stream(decided), Sink(held, "x", escaped=terminal, terminal=terminal), form))
    return held.getvalue()


@law
@given(short, st.booleans())
def test_no_cell_of_the_consoles_table_is_run_by_a_spreadsheet_or_a_terminal(text: str, terminal: bool) -> None:
    data = exported(text, console_export.Format.CSV, terminal=terminal)
    head, row = rows_of(data)

    assert len(row) == len(head)
    assert not any(starts_formula(cell) for cell in row)
    if terminal:
        assert steering(data.decode(), "\r\n") == []


@law
@given(short, st.booleans())
def test_a_row_of_json_is_one_line_that_reads_as_it_was_written(text: str, terminal: bool) -> None:
    data = exported(text, console_export.Format.JSONL, terminal=terminal)

    assert data.count(b"\n") == 1
    assert json.loads(data)["text"] == text
    if terminal:
        assert data.isascii()


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_known_formula_is_left_as_one(formula: str) -> None:
    assert not starts_formula(guarded(formula))


@pytest.mark.parametrize("ordinary", ["", "gg", "1-0", "a=b", "'quoted'", "ñ", "😀", "(-1)", "мат"])
def test_ordinary_cells_are_left_alone(ordinary: str) -> None:
    assert guarded(ordinary) == ordinary


# Terminals and logs


@law
@given(texts)
def test_nothing_that_is_printed_steers_a_terminal(text: str) -> None:
    held = io.StringIO()
    console = Console(file=held, markup=False, highlight=False, emoji=False, width=160)
    hostile = incident_with(text, author=text, final_category=text)
    for line in incident_lines(hostile, reviews_with(text), ascii_only=False):
        console.print(line)
    console.print(incident_table([hostile], width=160))

    assert steering(held.getvalue(), "\n") == []
    assert steering(clean(text)) == []
    assert to_json(incident_row(hostile)).isascii()


@law
@given(texts)
def test_a_file_name_in_an_error_is_one_line(text: str) -> None:
    assert steering(clean(text)) == []
    assert len(clean(text).splitlines()) <= 1
