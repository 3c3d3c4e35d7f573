from classifier.training.comparison.mistakes import worst_mistakes
from classifier.training.comparison.outcome import TestRow
from tests.classifier.training.comparison.village import comparison, outcome

ROWS = [
    TestRow("clean, called toxic", 0, False, "village"),
    TestRow("clean, surely called toxic", 0, False, "village"),
    TestRow("clean, and called so", 0, False, "village"),
    TestRow("rude, missed", 1, True, "village"),
    TestRow("toxic of some kind, surely missed", -1, True, "town"),
    TestRow("rude, called spam", 1, True, "village"),
    TestRow("rude, and called so", 1, True, "village"),
    TestRow("never scored", 1, True, "village"),
]
SAID = outcome("a", [0.6, 0.9, 0.2, 0.4, 0.1, 0.8, 0.7, float("nan")], [1, 1, 0, 0, 0, 2, 1, 0])


def texts(mistakes):
    return [mistake.row.text for mistake in mistakes.worst]


def test_the_most_confident_wrong_ones_come_first() -> None:
    alarms, misses, mixed = worst_mistakes(comparison(ROWS, [SAID]), SAID)

    assert texts(alarms) == ["clean, surely called toxic", "clean, called toxic"]
    assert texts(misses) == ["toxic of some kind, surely missed", "rude, missed"]
    assert texts(mixed) == ["rude, called spam"]
    assert [mistake.sure for mistake in (*alarms.worst, *misses.worst)] == [0.9, 0.6, 0.9, 0.6]
    assert [(mistake.truth, mistake.said) for mistake in mixed.worst] == [("rude", "spam")]
    assert misses.worst[0].truth == "toxic, category unknown"


def test_only_so_many_are_shown_and_all_are_counted() -> None:
    alarms, *_ = worst_mistakes(comparison(ROWS, [SAID]), SAID, most=1)

    assert (alarms.count, texts(alarms)) == (2, ["clean, surely called toxic"])
