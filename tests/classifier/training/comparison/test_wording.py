import pytest

from classifier.training.comparison.scores import Estimate
from classifier.training.comparison.wording import duration, number, verdict, visible

NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ё 脅", "plain ё 脅"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("nul\0 bell\a\x9b", "nul\\x00 bell\\x07\\x9b"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("zero\u200bwidth\u3164", "zero\\u200bwidth\\u3164"),
        ("\ud800", "\\ud800"),
        ("wide\u3000space", "wide space"),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 3),
        ("x" * 400, "x" * 300 + "… (400 characters)"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (Estimate(0.1, 0.01, 0.2), "higher"),
        (Estimate(-0.1, -0.2, -0.01), "lower"),
        (Estimate(0.1, -0.01, 0.2), "cannot be told apart"),
        (Estimate(0.1, NAN, NAN), "-"),
    ],
)
def test_a_difference_is_real_where_its_interval_leaves_out_zero(gain: Estimate, said: str) -> None:
    assert verdict(gain) == said


def test_numbers_that_are_none_are_dashes() -> None:
    assert [number(value) for value in (0.5, NAN, float("inf"))] == ["0.500", "-", "-"]


def test_a_model_that_was_not_trained_was_loaded() -> None:
    assert [duration(seconds) for seconds in (0, NAN, 12.34, 59.96, 247)] == [
        "loaded",
        "loaded",
        "12.3 s",
        "1 min 0 s",
        "4 min 7 s",
    ]
