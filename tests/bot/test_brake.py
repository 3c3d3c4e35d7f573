import pickle
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.brake import Brake

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

law = settings(deadline=None, max_examples=100)
limits = st.integers(1, 6)
gaps = st.lists(st.floats(0, 40).map(lambda seconds: timedelta(seconds=seconds)), max_size=60)
calls = st.lists(st.tuples(st.sampled_from("abc"), st.timedeltas(timedelta(), timedelta(seconds=30))), max_size=60)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def burst(brake: Brake, community: str, at: datetime, count: int) -> list[bool]:
    return [brake.take(community, at) for _ in range(count)]


def most_in_a_minute(moments: list[datetime]) -> int:
    return max((sum(first <= at < first + MINUTE for at in moments) for first in moments), default=0)


def test_the_action_that_is_one_too_many_puts_the_brake_on() -> None:
    brake = Brake(3)

    assert burst(brake, "guild", START, 3) == [True, True, True]
    assert not brake.is_on("guild")
    assert brake.tripped_at("guild") is None
    assert not brake.take("guild", after(5))
    assert brake.is_on("guild")
    assert brake.tripped_at("guild") == after(5)


def test_actions_a_minute_apart_never_put_it_on() -> None:
    brake = Brake(2)

    assert [brake.take("guild", after(30 * step)) for step in range(20)] == [True] * 20


def test_an_action_just_short_of_a_minute_later_still_counts() -> None:
    brake = Brake(1)
    brake.take("guild", START)

    assert not brake.take("guild", after(59.999999))


def test_a_brake_that_is_on_stays_on_for_days_until_it_is_released() -> None:
    brake = Brake(1)
    burst(brake, "guild", START, 2)

    assert not brake.take("guild", START + timedelta(days=30))
    assert brake.tripped_at("guild") == START
    brake.release("guild")
    assert not brake.is_on("guild")
    assert brake.tripped_at("guild") is None
    assert brake.take("guild", START + timedelta(days=30))


def test_a_released_brake_counts_from_nothing_so_that_it_does_not_trip_again_at_once() -> None:
    brake = Brake(2)
    burst(brake, "guild", START, 3)
    brake.release("guild")

    assert burst(brake, "guild", after(1), 3) == [True, True, False]


def test_a_brake_pulled_by_hand_lets_nothing_through_and_keeps_the_moment_of_its_first_pull() -> None:
    brake = Brake(5)
    brake.pull("guild", START)
    brake.pull("guild", after(9))

    assert not brake.take("guild", after(10))
    assert brake.tripped_at("guild") == START


def test_releasing_what_is_not_on_is_no_fault() -> None:
    brake = Brake(1)
    brake.release("guild")

    assert brake.take("guild", START)


@pytest.mark.parametrize("per_minute", [0, -1])
def test_a_limit_below_one_is_refused(per_minute: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Brake(per_minute)


def test_communities_that_no_longer_act_are_forgotten() -> None:
    brake, fresh = Brake(3), Brake(3)
    for number in range(3000):
        if number % 30 == 0:
            assert brake.take("busy", after(number))
        brake.take(f"guild {number}", after(number))
    assert len(pickle.dumps(brake)) < 10_000
    for one in (brake, fresh):
        one.take("last", after(10_000))

    assert len(pickle.dumps(brake)) < len(pickle.dumps(fresh)) + 100


def test_a_community_that_acts_for_hours_holds_no_more_than_its_limit() -> None:
    brake, fresh = Brake(3), Brake(3)
    for number in range(3000):
        assert brake.take("guild", after(25 * number))
    burst(fresh, "guild", START, 3)

    assert len(pickle.dumps(brake)) < len(pickle.dumps(fresh)) + 100


def test_a_clock_set_back_by_an_hour_neither_stops_ordinary_actions_nor_lets_more_through() -> None:
    brake = Brake(2)
    burst(brake, "guild", START, 2)
    back = START - timedelta(hours=1)

    assert brake.take("other", back)
    assert not brake.take("guild", back)
    brake.release("guild")
    assert [brake.take("guild", back + timedelta(seconds=31 * step)) for step in range(20)] == [True] * 20


@law
@given(limits, gaps)
def test_no_minute_ever_holds_more_actions_than_the_limit(limit: int, pauses: list[timedelta]) -> None:
    brake, now = Brake(limit), START
    done: list[datetime] = []
    for pause in pauses:
        now += pause
        # A human who lets go may have more: only what was counted together is held to the limit.
        if brake.is_on("guild") and now - done[-1] >= MINUTE:
            brake.release("guild")
        if brake.take("guild", now):
            done.append(now)

    assert most_in_a_minute(done) <= limit


@law
@given(limits, gaps)
def test_it_goes_on_exactly_at_the_first_action_over_the_limit(limit: int, pauses: list[timedelta]) -> None:
    brake, now = Brake(limit), START
    done: list[datetime] = []
    for pause in pauses:
        now += pause
        allowed = sum(at > now - MINUTE for at in done) < limit
        assert brake.take("guild", now) == allowed
        if not allowed:
            break
        done.append(now)


@law
@given(limits, gaps)
def test_once_on_it_lets_nothing_through_whatever_the_clock_says(limit: int, pauses: list[timedelta]) -> None:
    brake, now = Brake(limit), START
    burst(brake, "guild", now, limit + 1)
    for step, pause in enumerate(pauses):
        now += pause * 1000 if step % 2 else -pause * 900
        assert not brake.take("guild", now)

    assert brake.tripped_at("guild") == START


@law
@given(limits, calls)
def test_communities_are_independent(limit: int, taken: list[tuple[str, timedelta]]) -> None:
    together, alone, now = Brake(limit), {name: Brake(limit) for name in "abc"}, START
    for name, pause in taken:
        now += pause
        assert together.take(name, now) == alone[name].take(name, now)


@law
@given(limits, gaps, st.lists(st.timedeltas(timedelta(), timedelta(days=400)), min_size=60, max_size=60))
def test_a_clock_that_is_set_back_lets_no_more_through_in_any_real_minute(
    limit: int, pauses: list[timedelta], steps_back: list[timedelta]
) -> None:
    brake, real, wrong = Brake(limit), START, timedelta()
    done: list[datetime] = []
    for number, (pause, back) in enumerate(zip(pauses, steps_back, strict=False)):
        real += pause
        wrong += back if number % 3 == 0 else timedelta()
        if brake.take("guild", real - wrong):
            done.append(real)

    assert most_in_a_minute(done) <= limit


@law
@given(limits, st.lists(st.timedeltas(timedelta(), timedelta(seconds=59)), max_size=20))
def test_moments_of_one_minute_that_come_out_of_order_are_counted_together(limit: int, late: list[timedelta]) -> None:
    brake = Brake(limit)

    assert sum([brake.take("guild", START + by) for by in late]) == min(limit, len(late))
