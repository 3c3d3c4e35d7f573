import math
import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score, roc_auc_score

from classifier.errors import DataError
from classifier.training.comparison.outcome import TestRow
from classifier.training.comparison.scores import confusion, score_outcomes
from tests.classifier.training.comparison.village import CLASSES, comparison, outcome, village


def test_values_are_those_of_scikit_learn() -> None:
    given = village()

    for said, scores in zip(given.outcomes, score_outcomes(given, draws=10), strict=True):
        truth, flagged, known = given.toxic, said.toxic >= 0.5, given.truth >= 0
        assert scores.precision.value == pytest.approx(precision_score(truth, flagged))
        assert scores.recall.value == pytest.approx(recall_score(truth, flagged))
        assert scores.f1.value == pytest.approx(f1_score(truth, flagged))
        assert scores.auc.value == pytest.approx(roc_auc_score(truth, said.toxic))
        macro = f1_score(given.truth[known], said.predicted[known], average="macro")
        assert scores.macro_f1.value == pytest.approx(macro)
        per_class = f1_score(given.truth[known], said.predicted[known], average=None)
        assert [of.f1.value for of in scores.classes] == pytest.approx(per_class)
        assert [of.support for of in scores.classes] == np.bincount(given.truth[known]).tolist()


def test_tied_scores_count_half_for_the_auc() -> None:
    given = village(60)
    rounded = replace(given.outcomes[0], toxic=given.outcomes[0].toxic.round(1))
    given = replace(given, outcomes=(rounded,))

    assert score_outcomes(given, draws=5)[0].auc.value == pytest.approx(roc_auc_score(given.toxic, rounded.toxic))


def test_an_interval_is_that_of_resampled_rows() -> None:
    given = village(150)
    said, random = given.outcomes[0], np.random.default_rng(1)
    aucs, f1s = [], []
    for _ in range(150):
        drawn = random.integers(0, 150, 150)
        aucs.append(roc_auc_score(given.toxic[drawn], said.toxic[drawn]))
        f1s.append(f1_score(given.toxic[drawn], said.toxic[drawn] >= 0.5))

    scores = score_outcomes(given)[0]

    assert (scores.auc.low, scores.auc.high) == pytest.approx(tuple(np.quantile(aucs, [0.025, 0.975])), abs=0.03)
    assert (scores.f1.low, scores.f1.high) == pytest.approx(tuple(np.quantile(f1s, [0.025, 0.975])), abs=0.03)


def test_intervals_narrow_with_more_rows() -> None:
    few, many = (score_outcomes(village(size))[0].f1 for size in (50, 2000))

    assert many.high - many.low < (few.high - few.low) / 3


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others() -> None:
    given = village()

    assert repr(score_outcomes(given, seed=1)) == repr(score_outcomes(given, seed=1))
    assert score_outcomes(given, seed=1)[0].f1 != score_outcomes(given, seed=2)[0].f1


def test_differences_are_paired_on_the_same_samples() -> None:
    given = village()
    twin = replace(given, outcomes=(given.outcomes[0], given.outcomes[0], given.outcomes[1]))

    first, same, better = score_outcomes(twin)

    assert first.f1_gain is None and first.macro_f1_gain is None
    assert (same.f1_gain.value, same.f1_gain.low, same.f1_gain.high) == (0, 0, 0)
    assert not same.f1_gain.above_zero and not same.f1_gain.below_zero
    assert better.f1_gain.value == pytest.approx(better.f1.value - first.f1.value)
    assert better.f1_gain.above_zero and better.macro_f1_gain.above_zero
    backwards = score_outcomes(replace(twin, outcomes=(twin.outcomes[2], twin.outcomes[0])))
    assert backwards[1].f1_gain.below_zero


def test_large_inputs_are_drawn_in_blocks_and_take_seconds() -> None:
    given = village(5000, skills=(1.0, 2.0), classes=("non_toxic", *"abcdefgh"))
    started = time.perf_counter()

    scores = score_outcomes(given)

    assert time.perf_counter() - started < 30
    assert all(of.f1.low < of.f1.value < of.f1.high for of in scores)


def rows_of(*places):
    return [TestRow(f"line {i}", place, place != 0, "village") for i, place in enumerate(places)]


@pytest.mark.parametrize("places", [(), (0,), (0, 0, 0), (1, 1, 1), (-1, -1), (0, 1, 2)])
def test_few_rows_and_single_classes_are_scored_without_complaint(places: tuple[int, ...]) -> None:
    size = len(places)
    given = comparison(rows_of(*places), [outcome(name, [0.3] * size, [0] * size) for name in "ab"])

    scores = score_outcomes(given)

    assert len(scores) == 2
    if len({place != 0 for place in places}) < 2:
        assert math.isnan(scores[0].auc.value)


def test_a_class_without_rows_has_no_scores_and_does_not_count_for_macro_f1() -> None:
    given = comparison(rows_of(0, 0, 1, 1), [outcome("a", [0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])])

    scores = score_outcomes(given)[0]

    assert scores.classes[2].support == 0
    assert math.isnan(scores.classes[2].f1.value)
    assert scores.macro_f1.value == 1.0


def test_precision_is_undefined_where_nothing_is_called_toxic() -> None:
    scores = score_outcomes(comparison(rows_of(0, 1, 1), [outcome("a", [0.1, 0.2, 0.3], [0, 0, 0])]))[0]

    assert math.isnan(scores.precision.value)
    assert scores.recall.value == scores.f1.value == 0.0


def test_a_row_without_a_score_leaves_the_scores_of_toxic_undefined() -> None:
    given = comparison(rows_of(0, 1, 2), [outcome("a", [0.1, float("nan"), 0.9], [0, 1, 2])])

    scores = score_outcomes(given)[0]

    assert all(math.isnan(e.value) for e in (scores.precision, scores.recall, scores.f1, scores.auc))
    assert scores.macro_f1.value == 1.0


def test_the_confusion_counts_rows_of_known_class() -> None:
    given = village()
    known = given.truth >= 0

    counts = confusion(given, given.outcomes[1])

    assert counts.tolist() == confusion_matrix(given.truth[known], given.outcomes[1].predicted[known]).tolist()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda rows: comparison(rows, []), "nothing to compare"),
        (lambda rows: comparison(rows, [outcome("short", [0.5], [0])]), "'short' has the shapes"),
        (lambda rows: comparison(rows, [outcome("odd", [0.5] * 2, [0, 0], (*CLASSES, "x"))]), "'odd' has the shapes"),
        (lambda rows: comparison(rows, [outcome("far", [0.5] * 2, [0, 0])], classes=CLASSES[:1]), "class 1"),
        (lambda rows: comparison(rows, [outcome("low", [0.5] * 2, [0, -1])]), "'low' decides on classes"),
    ],
)
def test_outcomes_that_do_not_fit_the_rows_are_refused(made, said: str) -> None:
    with pytest.raises(DataError, match=said):
        made(rows_of(0, 1))
