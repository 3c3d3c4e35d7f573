"""Fit the probabilities and thresholds of a finished model to labelled rows, without training it again."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from classifier.calibrate import BUDGETS, Calibration, ThresholdCurve, clean_messages_needed, measure_curve
from classifier.errors import DataError, ThresholdError
from classifier.manifest import Manifest
from classifier.model import Classifier, load
from classifier.stages import Logits, Probabilities
from classifier.training.calibration.reliability import (
    Quality,
    Truths,
    cross_fitted,
    fit_calibration,
    quality,
    truths_of,
)
from classifier.training.data.rows import Row, lot
from classifier.training.learning.decision import class_weights

CONFIDENCE = 0.95
"""How sure a threshold is to keep its budget on messages to come."""

_BATCH = 512
_FINEST = 1_000_000_000

Progress = Callable[[int, int], None]
"""Called with rows scored and rows in all."""


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """Hold the manifest of a model with its new calibration, and what that is worth.

    `after` is measured by fitting to one half of the rows and reading the other, in turn, so that no row is judged by
    a fit that saw it. The calibration of the manifest is fitted to all rows. `notes` are for whoever ran it.
    """

    manifest: Manifest
    before: Quality
    after: Quality
    notes: tuple[str, ...] = ()


def recalibrate(
    model: Path,
    rows: Sequence[Row],
    *,
    budget: float | None = None,
    confidence: float | None = CONFIDENCE,
    command: str = "referee model calibrate",
    progress: Progress = lambda done, rows: None,
) -> Recalibrated:
    """Return a model's manifest with calibration and curves fitted to rows; nothing is written.

    The texts are scored as a running bot scores them. Rows of the split tune are used, else those without a split,
    else those of the split train. `confidence` is that of the curves (None: shares of these rows, as measured), and
    `budget` is measured besides those of `BUDGETS`. Raise DataError where the rows cannot be used, and ThresholdError
    where they are too few for the budget.
    """
    classifier = load(model)
    old, names = classifier.manifest, classifier.labels.names
    chosen, notes = _to_calibrate_on(rows, old)
    truths = truths_of(chosen, names)
    _require_enough(truths, budget, confidence)
    logits = _logits(classifier, truths.texts, progress)
    calibration = fit_calibration(logits, truths, old.calibration)
    _require_rising(calibration)
    read = logits.read(calibration)
    curves = _curves(read, truths, names, budget, confidence)
    _require_measured(curves, names, budget)
    before = quality(logits.read(old.calibration), truths)
    after = quality(cross_fitted(logits, truths, old.calibration), truths)
    account = _account(chosen, truths, old, confidence, command)
    manifest = replace(
        old,
        version=_version(old, calibration, curves),
        calibration=calibration,
        curves=curves,
        class_weights=_class_weights(read, truths, names, old) if old.class_weights else {},
        training={**old.training, "recalibrated": [*old.training.get("recalibrated", []), account]},
        metrics={**old.metrics, "recalibrated": {"before": asdict(before), "after": asdict(after)}},
    )
    notes += _doubts(before, after)
    notes += _lost(old, manifest, truths, confidence)
    return Recalibrated(manifest, before, after, tuple(notes))


def _to_calibrate_on(rows: Sequence[Row], manifest: Manifest) -> tuple[list[Row], list[str]]:
    """Return the rows that the model is least likely to have been trained on, and what to say of the choice."""
    by_split = {split: [row for row in rows if row.split == split and row.text.strip()] for split in _SPLITS}
    split = next((split for split, members in by_split.items() if members), None)
    if split is None:
        raise DataError("there are no rows to calibrate on; give rows of the split tune, or without a split")
    chosen = by_split[split]
    notes = [f"{len(chosen):,} of {len(rows):,} rows used: {_SPLITS[split]}"] if len(chosen) < len(rows) else []
    known = {row.source for row in chosen} & set(manifest.training.get("rows", ()))
    if split == "train" or (split == "" and known):
        notes.append(
            f"the model may have been trained on these rows{_listed(known)}, and is surer of them than of messages to "
            "come; calibrate on others, or mark those that it was not trained on `split: tune`"
        )
    return chosen, notes


_SPLITS = {"tune": "those of the split tune", "": "those without a split", "train": "those of the split train"}
"""The splits that may be calibrated on, the best first, and how they are told. Test rows are left to be reported on."""


def _listed(names: set[str]) -> str:
    return f" ({', '.join(sorted(names))})" if names else ""


def _require_enough(truths: Truths, budget: float | None, confidence: float | None) -> None:
    clean = int((~truths.toxic).sum())
    if budget is None or clean >= (needed := clean_messages_needed(budget, confidence)):
        return
    sure = "" if confidence is None else f" with {confidence:.0%} confidence"
    finest = _finest(clean, confidence)
    raise ThresholdError(
        f"{clean:,} clean rows cannot show that at most {in_words(budget)} is flagged{sure}: that takes {needed:,}; "
        + (f"give more of them, or ask for 1 in {finest:,}" if finest > 1 else "give more of them")
    )


def _finest(clean: int, confidence: float | None) -> int:
    """Return the largest N, 1 where there is none, for which so many clean rows can show a budget of 1 in N."""
    low, high = 1, _FINEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if clean_messages_needed(1 / middle, confidence) <= clean else (low, middle)
    return low


def in_words(budget: float) -> str:
    """Return a budget as a policy says it: 1 in 1,000."""
    return f"1 in {round(1 / budget):,}"


def _logits(classifier: Classifier, texts: Sequence[str], progress: Progress) -> Logits:
    parts: list[Logits] = []
    for start in range(0, len(texts), _BATCH):
        parts.append(classifier.logits(texts[start : start + _BATCH]))
        progress(min(start + _BATCH, len(texts)), len(texts))
    heads = zip(*(part.heads for part in parts), strict=True)
    return Logits(parts[0].stages, tuple(np.concatenate(head) for head in heads))


def _require_rising(calibration: Calibration) -> None:
    if calibration.scale <= 0:
        raise DataError(
            "on these rows P(toxic) of the model does not rise with toxicity; check their labels, or train a model on "
            "rows like them"
        )


def _curves(
    read: Probabilities, truths: Truths, names: Sequence[str], budget: float | None, confidence: float | None
) -> dict[str, ThresholdCurve]:
    """Return the curve of P(toxic) and of each category over the clean rows, as far as they can be measured."""
    budgets = sorted({*BUDGETS, *(() if budget is None else (budget,))}, reverse=True)
    clean = np.flatnonzero(~truths.toxic)
    columns = {"toxic": read.toxic, **{name: read.categories[:, i] for i, name in enumerate(names)}}
    curves: dict[str, ThresholdCurve] = {}
    for name, scores in columns.items():
        try:
            curves[name] = measure_curve(scores[clean], budgets, confidence=confidence)
        except ThresholdError:
            continue
    return curves


def _require_measured(curves: Mapping[str, ThresholdCurve], names: Sequence[str], budget: float | None) -> None:
    for name in ("toxic", *names):
        if budget is not None and _smallest(curves, name) > budget:
            raise ThresholdError(
                f"no threshold of {name} flags at most {in_words(budget)}: too many clean rows score 1; check their "
                "labels, or ask for a larger budget"
            )


def _smallest(curves: Mapping[str, ThresholdCurve], name: str) -> float:
    return curves[name].points[-1][0] if name in curves else 1.0


def _account(
    rows: Sequence[Row], truths: Truths, old: Manifest, confidence: float | None, command: str
) -> dict[str, Any]:
    return {
        "command": command,
        "from_version": old.version,
        "rows": dict(sorted(Counter(row.source for row in rows).items())),
        "toxic": int(truths.toxic.sum()),
        "clean": int((~truths.toxic).sum()),
        "confidence": confidence,
    }


def _version(old: Manifest, calibration: Calibration, curves: Mapping[str, ThresholdCurve]) -> str:
    """Return the version of the weights with a mark of the calibration, so that verdicts tell the two models apart."""
    mark = int(lot(f"{calibration}{sorted(curves.items())}", "version") * 16**6)
    return f"{old.version.partition('+')[0]}+{mark:06x}"


def _class_weights(read: Probabilities, truths: Truths, names: Sequence[str], old: Manifest) -> Mapping[str, float]:
    """Return the class weights chosen anew, or the old ones where the rows are too few: they weigh probabilities."""
    known = np.flatnonzero(~truths.toxic | (truths.category >= 0))
    shares = np.column_stack([1.0 - read.toxic, read.categories])[known]
    return class_weights(shares, truths.category[known] + 1, names) or old.class_weights


def _doubts(before: Quality, after: Quality) -> Iterator[str]:
    if after.log_loss > before.log_loss:
        yield (
            "on rows that a fit did not see, the new calibration is no better than the present one; give more rows, or "
            "keep the model as it is"
        )


def _lost(old: Manifest, new: Manifest, truths: Truths, confidence: float | None) -> Iterator[str]:
    """Say which budgets the model could answer and no longer can, since a policy that asks for them will not load."""
    lost = [
        curve.points[-1][0] for name, curve in old.curves.items() if _smallest(new.curves, name) > curve.points[-1][0]
    ]
    if lost:
        clean = int((~truths.toxic).sum())
        yield (
            f"{clean:,} clean rows show fewer budgets than the model knew: a policy that asks for "
            f"{in_words(min(lost))} will not load with it; that takes "
            f"{clean_messages_needed(min(lost), confidence):,} clean rows"
        )
