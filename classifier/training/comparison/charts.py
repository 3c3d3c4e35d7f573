"""The pictures of the page: precision and recall, calibration, and what more labelled rows bring.

No name and no text of a row is drawn: the pictures hold numbers and fixed words, and the page's own legend names
the settings. So there is nothing to escape, and no glyph that a font could lack.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from classifier.training.comparison.drawing import MUTED, Look, Picture, drawing, look, mark, to_svg
from classifier.training.comparison.outcome import Comparison, Floats, LearningPoint, Outcome
from classifier.training.comparison.scores import THRESHOLD

_BINS = 10
_MOST_POINTS = 300
_Z = 1.96
_STANDARD = (25, 50, 100, 250, 500)
_LEAST_GAP = 1.35


def precision_recall(comparison: Comparison) -> Picture | None:
    """Draw the precision-recall curves of toxic, with the points at P(toxic) 0.5; None without toxic and clean rows."""
    truth = comparison.toxic
    scored = [(i, o) for i, o in enumerate(comparison.outcomes) if np.isfinite(o.toxic).all()]
    if not truth.any() or truth.all() or not scored:
        return None
    with drawing():
        figure = Figure(figsize=(5.4, 3.6), layout="constrained")
        axes = figure.add_subplot()
        base = float(truth.mean())
        axes.axhline(base, color=MUTED, linewidth=1, dashes=(2, 3))
        words = f"flagging everything: {base:.2f}"
        axes.annotate(words, (0, base), (6, 5), textcoords="offset points", color=MUTED, fontsize=8)
        for place, outcome in scored:
            _curve(axes, look(place), truth, outcome.toxic)
        axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(0, 1.02))
        alt = (
            f"Precision over recall of toxic for {len(scored)} settings on {len(truth):,} rows; the table has numbers."
        )
        return Picture(to_svg("pr", figure), alt)


def _curve(axes: Axes, style: Look, truth: NDArray[np.bool_], scores: Floats) -> None:
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.flatnonzero(np.r_[np.diff(scores[order]) != 0, True])
    hits = np.cumsum(truth[order])[last_of_tie]
    precision, recall = hits / (last_of_tie + 1), hits / truth.sum()
    kept = np.unique(np.linspace(0, len(recall) - 1, _MOST_POINTS).round().astype(int))
    axes.plot(recall[kept], precision[kept], color=style.colour, dashes=style.dashes or (None, None))
    said = scores >= THRESHOLD
    if said.any():
        point = float((said & truth).sum() / truth.sum()), float((said & truth).sum() / said.sum())
        mark(axes, style, [point[0]], [point[1]], size=7.5)


def calibration(place: int, comparison: Comparison, outcome: Outcome) -> Picture | None:
    """Draw how often messages were toxic over what P(toxic) said, with counts; None where nothing was scored."""
    scored = np.isfinite(outcome.toxic)
    if not scored.any():
        return None
    said, truth = np.clip(outcome.toxic[scored], 0.0, 1.0), comparison.toxic[scored]
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    filled = counts > 0
    mean = np.bincount(bins, weights=said, minlength=_BINS)[filled] / counts[filled]
    frequency = np.bincount(bins, weights=truth, minlength=_BINS)[filled] / counts[filled]
    with drawing():
        figure = Figure(figsize=(3.6, 4.3), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
        _reliability(top, look(place), mean, frequency, counts[filled])
        _histogram(bottom, look(place), counts)
        pairs = ", ".join(f"{m:.2f} said, {f:.2f} true" for m, f in zip(mean, frequency, strict=True))
        return Picture(to_svg(f"calibration{place}", figure), f"Reliability diagram over {len(said):,} rows: {pairs}.")


def _reliability(axes: Axes, style: Look, mean: Floats, frequency: Floats, counts: NDArray[np.int64]) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, dashes=(2, 3))
    low, high = _wilson(frequency, counts)
    axes.vlines(mean, low, high, color=style.colour, linewidth=1.4, alpha=0.6)
    axes.plot(mean, frequency, color=style.colour, linewidth=1.2)
    mark(axes, style, mean, frequency, size=6)
    axes.set(ylabel="share that was toxic", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def _histogram(axes: Axes, style: Look, counts: NDArray[np.int64]) -> None:
    middles = (np.arange(_BINS) + 0.5) / _BINS
    axes.bar(middles, counts, width=0.85 / _BINS, color=style.colour, alpha=0.75)
    for middle, count in zip(middles, counts, strict=True):
        if count:
            axes.annotate(
                _brief(int(count)), (middle, count), (0, 2), textcoords="offset points", ha="center", fontsize=7
            )
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.set(xlabel="P(toxic)", ylabel="rows", ylim=(0, 1.3 * float(counts.max())), yticks=[])


def _brief(count: int) -> str:
    return str(count) if count < 1000 else f"{count / 1000:.1f}k" if count < 100_000 else f"{count // 1000}k"


def _wilson(frequency: Floats, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the ends of the 95% interval of shares (Wilson 1927), which holds with few rows too."""
    z2 = _Z * _Z / counts
    middle = (frequency + z2 / 2) / (1 + z2)
    reach = np.sqrt(frequency * (1 - frequency) * z2 + z2 * z2 / 4) / (1 + z2)
    return middle - reach, middle + reach


