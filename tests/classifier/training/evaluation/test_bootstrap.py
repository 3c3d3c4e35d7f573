import numpy as np
import pytest

from classifier.training.evaluation.bootstrap import interval


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(size=400)

    low, high = interval(lambda chosen: float(values[chosen].mean()), len(values))

    assert (low, high) == pytest.approx((values.mean() - 1.96 * 0.05, values.mean() + 1.96 * 0.05), abs=0.02)


def test_the_same_seed_gives_the_same_interval_and_another_one_not() -> None:
    values = np.arange(30.0)

    def mean(chosen: np.ndarray) -> float:
        return float(values[chosen].mean())

    assert interval(mean, 30, draws=50) == interval(mean, 30, draws=50)
    assert interval(mean, 30, draws=50) != interval(mean, 30, draws=50, seed=8)


def test_draws_without_a_value_are_left_out() -> None:
    assert interval(lambda chosen: 1.0 if 0 in chosen else float("nan"), 3, draws=50) == (1.0, 1.0)
    assert np.isnan(interval(lambda chosen: float("nan"), 3, draws=5)).all()


@pytest.mark.parametrize(("size", "draws"), [(0, 10), (3, 0)])
def test_no_rows_or_no_draws_are_refused(size: int, draws: int) -> None:
    with pytest.raises(ValueError, match=f"{size} rows and {draws} draws"):
        interval(lambda chosen: 0.0, size, draws=draws)
