"""One line for each setting: the table for a terminal and for Markdown."""

import re
from collections.abc import Sequence

from classifier.training.comparison import wording
from classifier.training.comparison.outcome import Comparison, Outcome
from classifier.training.comparison.scores import Estimate, OutcomeScores

HEADINGS = (
    "model",
    "stages",
    "precision",
    "recall",
    "F1",
    "AUC",
    "macro-F1",
    "latency p50",
    "messages per second",
    "size",
)
"""The columns of the table."""

_LONGEST_NAME = 80
_MARKDOWN = re.compile(r"([\\`*\[\]<>|~&$])|(?<!\w)_|_(?!\w)")


def rows_for_terminal(
    comparison: Comparison, scores: Sequence[OutcomeScores]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the headings and a row for each setting, as plain text that holds no control characters."""
    rows = (
        (*_names(outcome), *(_short(estimate) for estimate in _estimates(score)), *_costs(outcome))
        for outcome, score in zip(comparison.outcomes, scores, strict=True)
    )
    return HEADINGS, tuple(rows)


def markdown_table(comparison: Comparison, scores: Sequence[OutcomeScores]) -> str:
    """Return the table as Markdown, with a line under it that says what the numbers are."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "| --- | --- |" + " ---: |" * (len(HEADINGS) - 2)]
    for outcome, score in zip(comparison.outcomes, scores, strict=True):
        names = (_MARKDOWN.sub(r"\\\g<0>", name) for name in _names(outcome))
        cells = (*names, *(_long(estimate) for estimate in _estimates(score)), *_costs(outcome))
        lines.append("| " + " | ".join(cells) + " |")
    toxic = int(comparison.toxic.sum())
    known = int((comparison.truth >= 0).sum())
    return "\n".join(
        (
            *lines,
            "",
            f"On {len(comparison.rows):,} test rows, {toxic:,} of them toxic. Precision, recall, F1 and AUC are those "
            f"of toxic (at P(toxic) 0.5); macro-F1 is over {len(comparison.classes)} classes, on the {known:,} rows "
            "whose class is known. In brackets: 95% bootstrap intervals.",
            "",
        )
    )


def _names(outcome: Outcome) -> tuple[str, str]:
    return wording.visible(outcome.name, _LONGEST_NAME), wording.visible(outcome.stages, _LONGEST_NAME)


def _estimates(score: OutcomeScores) -> tuple[Estimate, ...]:
    return score.precision, score.recall, score.f1, score.auc, score.macro_f1


def _costs(outcome: Outcome) -> tuple[str, str, str]:
    return wording.milliseconds(outcome.latency_ms), wording.rate(outcome.per_second), wording.size(outcome.bytes)


def _long(estimate: Estimate) -> str:
    interval = wording.span(estimate)
    return wording.number(estimate.value) + (f" ({interval})" if interval else "")


def _short(estimate: Estimate) -> str:
    if not wording.span(estimate):
        return wording.number(estimate.value)
    low, high = (wording.number(end).removeprefix("0") for end in (estimate.low, estimate.high))
    return f"{wording.number(estimate.value)} ({low}-{high})"