def learning(metric: str, label: str, places: Mapping[str, int], points: Sequence[LearningPoint]) -> Picture | None:
    """Draw a metric over the number of labelled rows; None where no point has it.

    `metric` is a field of LearningPoint, `label` its name for readers; `places` say how settings are drawn. Points of
    one setting and number of rows are joined at their mean.
    """
    drawn = [point for point in points if math.isfinite(getattr(point, metric)) and point.rows > 0]
    if not drawn:
        return None
    with drawing():
        figure = Figure(figsize=(4.8, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for setting, place in places.items():
            _learned(axes, look(place), [(p.rows, getattr(p, metric)) for p in drawn if p.setting == setting])
        axes.set(xscale="log", xlabel="labelled rows (log scale)", ylabel=label)
        _rows_axis(axes, sorted({point.rows for point in drawn}))
        ends = f"from {min(p.rows for p in drawn):,} to {max(p.rows for p in drawn):,} labelled rows"
        return Picture(to_svg(f"learning-{metric}", figure), f"Learning curve: {label} {ends}; a table follows.")


def _learned(axes: Axes, style: Look, pairs: Iterable[tuple[int, float]]) -> None:
    groups: dict[int, list[float]] = defaultdict(list)
    for count, value in pairs:
        groups[count].append(value)
    counts = sorted(groups)
    means = [float(np.mean(groups[count])) for count in counts]
    axes.plot(counts, means, color=style.colour, dashes=style.dashes or (None, None))
    mark(axes, style, counts, means, size=6)
    single = [(count, value) for count in counts for value in groups[count] if len(groups[count]) > 1]
    axes.scatter([count for count, _ in single], [value for _, value in single], s=6, color=style.colour, alpha=0.6)


def _rows_axis(axes: Axes, counts: Sequence[int]) -> None:
    """Label the numbers of rows that were tried; the last one is all there are, unless it is a step of the scale."""
    axes.xaxis.set_major_locator(FixedLocator(list(counts)))
    axes.xaxis.set_minor_locator(NullLocator())
    labels = [f"{count:,}" for count in counts]
    for i in range(len(counts) - 1):
        if counts[i + 1] / counts[i] < _LEAST_GAP:
            labels[i] = ""
    if counts[-1] not in _STANDARD:
        labels[-1] = f"all\n{counts[-1]:,}"
    axes.set_xticklabels(labels)
    axes.set_xlim(counts[0] / 1.2, counts[-1] * 1.2)
