"""Lists of lines in which nothing that others wrote breaks anything."""

import pytest

from bot.cogs.listing import LONGEST, block, listed, plain


@pytest.mark.parametrize(
    "odd", ["\n", "\r", "\x00", "\x7f", "\x85", "\u200e", "\u2028", "\u2029", "\u202e", "\u2066", "\ud800"]
)
def test_nothing_breaks_a_line_or_turns_it_around(odd: str):
    assert plain(f"a{odd}b") == "a b"


def test_nothing_ends_a_block():
    assert block(["``` @everyone", "`x`"]).count("`") == 6
    assert block([]) == ""


def test_what_does_not_fit_comes_whole_in_a_file():
    short, long = listed("Head", ["a", "b"], "Foot"), listed("Head", [f"{n}: {'x' * 90}" for n in range(50)], "Foot")

    assert (short.text, short.files) == ("Head\n```\na\nb\n```\nFoot", ())
    assert len(long.text) <= LONGEST
    assert long.text.endswith("Foot")
    assert "in the file" in long.text
    (file,) = long.files
    assert file.fp.read().decode().count("\n") == 49
