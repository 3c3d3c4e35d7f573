from datetime import timedelta

import pytest

from bot.context import Context, Reading
from bot.domain import Clip, Excerpt
from tests.fakes.chat import line

WINDOW = timedelta(seconds=8)


@pytest.fixture
def context() -> Context:
    return Context()


def read(context: Context, *lines: Excerpt) -> list[str]:
    """Return the texts to score for the last of the lines."""
    return [reading.text for reading in [context.readings(each, WINDOW) for each in lines][-1]]


def said(*texts: str) -> list[Excerpt]:
    return [line(f"m{n}", text, after=n) for n, text in enumerate(texts)]


def test_a_line_on_its_own_is_read_as_it_is(context: Context) -> None:
    assert context.readings(line("m1", " hello "), WINDOW) == (Reading(" hello "),)


def test_a_word_sent_in_two_pieces_is_read_whole(context: Context) -> None:
    assert "idiot" in read(context, *said("id", "iot"))


def test_a_word_sent_letter_by_letter_is_read_whole(context: Context) -> None:
    assert "idiot" in read(context, *said(*"idiot"))


def test_a_sentence_sent_word_by_word_is_read_with_blanks(context: Context) -> None:
    assert "kill yourself" in read(context, *said("kill", "yourself"))


def test_a_line_is_always_read_on_its_own_first(context: Context) -> None:
    assert read(context, *said("kill", "yourself"))[0] == "yourself"


def test_a_piece_after_whole_words_is_joined_only_to_pieces(context: Context) -> None:
    assert read(context, *said("listen now", "id", "iot")) == ["iot", "listen now id iot", "idiot"]


def test_numbers_are_no_pieces_of_a_word(context: Context) -> None:
    assert read(context, *said("12", "34")) == ["34", "12 34"]


def test_a_joined_reading_names_the_messages_it_joins(context: Context) -> None:
    *_, last = [context.readings(each, WINDOW) for each in said("listen now", "id", "iot")]

    assert [reading.before for reading in last] == [(), ("m0", "m1"), ("m1",)]


@pytest.mark.parametrize(("later", "joined"), [(8.0, True), (8.1, False)])
def test_lines_are_joined_within_the_window_alone(context: Context, later: float, joined: bool) -> None:
    texts = read(context, line("m1", "kill"), line("m2", "yourself", after=later))

    assert ("kill yourself" in texts) is joined


def test_a_line_that_has_aged_out_leaves_the_younger_ones_joined(context: Context) -> None:
    texts = read(context, line("m1", "a"), line("m2", "b", after=6), line("m3", "c", after=12))

    assert texts == ["c", "b c", "bc"]


@pytest.mark.parametrize("elsewhere", [{"author": "ben"}, {"channel": "other"}, {"community": "other"}])
def test_lines_of_others_and_elsewhere_are_not_mixed(context: Context, elsewhere: dict[str, str]) -> None:
    assert read(context, line("m1", "kill"), line("m2", "yourself", **elsewhere)) == ["yourself"]


def test_other_authors_in_between_do_not_hide_a_split_word(context: Context) -> None:
    lines = [line("m1", "id"), line("m2", "hello", author="ben", after=1), line("m3", "iot", after=2)]

    assert "idiot" in read(context, *lines)


def test_an_edit_is_not_joined_to_what_it_replaces(context: Context) -> None:
    lines = [line("m1", "kill"), line("m1", "yourself", revision="1", after=1)]

    assert read(context, *lines) == ["yourself"]


def test_after_an_edit_only_the_new_text_is_joined(context: Context) -> None:
    lines = [line("m1", "good"), line("m1", "kill", revision="1", after=1), line("m2", "yourself", after=2)]

    assert read(context, *lines) == ["yourself", "kill yourself"]


def test_a_second_delivery_is_read_like_the_first(context: Context) -> None:
    first = read(context, line("m1", "kill"), line("m2", "yourself", after=1))

    assert read(context, line("m2", "yourself", after=1)) == first


def test_a_line_that_comes_late_is_still_joined(context: Context) -> None:
    assert "id iot" in read(context, line("m1", "id", after=3), line("m2", "iot", after=2))


def test_a_line_from_long_ago_starts_anew(context: Context) -> None:
    assert read(context, line("m1", "id", after=1000), line("m2", "iot")) == ["iot"]


def test_a_long_line_is_read_alone_and_ends_the_chain(context: Context) -> None:
    long = "we should all meet at the middle tower then"
    lines = said("kill", long, "yourself")

    assert read(context, *lines[:2]) == [long]
    assert read(context, lines[2]) == ["yourself"]


@pytest.mark.parametrize("silent", [line("m1", "  ", after=1), line("m1", clip=Clip("a.ogg", b""), after=1)])
def test_a_line_without_text_neither_joins_nor_ends_the_chain(context: Context, silent: Excerpt) -> None:
    context.readings(line("m0", "id"), WINDOW)

    assert len(context.readings(silent, WINDOW)) == 1
    assert read(context, line("m2", "iot", after=2)) == ["iot", "id iot", "idiot"]


def test_only_the_last_eight_lines_of_an_author_are_kept(context: Context) -> None:
    lines = [line(f"m{n}", letter, after=n / 10) for n, letter in enumerate("abcdefghij")]

    assert read(context, *lines) == ["j", "c d e f g h i j", "cdefghij"]


def test_only_the_authors_that_spoke_last_are_remembered() -> None:
    context = Context(authors=2)
    for message, author in (("m1", "ann"), ("m2", "ben"), ("m3", "ann"), ("m4", "cleo")):
        context.readings(line(message, "id", author=author), WINDOW)

    assert read(context, line("m5", "iot", author="ann", after=1))[1:] != []
    assert read(context, line("m6", "iot", author="ben", after=1)) == ["iot"]


def test_a_word_that_several_authors_spell_is_read_as_shared() -> None:
    context = Context()

    for n, letter in enumerate("idio"):
        context.readings(line(f"m{n}", letter, author=f"a{n}", after=float(n)), WINDOW)
    readings = context.readings(line("m4", "t", author="a4", after=4.0), WINDOW)

    assert [(reading.text, reading.shared) for reading in readings] == [("t", False), ("idiot", True)]


def test_a_longer_line_ends_what_several_authors_spell() -> None:
    context = Context()

    for n, text in enumerate(("k", "y", "nice shot")):
        context.readings(line(f"m{n}", text, author=f"a{n}", after=float(n)), WINDOW)

    assert len(context.readings(line("m3", "s", author="a3", after=3.0), WINDOW)) == 1
