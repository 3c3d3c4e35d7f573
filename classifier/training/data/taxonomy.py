"""The categories of a run: given, the shipped ones, or those that the data names."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import tomli_w

from classifier.errors import DataError
from classifier.labels import Evidence, Label, LabelSet, read_labels
from classifier.model import SHIPPED
from classifier.training.data.rows import Row

_USUAL_SEVERITY = 3
_GOOD_FROM = 500
_FAIR_FROM = 50


def labels_for(rows: Iterable[Row], given: Path | None = None) -> LabelSet:
    """Return the label set of a file, or the shipped one where it has all categories of the rows, or else theirs.

    The most frequent category comes first. Raise DataError where no row names a category.
    """
    if given:
        return read_labels(given)
    counts = Counter(row.category for row in rows if row.category)
    shipped = read_labels(SHIPPED / "labels.toml")
    if counts.keys() <= set(shipped.names):
        return shipped
    if not counts:
        raise DataError("no row names a category; give a file whose labels tell more than toxic or not")
    known = {label.name: label for label in shipped.labels}
    return LabelSet(tuple(_label(name, count, known.get(name)) for name, count in counts.most_common()))


def to_toml(labels: LabelSet) -> str:
    """Return a label set as the TOML that `read_labels` reads."""
    plain = [
        {
            "name": label.name,
            "description": label.description,
            "severity": label.severity,
            "evidence": label.evidence.value,
        }
        for label in labels.labels
    ]
    return tomli_w.dumps({"label": plain})


def _label(name: str, count: int, shipped: Label | None) -> Label:
    evidence = Evidence.GOOD if count >= _GOOD_FROM else Evidence.FAIR if count >= _FAIR_FROM else Evidence.LITTLE
    description = shipped.description if shipped else f"What the training data calls {name.replace('_', ' ')}."
    return Label(name, description, shipped.severity if shipped else _USUAL_SEVERITY, evidence)
