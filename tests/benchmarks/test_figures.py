from collections.abc import Callable

import pytest

from benchmarks.voice.figures import Rate, figures, grouped
from benchmarks.voice.trials import Trial
from benchmarks.voice.ways import Way

Make = Callable[..., Trial]


def test_recall_is_of_abusive_lines_and_false_alarms_are_of_clean_ones(trial: Make) -> None:
    found = figures(
        [
            trial("insult", "you clown", Way.TEXT, Way.VOICE, Way.PLAIN),
            trial("insult", "you fool", Way.TEXT),
            trial("clean", "well played", Way.PLAIN),
            trial("clean", "push left", Way.VOICE, punished=True),
        ]
    )

    assert {way: rate.count for way, rate in found.recall.items()} == {Way.TEXT: 2, Way.VOICE: 1, Way.PLAIN: 1}
    assert {way: rate.count for way, rate in found.alarms.items()} == {Way.TEXT: 0, Way.VOICE: 1, Way.PLAIN: 1}
    assert (found.punished[Way.VOICE], found.punished[Way.PLAIN]) == (Rate(2, 1), Rate(2, 0))
    assert (found.kept, found.recall[Way.VOICE].share) == (0.5, 0.5)


def test_word_errors_and_speed_are_of_the_ways_that_listen(trial: Make) -> None:
    found = figures([trial("clean", "push left", heard="push", took=3.0), trial("clean", "well played")])

    assert found.word_errors == {Way.VOICE: pytest.approx(1 / 4), Way.PLAIN: 0}
    assert found.real_time == {Way.VOICE: pytest.approx(4 / 20), Way.PLAIN: pytest.approx(2 / 20)}


def test_a_clip_that_could_not_be_checked_is_counted_apart(trial: Make) -> None:
    assert figures([trial("clean", "push left", unchecked=True), trial("clean", "hello")]).unchecked == 1


def test_of_no_trials_there_are_no_rates() -> None:
    found = figures([])

    assert (found.clips, found.kept, found.recall[Way.VOICE].share) == (0, None, None)


def test_groups_come_in_the_order_in_which_they_come_up(trial: Make) -> None:
    trials = [trial("insult", "you clown"), trial("clean", "hello"), trial("insult", "you fool")]

    assert {name: found.clips for name, found in grouped(trials, lambda t: t.line.category).items()} == {
        "insult": 2,
        "clean": 1,
    }
    assert list(grouped(trials, lambda t: t.line.category)) == ["insult", "clean"]
