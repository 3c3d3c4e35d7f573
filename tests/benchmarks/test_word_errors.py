import pytest

from benchmarks.voice.word_errors import normalised, word_error_rate


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("push left now", "Push left, now!", 0),
        ("don't push", "dont push", 0),
        ("cross-fire", "cross fire", 0),
        ("push left now", "push right now", 1 / 3),
        ("push left now", "push now", 1 / 3),
        ("push left now", "push left right now", 1 / 3),
        ("push left now", "", 1),
        ("push", "push push push", 2),
        ("thirty seconds", "30 seconds", 1 / 2),
    ],
)
def test_errors_are_counted_by_the_word(said: str, heard: str, errors: float) -> None:
    assert word_error_rate([(said, heard)]) == pytest.approx(errors)


def test_long_lines_weigh_more_than_short_ones() -> None:
    assert word_error_rate([("one two three", "one two three"), ("four", "")]) == pytest.approx(1 / 4)


@pytest.mark.parametrize("pairs", [[], [("", "")], [("...", "you")]])
def test_where_nothing_was_said_there_is_no_error_rate(pairs: list[tuple[str, str]]) -> None:
    assert word_error_rate(pairs) == 0


def test_case_punctuation_and_apostrophes_do_not_count_and_numbers_stay() -> None:
    assert normalised("  It\u2019s 3-0, isn't_it?  ") == "its 3 0 isnt it"
