"""What disguises do to a model: how many toxic lines they hide, and how many innocent ones they make look guilty."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from classifier.training.evaluation.evasions import DEFENCES, EVASIONS, Defence, evade
from classifier.training.evaluation.false_positives import Report, Scores, flagged
from classifier.training.evaluation.probes import Marked

_HALF = 0.5
_NEAR_MISS_EVERY = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """Hold a line as it is and as one kind of evasion writes it."""

    kind: str
    plain: str
    evaded: str


@dataclass(frozen=True, slots=True)
class Trials:
    """Hold the disguised lines of both sorts, and all near misses as they are."""

    toxic: tuple[Trial, ...]
    clean: tuple[Trial, ...]
    near_misses: tuple[str, ...]

    def texts(self) -> set[str]:
        """Return every text that `robustness_report` needs the score of."""
        trials = chain(self.toxic, self.clean)
        return {text for trial in trials for text in (trial.plain, trial.evaded)} | set(self.near_misses)


def make_trials(toxic: Sequence[Marked], near_misses: Sequence[Marked]) -> Trials:
    """Return every toxic line under every kind of evasion, and every near miss under a quarter of the kinds.

    The same lines give the same trials. A line that a kind cannot change is left out of that kind.
    """
    return Trials(
        toxic=_trials(toxic, every=1),
        clean=_trials(near_misses, every=_NEAR_MISS_EVERY),
        near_misses=tuple(line.text for line in near_misses),
    )


def _trials(lines: Sequence[Marked], *, every: int) -> tuple[Trial, ...]:
    trials = []
    for place, line in enumerate(lines):
        for number, kind in enumerate(EVASIONS):
            if (place + number) % every == 0:
                evaded = evade(line.text, kind, random.Random(f"{kind} {line.text}"), line.words)
                trials.append(Trial(kind, line.text, evaded))
    return tuple(trial for trial in trials if trial.evaded != trial.plain)


def robustness_report(trials: Trials, scores: Scores, flag: float) -> Report:
    """Return recall on evaded toxic lines beside that on the plain ones, and the same of false positives.

    In all, by what ought to defend, and by kind, the worst first; at P(toxic) 0.5 (`half`) and at `flag`. A ratio is
    None where no plain line is found.
    """

    def of(kinds: Collection[str]) -> Report:
        toxic, clean = ([t for t in side if t.kind in kinds] for side in (trials.toxic, trials.clean))
        return _compared(toxic, clean, scores, flag)

    kinds = {kind: {"defence": str(DEFENCES[kind]), **of({kind})} for kind in EVASIONS}
    return {
        "all": of(EVASIONS),
        "near_misses": flagged(trials.near_misses, scores, flag),
        "defences": {str(d): of({kind for kind in EVASIONS if DEFENCES[kind] is d}) for d in Defence},
        "kinds": dict(sorted(kinds.items(), key=lambda item: _ratio_or_one(item[1]))),
    }


def _ratio_or_one(numbers: Report) -> float:
    ratio = numbers["half"]["ratio"]
    return 1.0 if ratio is None else float(ratio)


def _compared(toxic: Sequence[Trial], clean: Sequence[Trial], scores: Scores, flag: float) -> Report:
    return {
        "toxic": len(toxic),
        "clean": len(clean),
        **{name: _at(toxic, clean, scores, at) for name, at in (("half", _HALF), ("flag", flag))},
    }


def _at(toxic: Sequence[Trial], clean: Sequence[Trial], scores: Scores, threshold: float) -> Report:
    plain, evaded = _shares(toxic, scores, threshold)
    clean_plain, clean_disguised = _shares(clean, scores, threshold)
    ratio = evaded / plain if plain and evaded is not None else None
    return {
        "recall_plain": _rounded(plain),
        "recall_evaded": _rounded(evaded),
        "ratio": _rounded(ratio),
        "false_positives_plain": _rounded(clean_plain),
        "false_positives_disguised": _rounded(clean_disguised),
    }


def _shares(trials: Sequence[Trial], scores: Scores, threshold: float) -> tuple[float | None, float | None]:
    """Return which share of the lines is found as they are, and disguised; None without lines."""
    if not trials:
        return None, None
    plain, evaded = (_scores([getattr(t, side) for t in trials], scores) for side in ("plain", "evaded"))
    return float((plain >= threshold).mean()), float((evaded >= threshold).mean())


def _scores(texts: Sequence[str], scores: Scores) -> NDArray[np.float64]:
    return np.array([scores[text] for text in texts])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
