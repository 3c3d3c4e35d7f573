"""How many lines that are fine a model flags."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from classifier.training.evaluation.probes import Line

Report = dict[str, Any]
Scores = Mapping[str, float]
"""P(toxic) by text."""

_HALF = 0.5


def flagged(texts: Sequence[str], scores: Scores, flag: float) -> Report:
    """Return the shares of clean lines with P(toxic) of 0.5 or more (`half`) and of `flag` or more, and their mean."""
    toxic = np.array([scores[text] for text in texts])
    return {
        "lines": len(texts),
        "half": round(float((toxic >= _HALF).mean()), 4),
        "flag": round(float((toxic >= flag).mean()), 4),
        "mean": round(float(toxic.mean()), 4),
    }


def flagged_by(pairs: Iterable[tuple[str, str]], scores: Scores, flag: float) -> dict[str, Report]:
    """Return what `flagged` says of the texts under each name, the worst first; a pair is a name and a text."""
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    return worst_first({name: flagged(members, scores, flag) for name, members in texts.items()})


def worst_first(parts: Mapping[str, Report]) -> dict[str, Report]:
    """Return the parts by falling share at 0.5, at the flag threshold, and mean."""
    return dict(sorted(parts.items(), key=lambda part: [-part[1][name] for name in ("half", "flag", "mean")]))


def violent_report(lines: Sequence[Line], scores: Scores, flag: float) -> Report:
    """Return how much clean game talk that sounds violent is flagged, in all and by genre."""
    return {
        "all": flagged([line.text for line in lines], scores, flag),
        "genres": flagged_by(((line.genre, line.text) for line in lines), scores, flag),
    }
