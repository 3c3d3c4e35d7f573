from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.fair_queue import FairQueue, Waiting

PUSHED = st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz"), st.integers(1, 12))
STEPS = st.lists(st.one_of(PUSHED, st.just("pop"), st.integers(0, 30)), max_size=80)


def filled(queue: FairQueue[str], turn: str, count: int, lane: str = "") -> None:
    for n in range(count):
        queue.push(f"{turn}{lane}{n}", turn=turn, lane=lane)


def emptied(queue: FairQueue[str]) -> list[str]:
    found = []
    while (waiting := queue.pop()) is not None:
        found.append(waiting.item)
    return found


def test_turns_and_their_lanes_are_served_one_after_the_other_and_each_lane_in_its_order():
    queue = FairQueue[str](100)
    filled(queue, "loud", 3, "a")
    filled(queue, "loud", 2, "b")
    filled(queue, "quiet", 1)

    assert emptied(queue) == ["louda0", "quiet0", "loudb0", "louda1", "loudb1", "louda2"]


def test_whoever_has_most_waiting_loses_the_oldest_of_it():
    queue = FairQueue[str](6)
    filled(queue, "quiet", 2)
    filled(queue, "loud", 1, "b")
    filled(queue, "loud", 9, "a")

    assert sorted(emptied(queue)) == ["louda6", "louda7", "louda8", "loudb0", "quiet0", "quiet1"]


def test_what_is_heavy_counts_as_much_as_many():
    queue = FairQueue[str](10)
    filled(queue, "light", 6)
    queue.push("heavy", turn="heavy", weight=4)
    _, shed = queue.push("heavier", turn="heavy", weight=4)

    assert [lost.item for lost in shed] == ["heavy"]
    assert queue.weight == 10


def test_what_is_larger_than_the_queue_fits_where_nothing_else_waits():
    queue = FairQueue[str](10)
    _, shed = queue.push("huge", weight=1000)

    assert (shed, queue.weight, emptied(queue)) == ([], 10, ["huge"])


def test_who_may_not_be_served_now_keeps_their_place():
    queue = FairQueue[str](10)
    filled(queue, "first", 2)
    filled(queue, "second", 1)

    found = [queue.pop(lambda turn: turn != "first") for _ in range(2)]
    assert [each.item if each else None for each in found] == ["second0", None]
    assert emptied(queue) == ["first0", "first1"]


def test_what_was_taken_out_is_not_there_any_more():
    queue = FairQueue[str](10)
    place, _ = queue.push("gone")
    queue.push("stays")

    assert (queue.remove(place), queue.remove(place)) == (True, False)
    assert (len(queue), queue.weight, emptied(queue)) == (1, 1, ["stays"])


def test_a_queue_that_holds_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        FairQueue[str](0)


@given(steps=STEPS, most=st.integers(1, 30))
def test_it_is_bounded_loses_nothing_uncounted_and_keeps_the_newest_of_each(steps: list, most: int):
    queue = FairQueue[int](most)
    inside: dict[int, Waiting[int]] = {}
    for number, step in enumerate(steps):
        if step == "pop":
            found = queue.pop()
            assert (found is None) == (not inside)
            if found is not None:
                lane = [n for n, each in inside.items() if (each.turn, each.lane) == (found.turn, found.lane)]
                assert found.item == min(lane)
                del inside[found.item]
        elif isinstance(step, int):
            known = inside.pop(step, None)
            assert known is None or queue.remove(known)
        else:
            _pushed(queue, inside, number, step, most)
        assert len(queue) == len(inside)
        assert queue.weight == sum(each.weight for each in inside.values()) <= most


def _pushed(
    queue: FairQueue[int], inside: dict[int, Waiting[int]], number: int, step: tuple[str, str, int], most: int
) -> None:
    turn, lane, weight = step
    place, shed = queue.push(number, turn=turn, lane=lane, weight=weight)
    inside[number] = place
    for lost in shed:
        of_turns: Counter[str] = Counter()
        of_lanes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for each in inside.values():
            of_turns[each.turn] += each.weight
            of_lanes[each.turn][each.lane] += each.weight
        assert of_turns.total() > most
        assert of_turns[lost.turn] == max(of_turns.values())
        assert of_lanes[lost.turn][lost.lane] == max(of_lanes[lost.turn].values())
        assert lost.item == min(n for n, each in inside.items() if (each.turn, each.lane) == (lost.turn, lost.lane))
        del inside[lost.item]


@given(
    loud=st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 40), min_size=1),
    most=st.integers(10, 40),
    share=st.integers(1, 8),
)
def test_nobody_starves_who_asks_for_no_more_than_their_share(loud: dict[str, int], most: int, share: int):
    queue = FairQueue[str](most)
    quiet = min(share, most // (len(loud) + 1))
    filled(queue, "quiet", quiet)
    for turn, count in loud.items():
        filled(queue, turn, count)

    served = emptied(queue)
    places = [n for n, item in enumerate(served) if item.startswith("quiet")]
    assert len(places) == quiet
    assert all(place <= (nth + 1) * (len(loud) + 1) for nth, place in enumerate(places))
