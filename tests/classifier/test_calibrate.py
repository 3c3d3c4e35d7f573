import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from classifier.calibrate import (
    BUDGETS,
    Calibration,
    Floats,
    ThresholdCurve,
    curves_from_json,
    curves_to_json,
    expected_calibration_error,
    fit_platt,
    fit_temperature,
    measure_curve,
    sigmoid,
    softmax,
)
from classifier.errors import ThresholdError

CURVE = ThresholdCurve(((0.1, 0.3), (0.01, 0.6), (0.001, 0.9)))


def drawn(scale: float, bias: float, spread: float, count: int = 6000) -> tuple[Floats, Floats]:
    """Return logits and outcomes that happen with probability sigmoid(scale x + bias)."""
    random = np.random.default_rng(7)
    logits = random.normal(0.0, spread, count)
    return logits, (random.random(count) < sigmoid(scale * logits + bias)).astype(np.float64)


@given(st.floats(-1e6, 1e6))
def test_a_logit_and_its_opposite_are_as_likely_as_not(logit: float) -> None:
    there, back = sigmoid(np.array([logit, -logit]))

    assert 0.0 <= there <= 1.0
    assert there + back == pytest.approx(1.0)


def test_sigmoid_is_the_logistic_function() -> None:
    assert sigmoid(np.array([0.0, 2.0])) == pytest.approx([0.5, 1 / (1 + math.exp(-2.0))])


@given(arrays(np.float64, (3, 4), elements=st.floats(-1e6, 1e6)))
def test_softmax_gives_shares_in_the_order_of_the_logits(logits: Floats) -> None:
    shares = softmax(logits)

    assert shares.sum(axis=-1) == pytest.approx(np.ones(3))
    assert (shares >= 0).all()
    assert (np.take_along_axis(shares, logits.argmax(-1)[:, None], -1)[:, 0] == shares.max(-1)).all()


def test_calibration_scales_shifts_and_cools() -> None:
    calibration = Calibration(scale=2.0, bias=-1.0, category_temperature=4.0)

    assert calibration.toxic(np.array([0.5, 3.0])) == pytest.approx(sigmoid(np.array([0.0, 5.0])))
    assert calibration.category(np.array([[4.0, 0.0]])) == pytest.approx(softmax(np.array([[1.0, 0.0]])))


@pytest.mark.parametrize(
    ("scale", "bias", "spread"),
    [(1.7, -0.8, 2), (1.0, 0.0, 2), (5.0, -3.0, 1), (0.1, 1.0, 20), (0.05, -2.0, 50), (0.1, -3.0, 30)],
    ids=["usual", "calibrated", "too unsure", "too sure", "far too sure", "too sure of rare events"],
)
def test_platt_scaling_finds_the_scale_and_bias_that_drew_the_outcomes(
    scale: float, bias: float, spread: float
) -> None:
    found_scale, found_bias = fit_platt(*drawn(scale, bias, spread))

    assert found_scale == pytest.approx(scale, rel=0.12)
    assert found_bias == pytest.approx(bias, abs=0.2)


def test_platt_scaling_counts_a_row_of_weight_two_as_two_rows() -> None:
    logits, truth = drawn(1.5, 0.5, 2, 400)
    weight = np.where(np.arange(400) < 100, 2.0, 1.0)
    twice = np.concatenate([np.arange(400), np.arange(100)])

    assert fit_platt(logits, truth, weight) == pytest.approx(fit_platt(logits[twice], truth[twice]), rel=1e-4)


def test_platt_scaling_ignores_rows_without_weight() -> None:
    logits, truth = drawn(1.5, 0.5, 2, 400)
    weight = np.where(np.arange(400) < 300, 1.0, 0.0)

    assert fit_platt(logits, truth, weight) == pytest.approx(fit_platt(logits[:300], truth[:300]), rel=1e-4)


@pytest.mark.parametrize("truth", [[0.0, 0, 1, 1], [1.0, 1, 1, 1], [0.0, 0, 0, 0]])
def test_platt_scaling_of_outcomes_that_never_overlap_stays_finite_and_right(truth: list[float]) -> None:
    logits = np.array([-3.0, -2.0, 2.0, 3.0])

    scale, bias = fit_platt(logits, np.array(truth))

    assert math.isfinite(scale)
    assert math.isfinite(bias)
    assert sigmoid(scale * logits + bias) == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_drew_the_classes_is_found(temperature: float) -> None:
    random = np.random.default_rng(3)
    logits = random.normal(0.0, 3.0, (4000, 4))
    truth = np.array([random.choice(4, p=row) for row in softmax(logits / temperature)], dtype=np.int64)

    assert fit_temperature(logits, truth) == pytest.approx(temperature, rel=0.12)


