"""The page of a comparison: one HTML file that needs nothing beside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from numpy.typing import NDArray

from classifier.errors import DataError
from classifier.training.comparison import charts, wording
from classifier.training.comparison.drawing import Look, Picture, look
from classifier.training.comparison.mistakes import Mistakes, worst_mistakes
from classifier.training.comparison.outcome import Comparison, LearningPoint, Outcome
from classifier.training.comparison.scores import OutcomeScores, confusion
from classifier.training.comparison.table import HEADINGS

_TEMPLATE = "page.html.j2"
_LEARNED = {"macro_f1": "macro-F1", "f1": "F1 of toxic", "auc": "AUC of toxic"}
_DARK_CELL = 0.7


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold one cell of a confusion matrix; `share` is of its row, in 0..1."""

    count: int
    share: float

    @property
    def dark(self) -> bool:
        """Tell whether the cell is coloured so strongly that it needs light text."""
        return self.share > _DARK_CELL


@dataclass(frozen=True, slots=True)
class Setting:
    """Hold what the page shows of one setting; `label` is its name, with the stages where it does not say them."""

    label: str
    outcome: Outcome
    scores: OutcomeScores
    look: Look
    matrix: tuple[tuple[Cell, ...], ...]
    calibration: Picture | None
    mistakes: tuple[Mistakes, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """Hold what the page shows of the learning curve; `looks` has the settings in the order of their points."""

    pictures: tuple[Picture, ...]
    looks: dict[str, Look]
    points: tuple[LearningPoint, ...]


def write_page(path: Path, comparison: Comparison, scores: Sequence[OutcomeScores]) -> None:
    """Write the page of a comparison and of its scores; raise DataError where the file cannot be written."""
    page = (
        _environment()
        .get_template(_TEMPLATE)
        .render(
            comparison=comparison,
            settings=_settings(comparison, scores),
            headings=HEADINGS,
            sources=sorted({row.source for row in comparison.rows}),
            toxic=int(comparison.toxic.sum()),
            known=int((comparison.truth >= 0).sum()),
            precision_recall=charts.precision_recall(comparison),
            learned=_learned(comparison),
        )
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DataError(f"the page {path} cannot be written: {error}; name another file") from error


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    names = (
        "visible",
        "number",
        "signed",
        "span",
        "signed_span",
        "verdict",
        "milliseconds",
        "rate",
        "size",
        "duration",
    )
    environment.filters.update({name: getattr(wording, name) for name in names})
    return environment


def _settings(comparison: Comparison, scores: Sequence[OutcomeScores]) -> list[Setting]:
    return [
        Setting(
            label=_label(outcome),
            outcome=outcome,
            scores=score,
            look=look(place),
            matrix=_matrix(confusion(comparison, outcome)),
            calibration=charts.calibration(place, comparison, outcome),
            mistakes=worst_mistakes(comparison, outcome),
        )
        for place, (outcome, score) in enumerate(zip(comparison.outcomes, scores, strict=True))
    ]


def _label(outcome: Outcome) -> str:
    said = outcome.stages in re.findall(r"\w+", outcome.name)
    return outcome.name if said else f"{outcome.name}, {outcome.stages}"


def _matrix(counts: NDArray[np.int64]) -> tuple[tuple[Cell, ...], ...]:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return tuple(
        tuple(Cell(int(count), round(float(share), 3)) for count, share in zip(line, part, strict=True))
        for line, part in zip(counts, shares, strict=True)
    )


def _learned(comparison: Comparison) -> Learned | None:
    """Return the learning curve, None without points; a setting of the comparison keeps its look."""
    names = list(dict.fromkeys(point.setting for point in comparison.learning))
    known = {outcome.name: i for i, outcome in reversed(list(enumerate(comparison.outcomes)))}
    new = iter(range(len(comparison.outcomes), len(comparison.outcomes) + len(names)))
    places = {name: known[name] if name in known else next(new) for name in names}
    drawn = (charts.learning(metric, label, places, comparison.learning) for metric, label in _LEARNED.items())
    pictures = tuple(picture for picture in drawn if picture)
    if not pictures:
        return None
    return Learned(pictures, {name: look(place) for name, place in places.items()}, comparison.learning)
