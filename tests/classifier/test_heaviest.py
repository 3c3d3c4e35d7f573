import sys
import tracemalloc
from collections import Counter
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.fair_queue import FairQueue
from classifier.heaviest import Heaviest


@given(changes=st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(-4, 6)), max_size=200))
def test_it_names_one_that_weighs_as_much_as_any(changes: list[tuple[str, int]]) -> None:
    heaviest, weights = Heaviest(), Counter[str]()
    for name, by in changes:
        change = max(by, -weights[name])
        heaviest.change(name, change)
        weights[name] += change
        assert len(heaviest) == sum(weight > 0 for weight in weights.values())
        if len(heaviest):
            assert weights[heaviest.first()] == max(weights.values())


def test_of_equals_who_came_to_weigh_as_much_first_is_named() -> None:
    heaviest = Heaviest()
    for name in ("B", "A", "C"):
        heaviest.change(name, 3)

    assert heaviest.first() == "B"
    heaviest.change("B", -1)
    assert heaviest.first() == "A"


def test_where_nothing_weighs_anything_nobody_is_heaviest() -> None:
    heaviest = Heaviest()
    heaviest.change("A", 1)
    heaviest.change("A", -1)

    with pytest.raises(IndexError):
        heaviest.first()


def test_who_is_never_asked_for_the_heaviest_keeps_no_more_than_there_is() -> None:
    heaviest = Heaviest()
    tracemalloc.start()
    try:
        for number in range(20_000):
            heaviest.change(str(number), 1)
            heaviest.change(str(number), -1)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 100_000


def calls_to_push(turns: int, pushes: int = 500) -> int:
    """Return how many Python functions are called to push into a full queue of so many turns."""
    queue, calls = FairQueue[int](turns), 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    for number in range(turns):
        queue.push(number, turn=str(number))
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for number in range(pushes):
            queue.push(number, turn=str(number % turns))
    finally:
        sys.setprofile(before)
    return calls


def test_what_finds_a_full_queue_costs_as_much_whoever_else_waits() -> None:
    assert calls_to_push(2000) <= 2 * calls_to_push(20)