def test_probabilities_that_come_true_as_often_have_no_calibration_error() -> None:
    assert expected_calibration_error(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])) == 0.0
    assert expected_calibration_error(np.array([0.25] * 4), np.array([1.0, 0.0, 0.0, 0.0])) == 0.0


def test_probabilities_that_are_always_wrong_have_all_of_it() -> None:
    assert expected_calibration_error(np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 1.0, 0.0, 0.0])) == 1.0


def test_the_calibration_error_weighs_bins_by_their_size() -> None:
    probabilities = np.array([0.9] * 9 + [0.1])
    truth = np.array([1.0] * 10)

    assert expected_calibration_error(probabilities, truth) == pytest.approx(0.9 * 0.1 + 0.1 * 0.9)


@pytest.mark.parametrize(("budget", "threshold"), [(1, 0.3), (0.1, 0.3), (0.09, 0.6), (0.01, 0.6), (0.001, 0.9)])
def test_between_measured_rates_the_stricter_threshold_is_taken(budget: float, threshold: float) -> None:
    assert CURVE.threshold(budget) == threshold


@pytest.mark.parametrize("budget", [0.0009, 0.0, -1.0, math.nan])
def test_a_budget_below_what_was_measured_is_refused(budget: float) -> None:
    with pytest.raises(ThresholdError, match=r"below the smallest measured rate, 0\.001; ask for a larger one"):
        CURVE.threshold(budget)


@pytest.mark.parametrize("points", [(), ((0.1, 0.3), (0.2, 0.4)), ((0.1, 1.5),), ((0.1, -0.1),), ((0.1, math.nan),)])
def test_a_curve_that_makes_no_sense_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ThresholdError, match="needs falling rates"):
        ThresholdCurve(points)


_COARSE = st.integers(0, 10).map(lambda tenths: tenths / 10)
SCORES = arrays(np.float64, st.integers(2500, 2600), elements=st.one_of(st.floats(0, 1), _COARSE), fill=st.floats(0, 1))


@given(SCORES)
def test_no_more_clean_messages_reach_a_threshold_than_its_budget_allows(scores: Floats) -> None:
    try:
        curve = measure_curve(scores)
    except ThresholdError:
        assert (scores == 1.0).sum() > 0.2 * len(scores)
        return
    stored = curves_from_json(curves_to_json({"toxic": curve}))["toxic"]
    for budget in BUDGETS:
        if budget >= curve.points[-1][0]:
            assert (scores >= stored.threshold(budget)).mean() <= budget


def test_a_threshold_is_no_stricter_than_it_must_be() -> None:
    scores = np.arange(1000) / 1000
    curve = measure_curve(scores)

    assert [rate for rate, _ in curve.points] == [0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002]
    assert [int((scores >= curve.threshold(rate)).sum()) for rate, _ in curve.points] == [200, 100, 50, 20, 10, 5, 2]


def test_thresholds_rise_as_budgets_fall() -> None:
    curve = measure_curve(np.random.default_rng(1).random(5000))

    assert all(earlier <= later for (_, earlier), (_, later) in itertools.pairwise(curve.points))


def test_a_rate_is_measured_only_where_two_messages_may_exceed_it() -> None:
    assert measure_curve(np.linspace(0, 0.9, 10)).points[-1][0] == 0.2
    with pytest.raises(ThresholdError, match="9 clean messages are too few"):
        measure_curve(np.linspace(0, 0.9, 9))


def test_no_threshold_is_promised_where_too_many_clean_messages_score_one() -> None:
    scores = np.concatenate([np.linspace(0, 0.9, 97), np.ones(3)])

    curve = measure_curve(scores)

    assert curve.points[-1][0] == 0.05
    with pytest.raises(ThresholdError):
        curve.threshold(0.02)


def test_curves_survive_json_to_the_last_digit() -> None:
    curves = {"toxic": measure_curve(np.random.default_rng(2).random(3000)), "insult": CURVE}

    assert curves_from_json(curves_to_json(curves)) == curves


@pytest.mark.parametrize("raw", [[], "x", {"a": 3}, {"a": []}, {"a": [[0.1]]}, {"a": [["x", 1]]}, {"a": [None]}])
def test_curves_that_are_not_pairs_of_numbers_are_refused(raw: Any) -> None:
    with pytest.raises(ThresholdError):
        curves_from_json(raw)
