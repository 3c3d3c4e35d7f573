from typing import Any

from classifier.training.evaluation.precision_gap import differences
from classifier.training.evaluation.targets import targets


def figures(*, ratio: float | None, more: float, violent: float) -> dict[str, Any]:
    at = {"ratio": ratio, "false_positives_plain": 0.1, "false_positives_disguised": 0.1 + more}
    return {"robustness": {"all": {"half": at, "flag": at}}, "violent_talk": {"all": {"flag": violent}}}


def test_a_good_model_meets_every_target_just_so() -> None:
    found = targets(figures(ratio=0.9, more=0.0, violent=0.0199) | {"int8_beside_fp32": {"largest_points": 0.5}})

    assert [target["met"] for target in found] == [True] * 6


def test_each_miss_is_told() -> None:
    found = targets(figures(ratio=0.89, more=0.01, violent=0.02) | {"int8_beside_fp32": {"largest_points": 0.51}})

    assert [target["met"] for target in found] == [False] * 6


def test_what_was_not_measured_is_not_met_or_not_named() -> None:
    assert [t["met"] for t in targets(figures(ratio=None, more=0.0, violent=0.0)) if t["value"] is None] == [False] * 2
    assert targets({"all": {}}) == []


def test_int8_is_compared_where_one_text_weighs_little() -> None:
    exact = {"all": {"rows": 400, "auc": 0.9, "f1": 0.8}, "sources": {"chat": {"rows": 20, "auc": 0.9}}}
    served = {"all": {"rows": 400, "auc": 0.895, "f1": 0.81}, "sources": {"chat": {"rows": 20, "auc": 0.5}}}

    assert differences(exact, served) == {"largest_points": 1.0, "points": {"all/f1": 1.0, "all/auc": -0.5}}
    assert differences({}, {}) == {"largest_points": 0.0, "points": {}}
