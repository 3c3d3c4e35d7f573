"""Trials to figures: word error rate, recall, false alarms and speed, for each way."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.voice.trials import Trial
from benchmarks.voice.ways import Finding, Way
from benchmarks.voice.word_errors import word_error_rate

HEARING = (Way.VOICE, Way.PLAIN)
"""The ways that listen."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Hold how many of how many."""

    of: int
    count: int

    @property
    def share(self) -> float | None:
        """Return the part, 0 to 1; None of nothing."""
        return self.count / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Hold what a set of trials comes to.

    `word_errors` and `real_time` (seconds of work a second of sound) are of the ways that listen; `recall` is of
    abusive lines, `alarms` of clean ones, and `punished` of clean ones that would have cost somebody something.
    `unchecked` are clips that a human would be asked to hear, because Referee could not.
    """

    clips: int
    seconds: float
    word_errors: Mapping[Way, float]
    real_time: Mapping[Way, float]
    recall: Mapping[Way, Rate]
    alarms: Mapping[Way, Rate]
    punished: Mapping[Way, Rate]
    unchecked: int

    @property
    def kept(self) -> float | None:
        """Return the recall of the voice path as a part of that of the text path; None where text finds nothing."""
        text, voice = self.recall[Way.TEXT].count, self.recall[Way.VOICE].count
        return voice / text if text else None


def figures(trials: Sequence[Trial]) -> Figures:
    """Return what the trials come to."""
    abusive = [trial for trial in trials if trial.line.abusive]
    clean = [trial for trial in trials if not trial.line.abusive]
    seconds = sum(trial.seconds for trial in trials)
    said = {way: [(trial.line.text, trial.findings[way].heard) for trial in trials] for way in HEARING}
    took = {way: sum(trial.findings[way].took for trial in trials) for way in HEARING}
    return Figures(
        clips=len(trials),
        seconds=seconds,
        word_errors={way: word_error_rate(said[way]) for way in HEARING},
        real_time={way: took[way] / seconds if seconds else 0.0 for way in HEARING},
        recall=_rates(abusive, lambda finding: finding.flagged),
        alarms=_rates(clean, lambda finding: finding.flagged),
        punished=_rates(clean, lambda finding: finding.punished),
        unchecked=sum(trial.findings[Way.VOICE].unchecked for trial in trials),
    )


def grouped(trials: Iterable[Trial], key: Callable[[Trial], str]) -> dict[str, Figures]:
    """Return the figures of each group, in the order in which the groups first come up."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(key(trial), []).append(trial)
    return {name: figures(group) for name, group in groups.items()}


def _rates(trials: Sequence[Trial], counts: Callable[[Finding], bool]) -> dict[Way, Rate]:
    return {way: Rate(len(trials), sum(counts(trial.findings[way]) for trial in trials)) for way in Way}
