import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bot.console.render import bars, clean, console, highlighted, plain, to_json

ANY_TEXT = st.text(st.characters(), max_size=60)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("safe\rfake", "safe\\rfake"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u200bb", "a\\u200bb"),
        ("\ud800", "\\ud800"),
        ("\0", "\\x00"),
        ("\u3164", "\\u3164"),
        ("a\u00a0b", "a b"),
        ("[bold]", "[bold]"),
        ("Ünïcode 你好 😀", "Ünïcode 你好 😀"),
    ],
)
def test_what_could_steer_or_deceive_a_terminal_is_written_out(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


@given(ANY_TEXT)
def test_whatever_is_cleaned_is_printable(text: str) -> None:
    assert clean(text).isprintable()


def test_marks_are_not_stacked_without_end() -> None:
    assert clean("a" + "\u0301" * 50 + "b") == "a" + "\u0301" * 3 + "b"


def test_markup_of_the_terminal_library_is_text_like_any_other() -> None:
    held = io.StringIO()

    Console(file=held, width=80).print(plain("[red]x[/red] :smile:"))

    assert held.getvalue() == "[red]x[/red] :smile:\n"


def test_a_string_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("[bold]no[/bold] :smile: 42")

    assert capsys.readouterr().out == "[bold]no[/bold] :smile: 42\n"


@given(ANY_TEXT, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4))
def test_marking_stretches_leaves_every_printable_character(text: str, spans: list[tuple[int, int]]) -> None:
    inside = [(a, b) for a, b in spans if a <= b <= len(text)]
    shown = highlighted(text, inside).plain

    assert [c for c in shown if c.isalpha() and c in text] == [c for c in clean(text) if c.isalpha() and c in text]


def test_the_words_that_made_the_score_are_marked() -> None:
    marked = highlighted("you idiot, you", [(4, 9)], "red")

    assert marked.plain == "you idiot, you"
    assert [(span.start, span.end) for span in marked.spans if span.style == "red"] == [(4, 9)]


def test_a_long_text_is_cut_around_what_is_marked() -> None:
    text = "x" * 50_000 + " idiot " + "x" * 50_000

    shown = highlighted(text, [(50_001, 50_006)]).plain

    assert "idiot" in shown
    assert "(100,007 characters)" in shown
    assert len(shown) < 600


def test_a_long_text_without_marks_is_cut() -> None:
    assert len(plain("x" * 100_000)) < 500


def test_bars_are_sorted_and_fit_a_terminal_without_unicode() -> None:
    lines = bars({"spam": 0.25, "insult": 1.0}, ascii_only=True)

    assert [line.plain.split()[0] for line in lines] == ["insult", "spam"]
    assert lines[0].plain.count("#") == 4 * lines[1].plain.count("#")
    assert all(line.plain.isascii() for line in lines)


def test_json_is_ascii_whatever_is_in_it() -> None:
    assert to_json({"text": "\ud800\x9b\u202e😀"}).isascii()
