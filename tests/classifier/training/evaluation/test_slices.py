from classifier.training.data.rows import Row
from classifier.training.evaluation.slices import slice_report
from classifier.verdict import Verdict


def said(toxic: float) -> Verdict:
    return Verdict(toxic, {"rude": toxic}, "test")


ROWS = (
    Row("short", 1.0, "rude", "chat", at="a:1"),
    Row("two german players", 0.0, None, "chat", at="a:2"),
    Row("noob over there", 1.0, "rude", "forum", at="a:3"),
    Row("a much longer line that goes on for a while", 0.0, None, "forum", at="a:4"),
    Row("a line that training had", 0.0, None, "forum", at="a:5"),
)
VERDICTS = tuple(map(said, (0.9, 0.6, 0.4, 0.1, 0.95)))


def test_rows_are_cut_by_length_source_and_group_words() -> None:
    cuts = slice_report(ROWS, VERDICTS, flag=0.8, terms={"german"})

    assert {name: part["rows"] for name, part in cuts["length"].items()} == {
        "1-10": 1,
        "11-20": 2,
        "21-40": 1,
        "41-80": 1,
    }
    assert {name: part["rows"] for name, part in cuts["source"].items()} == {"chat": 2, "forum": 3}
    assert cuts["identity terms"]["yes"]["half"]["false_positives"] == 1.0
    assert "seen in training" not in cuts


def test_a_slice_is_counted_at_both_thresholds() -> None:
    numbers = slice_report(ROWS, VERDICTS, flag=0.8)["source"]["chat"]

    assert (numbers["rows"], numbers["toxic"], numbers["auc"]) == (2, 1, 1.0)
    assert numbers["half"] == {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "false_positives": 1.0}
    assert numbers["flag"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "false_positives": 0.0}


def test_a_slice_of_one_kind_has_no_figures_of_the_other() -> None:
    numbers = slice_report(ROWS, VERDICTS, flag=0.8)["length"]["41-80"]

    assert (numbers["auc"], numbers["half"]["recall"], numbers["half"]["f1"]) == (None, None, None)


def test_texts_that_training_had_count_in_their_own_slice_alone() -> None:
    cuts = slice_report(ROWS, VERDICTS, flag=0.8, known={"a line that training had"})

    assert {name: part["rows"] for name, part in cuts["seen in training"].items()} == {"no": 4, "yes": 1}
    assert sum(part["rows"] for part in cuts["source"].values()) == 4


def test_a_disguise_is_seen_in_the_text_as_it_was_written() -> None:
    cuts = slice_report(ROWS, VERDICTS, flag=0.8, originals={"a:3": "n00b over there"})

    assert {name: part["rows"] for name, part in cuts["disguise"].items()} == {"none": 4, "leetspeak": 1}
