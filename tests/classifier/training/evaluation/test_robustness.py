import pytest

from classifier.training.evaluation.evasions import EVASIONS
from classifier.training.evaluation.false_positives import violent_report
from classifier.training.evaluation.probes import Line, Marked
from classifier.training.evaluation.robustness import Trial, Trials, make_trials, robustness_report

TOXIC = tuple(Marked(text, frozenset({"idiot"})) for text in ("you idiot", "idiot team", "what an idiot", "idiot !"))
NEAR = tuple(Marked(text, frozenset({"class"})) for text in ("a class act", "which class", "first class", "class war"))


def test_each_toxic_line_is_tried_with_every_kind_and_a_near_miss_with_a_quarter() -> None:
    trials = make_trials(TOXIC, NEAR)

    assert len(trials.toxic) == len(TOXIC) * len(EVASIONS)
    assert len(trials.clean) == pytest.approx(len(NEAR) * len(EVASIONS) / 4, abs=3)
    assert {trial.kind for trial in trials.clean} == set(EVASIONS)
    assert make_trials(TOXIC, NEAR) == trials


def test_a_line_that_a_kind_cannot_change_is_left_out_of_it() -> None:
    trials = make_trials([Marked("gg ez")], [])

    assert trials.toxic == ()


def scored() -> tuple[Trials, dict[str, float]]:
    trials = Trials(
        toxic=(Trial("leetspeak", "a", "4"), Trial("leetspeak", "b", "8"), Trial("reversed", "a", "z")),
        clean=(Trial("leetspeak", "c", "3"), Trial("reversed", "d", "y")),
        near_misses=("c", "d"),
    )
    return trials, {"a": 0.9, "b": 0.7, "c": 0.1, "d": 0.6, "4": 0.9, "8": 0.4, "z": 0.2, "3": 0.55, "y": 0.1}


def test_recall_and_false_positives_are_counted_by_hand() -> None:
    report = robustness_report(*scored(), flag=0.8)

    assert report["kinds"]["leetspeak"]["half"] == {
        "recall_plain": 1.0,
        "recall_evaded": 0.5,
        "ratio": 0.5,
        "false_positives_plain": 0.0,
        "false_positives_disguised": 1.0,
    }
    assert report["kinds"]["leetspeak"]["flag"]["ratio"] == 1.0
    assert report["all"]["half"]["ratio"] == pytest.approx(1 / 3, abs=1e-4)
    assert (report["near_misses"]["lines"], report["near_misses"]["half"]) == (2, 0.5)


def test_the_worst_kind_comes_first_and_is_grouped_by_its_defence() -> None:
    report = robustness_report(*scored(), flag=0.8)

    assert list(report["kinds"])[:2] == ["reversed", "leetspeak"]
    assert report["defences"]["normaliser"]["half"]["ratio"] == 0.5
    assert report["defences"]["nothing"]["half"]["ratio"] == 0.0


def test_a_kind_without_lines_and_a_model_that_finds_nothing_have_no_ratio() -> None:
    trials, scores = scored()
    report = robustness_report(trials, dict.fromkeys(scores, 0.0), flag=0.8)

    assert report["kinds"]["leetspeak"]["half"]["ratio"] is None
    assert report["kinds"]["misspelt"]["half"]["recall_plain"] is None


def test_violent_talk_is_counted_by_genre_the_worst_first() -> None:
    lines = (Line("a", "moba"), Line("b", "card"), Line("c", "card"))

    report = violent_report(lines, {"a": 0.1, "b": 0.9, "c": 0.6}, flag=0.8)

    assert list(report["genres"]) == ["card", "moba"]
    assert report["genres"]["card"] == {"lines": 2, "half": 1.0, "flag": 0.5, "mean": 0.75}
    assert report["all"]["half"] == pytest.approx(2 / 3, abs=1e-4)
