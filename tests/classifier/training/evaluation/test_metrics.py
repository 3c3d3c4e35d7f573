import pytest

from classifier.training.data.rows import Row
from classifier.training.evaluation.metrics import agreement, class_report, intervals, report
from classifier.verdict import Verdict


def said(toxic: float, rude: float = 0.0, advert: float = 0.0) -> Verdict:
    return Verdict(toxic, {"rude": rude, "advert": advert}, "test")


ROWS = (
    Row("a", 1.0, "rude", "forum"),
    Row("b", 1.0, "advert", "forum"),
    Row("c", 0.0, None, "forum"),
    Row("d", 0.0, None, "chat"),
    Row("e", 0.4, "rude", "chat"),
)
VERDICTS = (said(0.9, rude=0.8), said(0.4, rude=0.3, advert=0.1), said(0.6), said(0.1), said(0.2, rude=0.2))


def test_all_rows_together_are_counted_by_hand() -> None:
    numbers = report(ROWS, VERDICTS, flag=0.8)["all"]

    assert (numbers["rows"], numbers["toxic"]) == (5, 2)
    assert (numbers["precision"], numbers["recall"], numbers["f1"]) == (0.5, 0.5, 0.5)
    assert numbers["auc"] == pytest.approx(5 / 6, abs=1e-4)
    assert (numbers["flagged_of_clean"], numbers["flagged_of_toxic"]) == (0.0, 0.5)
    assert numbers["calibration_error"] == pytest.approx((0.1 + 0.6 + 0.6 + 0.1 + 0.2) / 5, abs=1e-4)


def test_a_source_of_one_kind_has_no_ranking_figures() -> None:
    sources = report(ROWS, VERDICTS, flag=0.8)["sources"]

    assert list(sources) == ["chat", "forum"]
    assert (sources["chat"]["auc"], sources["chat"]["flagged_of_toxic"]) == (None, None)
    assert sources["forum"]["auc"] == 0.5


def test_the_top_category_is_measured_where_the_category_is_known() -> None:
    categories = report(ROWS, VERDICTS, flag=0.8)["categories"]

    assert categories["rude"] == {"rows": 2, "precision": 0.6667, "recall": 1.0, "f1": 0.8}
    assert categories["advert"] == {"rows": 1, "precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_without_known_categories_there_are_no_category_figures() -> None:
    assert report(ROWS[2:4], VERDICTS[2:4], flag=0.8)["categories"] == {}


def test_agreement_counts_decisions_that_differ() -> None:
    same = agreement([0.9, 0.1, 0.55, 0.2], [0.9, 0.1, 0.45, 0.4], flag=0.3)

    assert same["mean_difference"] == pytest.approx(0.075)
    assert (same["same_side_of_half"], same["same_side_of_flag"]) == (0.75, 0.75)
    assert same["p99_difference"] == pytest.approx(0.197, abs=1e-3)


def test_intervals_hold_the_figures_and_are_none_where_those_are() -> None:
    figures, ends = report(ROWS, VERDICTS, flag=0.8), intervals(ROWS, VERDICTS)

    assert ends["all"].keys() == {"auc", "f1", "macro_f1"}
    assert all(low <= figures["all"][name] <= high for name, (low, high) in ends["all"].items())
    assert ends["sources"]["chat"]["auc"] is None


def test_the_interval_narrows_with_more_rows() -> None:
    def width(times: int) -> float:
        low, high = intervals(ROWS * times, VERDICTS * times)["all"]["auc"]
        return high - low

    assert width(40) < width(10) / 1.5


def test_the_bootstrapped_auc_is_that_of_sklearn_with_ties() -> None:
    rows = [Row(str(i), float(i % 3 == 0), None, "chat") for i in range(60)]
    verdicts = [said(round((i * 7 % 11) / 11, 1)) for i in range(60)]
    low, high = intervals(rows, verdicts)["all"]["auc"]

    assert low < report(rows, verdicts, flag=0.5)["all"]["auc"] < high


def test_the_one_class_of_each_text_is_measured_non_toxic_too() -> None:
    told = class_report(ROWS, VERDICTS)

    assert (told["rows"], told["left_out"]) == (5, 0)
    assert told["classes"]["non_toxic"] == {"rows": 3, "precision": 0.6667, "recall": 0.6667, "f1": 0.6667}
    assert told["classes"]["rude"] == {"rows": 1, "precision": 0.5, "recall": 1.0, "f1": 0.6667}
    assert told["classes"]["advert"]["f1"] == 0.0
    assert told["accuracy"] == 0.6
    assert told["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3, abs=1e-4)
    assert told["macro_f1_interval"][0] < told["macro_f1"] < told["macro_f1_interval"][1]


def test_class_weights_name_rare_classes() -> None:
    weighted = class_report(ROWS, VERDICTS, {"advert": 8.0})

    assert weighted["classes"]["advert"]["recall"] == 1.0


def test_toxic_rows_of_unknown_category_are_left_out_of_the_classes_and_counted() -> None:
    unknown = Row("f", 1.0, None, "chat")

    assert class_report((*ROWS, unknown), (*VERDICTS, said(0.9)))["left_out"] == 1
    assert class_report([unknown], [said(0.9)]) == {}
