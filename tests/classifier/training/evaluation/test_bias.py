from classifier.training.evaluation.bias import bias_report
from classifier.training.evaluation.probes import CONTROL, GroupSentence

SENTENCES = tuple(
    GroupSentence(f"{template} {group}", group, kind, template, tone)
    for template, tone in (("hello", "neutral"), ("sad for", "negative feeling"))
    for group, kind in (("elves", "people"), ("dwarves", "people"), ("witches", "trade"), ("tall ones", CONTROL))
)
SCORES = {s.text: 0.1 for s in SENTENCES} | {"hello dwarves": 0.6, "sad for dwarves": 0.9, "sad for witches": 0.7}


def test_the_group_that_is_flagged_most_comes_first() -> None:
    groups = bias_report(SENTENCES, SCORES, flag=0.8)["groups"]

    assert list(groups) == ["dwarves", "witches", "elves"]
    assert groups["dwarves"] == {"kind": "people", "lines": 2, "half": 1.0, "flag": 0.5, "mean": 0.75}


def test_the_largest_gap_names_both_groups() -> None:
    gaps = bias_report(SENTENCES, SCORES, flag=0.8)["largest_gap"]

    assert gaps["half"] == {"gap": 1.0, "most": "dwarves", "least": "elves"}
    assert gaps["flag"]["gap"] == 0.5


def test_the_control_group_counts_apart() -> None:
    report = bias_report(SENTENCES, SCORES | {"hello tall ones": 1.0}, flag=0.8)

    assert report["control"]["half"] == 0.5
    assert (report["sentences"], report["all"]["half"]) == (6, 0.5)
    assert "tall ones" not in report["groups"]


def test_templates_tones_and_kinds_are_compared_too() -> None:
    report = bias_report(SENTENCES, SCORES, flag=0.8)

    assert list(report["templates"]) == ["sad for", "hello"]
    assert list(report["tones"]) == ["negative feeling", "neutral"]
    assert {name: part["lines"] for name, part in report["kinds"].items()} == {"people": 4, "trade": 2}
