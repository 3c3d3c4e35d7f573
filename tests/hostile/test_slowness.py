"""Texts that are built to cost time: it grows in line with their length, and what the model is asked is bounded."""

import time
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import Classifier, encoder, load
from classifier.explain import MOST_WORDS
from classifier.model import MOST_CHARACTERS
from classifier.network import MOST_TOKENS, Network
from classifier.normalize import normalize

SHORT, TIMES = 1000, 8
MOST_GROWTH = 64
"""How many times longer than the text its normalised form may be: an emoji is written out as its name."""

PIECES = (
    *(
        "a",
        "a ",
        "a.",
        "1",
        "4",
        "@",
        "$",
        "!",
        "|",
        "_",
        "*",
        "**",
        "__",
        "~~",
        "`",
        "||",
        " ",
        "\n",
        "\t",
        ".",
        "-",
        "/",
    ),
    *(
        "<",
        ">",
        "<@1",
        "<:a:1>",
        "<t:1",
        "https://",
        "www.",
        "discord.gg/",
        "\u0301",
        "\u200b",
        "\u200d",
        "\ufe0f",
        "\u20e3",
    ),
    *(
        "😀",
        "👨‍👩‍👧‍👦",
        "🏴",
        "🇩",
        "🅰",
        "ﷺ",
        "ﬃ",
        "а",
        "і",
        "漢",
        "ا",
        "\u202e",
        "\ud800",
        "\x00",
        "é",
        "ß",
        "İ",
        "ſ",
        "u r a ",
    ),
)
pumped = st.tuples(
    st.lists(st.sampled_from(PIECES), max_size=3).map("".join),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=3).map("".join),
)
LONG = (
    *(
        "you are so very bad ",
        "a b c d ",
        "ﷺ",
        "😀",
        "👩🏽‍❤️‍💋‍👨🏿",
        "🧑🏽‍🦽‍➡️",
        "漢 ",
        "1d10t ",
        "x",
        ". ",
        "1️⃣",
        "\u0301a",
        "|| ",
    ),
    *("<@1> ", "\u200b", "idiot", "ha", "!?", "а"),
)


@cache
def model() -> Classifier:
    """Load the shipped model once."""
    return load(threads=1)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count the windows of each pass instead of running the model; the tokenizer is the real one."""
    counted: list[int] = []

    def count(_: Network, passed: Sequence[Sequence[int]], shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
        counted.append(len(passed))
        return [np.zeros((len(passed), *shape)) for shape in shapes]

    monkeypatch.setattr(Network, "_pass", count)
    yield counted


def seconds(text: str) -> float:
    """Return the processor time of this thread, the least of three runs."""
    taken = []
    for _ in range(3):
        start = time.thread_time()
        normalize(text)
        taken.append(time.thread_time() - start)
    return min(taken)


@settings(deadline=None, max_examples=60)
@given(pumped)
def test_eight_times_of_any_pattern_takes_about_eight_times_as_long(parts: tuple[str, str, str]) -> None:
    before, unit, after = parts
    short = unit * (SHORT // len(unit))

    # Three times what is linear is far from sixty-four times, which is what a square would take.
    assert seconds(before + short * TIMES + after) < 3 * TIMES * seconds(before + short + after) + 0.01


@settings(deadline=None, max_examples=200)
@given(pumped)
def test_no_text_grows_without_bound_and_each_character_leads_back(parts: tuple[str, str, str]) -> None:
    before, unit, after = parts
    text = before + unit * 50 + after
    normalized = normalize(text)

    assert len(normalized.text) <= MOST_GROWTH * len(text)
    assert len(normalized.starts) == len(normalized.ends) == len(normalized.text)
    assert all(0 <= a < b <= len(text) for a, b in zip(normalized.starts, normalized.ends, strict=True))


@pytest.mark.parametrize("unit", LONG, ids=ascii)
@pytest.mark.parametrize("length", [4000, 100_000])
def test_one_text_is_never_more_than_its_share_of_windows(windows: list[int], unit: str, length: int) -> None:
    text = unit * (length // len(unit))

    (verdict,) = model().score([text])

    assert sum(windows) <= encoder.MOST_WINDOWS
    assert verdict.partial or length <= MOST_CHARACTERS


@pytest.mark.parametrize("unit", LONG, ids=ascii)
def test_an_explanation_asks_the_model_a_bounded_number_of_times(windows: list[int], unit: str) -> None:
    text = unit * (4000 // len(unit))

    model().explain(text)

    asked = 2 + 2 * MOST_WORDS
    assert sum(windows) <= encoder.MOST_WINDOWS + 2 * asked
    longest = model().manifest.window
    assert len(windows) <= 2 + (encoder.MOST_WINDOWS + 2 * asked) * longest // (MOST_TOKENS - longest)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=300).map(" ".join))
def test_whatever_is_explained_names_words_that_are_there(text: str) -> None:
    for weight in model().explain(text[:300]):
        assert text[weight.start : weight.end] == weight.word
