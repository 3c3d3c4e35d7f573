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
    clean_messages_needed,
    curves_from_json,
    curves_to_json,
    expected_calibration_error,
    fit_platt,
    fit_temperature,
    log_loss,
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


def separated(size: float, count: int = 16) -> tuple[Floats, Floats]:
    truth = (np.arange(count) % 2).astype(np.float64)
    return size * (2 * truth - 1), truth


@pytest.mark.parametrize("size", [1.0, 3.0, 20.0])
def test_a_prior_keeps_platt_scaling_moderate_where_few_rows_never_overlap(size: float) -> None:
    logits, truth = separated(size)

    scale, bias = fit_platt(logits, truth, prior=8)

    assert 1.0 <= scale <= 1.0 + math.log(1 + 16 / 8) / size + 0.5
    assert bias == pytest.approx(0.0, abs=1e-6)
    assert fit_platt(logits, truth)[0] > scale


def test_a_prior_alone_decides_where_all_rows_are_of_one_kind() -> None:
    logits, _ = separated(2.0)

    scale, bias = fit_platt(logits, np.zeros(16), prior=8)

    assert -3.0 < bias < -0.5
    assert 0.5 < scale < 2.0


def test_rows_that_come_out_as_the_logits_say_are_left_alone_however_few() -> None:
    logits = np.array([-1.5, 0.3, 2.0])

    assert fit_platt(logits, sigmoid(logits), prior=8) == pytest.approx((1.0, 0.0), abs=1e-6)


def test_ten_thousand_rows_outweigh_a_prior() -> None:
    logits, truth = drawn(1.7, -0.8, 2, 10_000)

    assert fit_platt(logits, truth, prior=8) == pytest.approx(fit_platt(logits, truth), abs=0.01)


def test_a_prior_weighs_against_the_weight_of_the_rows_not_their_number() -> None:
    logits, truth = drawn(1.5, 0.5, 2, 40)
    twice = np.concatenate([np.arange(40), np.arange(40)])

    assert fit_platt(logits, truth, np.full(40, 2.0), prior=8) == pytest.approx(
        fit_platt(logits[twice], truth[twice], prior=8), rel=1e-6
    )


@pytest.mark.parametrize(("count", "low", "high"), [(4, 0.7, 1.4), (4000, 0.2, 0.3)])
def test_a_prior_holds_the_temperature_near_one_for_few_rows_alone(count: int, low: float, high: float) -> None:
    logits = np.tile([2.0, 0.0, -1.0], (count, 1))
    truth = np.zeros(count, dtype=np.int64)

    assert fit_temperature(logits, truth) == pytest.approx(0.25)
    assert low <= fit_temperature(logits, truth, prior=8) <= high


def test_the_temperature_counts_a_row_of_weight_two_as_two_rows() -> None:
    random = np.random.default_rng(5)
    logits = random.normal(0.0, 3.0, (300, 4))
    truth = random.integers(0, 4, 300)
    twice = np.concatenate([np.arange(300), np.arange(100)])

    weighed = fit_temperature(logits, truth, np.where(np.arange(300) < 100, 2.0, 1.0))

    assert weighed == fit_temperature(logits[twice], truth[twice])


def test_rows_that_may_be_of_several_classes_count_for_the_sum_of_them() -> None:
    random = np.random.default_rng(6)
    logits = random.normal(0.0, 3.0, (4000, 4))
    truth = np.array([random.choice(4, p=row) for row in softmax(logits / 2.0)], dtype=np.int64)
    one_hot = truth[:, None] == np.arange(4)
    coarse = np.where((truth == 0)[:, None], np.arange(4) == 0, np.arange(4) > 0)

    assert fit_temperature(logits, one_hot) == fit_temperature(logits, truth)
    assert fit_temperature(logits, coarse) == pytest.approx(2.0, rel=0.12)


def test_log_loss_is_the_mean_surprise_and_never_infinite() -> None:
    assert log_loss(np.array([0.5, 0.5]), np.array([0.0, 1.0])) == pytest.approx(math.log(2))
    assert log_loss(np.array([0.9, 0.2]), np.array([1.0, 0.0])) == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)
    assert 20 < log_loss(np.array([0.0, 1.0]), np.array([1.0, 0.0])) < 50


def kept_on_fresh_messages(clean: int, budget: float, confidence: float | None) -> float:
    """Return how often a curve keeps its budget on messages to come, over draws of uniform scores.

    Of uniform scores, exactly the share 1 - threshold exceeds a threshold.
    """
    random = np.random.default_rng(11)
    curves = [measure_curve(random.random(clean), [budget], confidence=confidence) for _ in range(400)]
    return float(np.mean([1 - curve.threshold(budget) <= budget for curve in curves]))


@pytest.mark.parametrize(("clean", "budget"), [(60, 0.05), (500, 0.01), (3000, 0.001), (3000, 0.02)])
def test_a_curve_measured_with_confidence_keeps_its_budget_on_messages_to_come(clean: int, budget: float) -> None:
    assert kept_on_fresh_messages(clean, budget, 0.95) >= 0.92


def test_a_curve_as_measured_breaks_its_budget_as_often_as_not() -> None:
    assert kept_on_fresh_messages(3000, 0.001, None) < 0.5


@given(SCORES, st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_confidence_never_lowers_a_threshold(scores: Floats, confidence: float) -> None:
    try:
        sure = measure_curve(scores, confidence=confidence)
    except ThresholdError:
        return
    measured = dict(measure_curve(scores).points)

    assert all(threshold >= measured[rate] for rate, threshold in sure.points if rate in measured)


def test_a_text_that_everybody_writes_does_not_slip_over_a_sure_threshold_in_another_batch() -> None:
    scores = np.concatenate([np.linspace(0, 0.3, 500), np.full(200, 0.4), np.linspace(0.5, 0.9, 20)])

    threshold = measure_curve(scores, [0.1], confidence=0.95).threshold(0.1)

    assert 0.4 + 5e-7 < threshold < 0.5
    assert measure_curve(np.full(700, 1.0 - 1e-9), [0.1], confidence=0.95).threshold(0.1) == 1.0


@pytest.mark.parametrize(
    ("budget", "confidence", "needed"),
    [(0.001, 0.95, 2995), (0.01, 0.95, 299), (0.05, 0.95, 59), (0.001, 0.5, 693), (0.001, None, 2000), (0.2, None, 10)],
)
def test_as_many_clean_messages_are_needed_as_it_says(budget: float, confidence: float | None, needed: int) -> None:
    assert clean_messages_needed(budget, confidence) == needed
    assert measure_curve(np.linspace(0, 0.9, needed), [budget], confidence=confidence).points[-1][0] == budget
    with pytest.raises(ThresholdError, match="too few"):
        measure_curve(np.linspace(0, 0.9, needed - 1), [budget], confidence=confidence)


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_no_clean_messages_measure_nothing(confidence: float | None) -> None:
    with pytest.raises(ThresholdError, match="0 clean messages are too few"):
        measure_curve(np.array([]), confidence=confidence)


@pytest.mark.parametrize("confidence", [0.0, 0.49, 1.0, 2.0, -1.0, math.nan])
def test_a_confidence_that_makes_no_sense_is_refused(confidence: float) -> None:
    with pytest.raises(ThresholdError, match=r"give one from 0\.5 to below 1"):
        measure_curve(np.linspace(0, 0.9, 100), confidence=confidence)
