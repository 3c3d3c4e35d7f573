"""Measure a model folder: on labelled rows, and on the probe sentences that come with Referee."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from classifier.errors import DataError
from classifier.model import Classifier, load
from classifier.training.data.rows import Row, lot
from classifier.training.evaluation.bias import bias_report
from classifier.training.evaluation.false_positives import violent_report
from classifier.training.evaluation.metrics import Report, agreement, class_report, flag_threshold, intervals, report
from classifier.training.evaluation.precision_gap import differences
from classifier.training.evaluation.probes import Marked, Probes, read_probes
from classifier.training.evaluation.robustness import Trials, make_trials, robustness_report
from classifier.training.evaluation.selection import Part, Selection, read_selection
from classifier.training.evaluation.slices import slice_report
from classifier.training.evaluation.targets import targets
from classifier.training.evaluation.worst import worst_sentences
from classifier.training.recipe import Recipe
from classifier.verdict import Verdict

_BATCH = 256
_HALF = 0.5
_TOXIC_ROWS_EVADED = 100

Progress = Callable[[int, int], None]
Verdicts = Mapping[str, Verdict]


@dataclass(frozen=True, slots=True)
class Question:
    """Say what to measure a model on, and at which flag threshold (None: the model's own).

    Without `paths` the probes alone are used. `worst` is how many sentences of each probe are told.
    """

    paths: Sequence[Path] = ()
    recipe: Recipe = field(default_factory=Recipe)
    part: Part | None = None
    threshold: float | None = None
    probes: bool = True
    full_precision: bool = False
    worst: int = 0


@dataclass(frozen=True, slots=True)
class _Exam:
    """Hold everything that is scored; `from_data` says that the toxic lines of the trials are the user's."""

    selection: Selection | None
    probes: Probes | None
    trials: Trials
    from_data: bool

    def texts(self) -> list[str]:
        texts = self.trials.texts()
        if self.selection:
            texts |= {row.text for row in self.selection.rows}
        if self.probes:
            texts |= {line.text for line in self.probes.violent}
            texts |= {sentence.text for sentence in self.probes.naming_groups}
        return sorted(texts)


def assess(model: Path, question: Question, *, progress: Progress = lambda done, texts: None) -> Report:
    """Return what a model folder is worth; the scoring is that of a running bot.

    With data: metrics by source, category and class, their intervals, and slices. With probes: robustness against
    evasions, violent-sounding game talk, bias. With either: which targets are met. Raise DataError where there is
    nothing to measure on.
    """
    classifier = load(model)
    exam = _exam(question, classifier)
    flag = flag_threshold(classifier.manifest.curves) if question.threshold is None else question.threshold
    texts = exam.texts()
    total = len(texts) * (2 if question.full_precision else 1)
    verdicts = _score(classifier, texts, lambda done: progress(done, total))
    figures = _figures(exam, verdicts, classifier, flag)
    if question.full_precision:
        exact = _exact(model, texts, lambda done: progress(len(texts) + done, total))
        figures["int8_beside_fp32"] = {
            **agreement([exact[text].toxic for text in texts], [verdicts[text].toxic for text in texts], flag),
            **differences(_figures(exam, exact, classifier, flag), figures),
        }
    figures["targets"] = targets(figures)
    if question.worst and exam.probes:
        figures["worst"] = worst_sentences(exam.probes, _ours(exam), _toxic(verdicts), question.worst)
    return figures


def _exam(question: Question, classifier: Classifier) -> _Exam:
    if not question.paths and not question.probes:
        raise DataError("there is nothing to measure on; give data, or leave the probes in")
    selection = None
    if question.paths:
        trained_on = classifier.manifest.training.get("rows", {})
        selection = read_selection(question.paths, question.recipe, classifier.labels, question.part, trained_on)
    if not question.probes:
        return _Exam(selection, None, make_trials((), ()), from_data=False)
    probes = read_probes()
    lines = _toxic_lines(selection.fresh, probes) if selection else ()
    return _Exam(selection, probes, make_trials(lines or probes.toxic, probes.near_misses), from_data=bool(lines))


def _toxic_lines(rows: Iterable[Row], probes: Probes) -> tuple[Marked, ...]:
    """Return some toxic texts, drawn by their hash, with the offensive words that we know of."""
    texts = sorted({row.text for row in rows if row.toxic > _HALF}, key=lot)
    return tuple(Marked(text, probes.offensive) for text in texts[:_TOXIC_ROWS_EVADED])


def _ours(exam: _Exam) -> Trials:
    """Return the trials without those of the user's data, which is never shown."""
    return replace(exam.trials, toxic=()) if exam.from_data else exam.trials


def _score(classifier: Classifier, texts: Sequence[str], progress: Callable[[int], None]) -> Verdicts:
    verdicts: list[Verdict] = []
    for start in range(0, len(texts), _BATCH):
        verdicts += classifier.score(texts[start : start + _BATCH])
        progress(len(verdicts))
    return dict(zip(texts, verdicts, strict=True))


def _exact(model: Path, texts: Sequence[str], progress: Callable[[int], None]) -> Verdicts:
    # Imported here, because torch takes seconds and few measurements need it.
    from classifier.training.evaluation.full_precision import write_full_precision

    with tempfile.TemporaryDirectory() as folder:
        return _score(load(write_full_precision(model, Path(folder))), texts, progress)


def _toxic(verdicts: Verdicts) -> dict[str, float]:
    return {text: verdict.toxic for text, verdict in verdicts.items()}


def _figures(exam: _Exam, verdicts: Verdicts, classifier: Classifier, flag: float) -> Report:
    figures: Report = {"model": classifier.version, "flag_threshold": round(flag, 4)}
    if exam.selection:
        figures |= _of_rows(exam.selection, verdicts, classifier, flag)
    if exam.probes:
        scores = _toxic(verdicts)
        robustness = robustness_report(exam.trials, scores, flag)
        figures |= {
            "robustness": {"lines": "data" if exam.from_data else "built-in", **robustness},
            "violent_talk": violent_report(exam.probes.violent, scores, flag),
            "bias": bias_report(exam.probes.naming_groups, scores, flag),
        }
    return figures


def _of_rows(selection: Selection, verdicts: Verdicts, classifier: Classifier, flag: float) -> Report:
    rows = selection.fresh
    said = [verdicts[row.text] for row in rows]
    weights = classifier.manifest.class_weights
    slices = slice_report(
        selection.rows,
        [verdicts[row.text] for row in selection.rows],
        flag=flag,
        known=selection.known,
        originals=selection.originals,
        terms=read_probes().identity_terms,
    )
    return {
        "part": str(selection.part),
        "too_long": selection.too_long,
        **report(rows, said, flag=flag),
        "intervals": intervals(rows, said),
        "classes": {
            "weights": dict(weights),
            "plain": class_report(rows, said),
            "weighted": class_report(rows, said, weights) if weights else None,
        },
        "slices": slices,
    }
