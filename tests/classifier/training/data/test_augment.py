import random

from hypothesis import given
from hypothesis import strategies as st

from classifier.training.data.augment import disguise

LINE = "please somebody defend the northern bridge before nightfall"


def drawn(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311


@given(st.text(), st.integers())
def test_any_text_can_be_disguised(text: str, seed: int) -> None:
    assert isinstance(disguise(text, drawn(seed)), str)


@given(st.text(alphabet="abcdef ", max_size=60), st.integers())
def test_the_same_seed_disguises_alike(text: str, seed: int) -> None:
    assert disguise(text, drawn(seed)) == disguise(text, drawn(seed))


@given(st.integers())
def test_at_most_four_words_are_touched(seed: int) -> None:
    kept = set(disguise(LINE, drawn(seed)).split(" ")) & set(LINE.split(" "))

    assert len(kept) >= len(set(LINE.split(" "))) - 4


@given(st.integers())
def test_short_words_and_codes_are_left_alone(seed: int) -> None:
    line = "gg u r 1v1 me at m4a1 x"

    assert disguise(line, drawn(seed)) == line


def test_most_seeds_change_the_line_and_in_many_ways() -> None:
    disguised = {disguise(LINE, drawn(seed)) for seed in range(200)}

    assert len(disguised - {LINE}) > 150
