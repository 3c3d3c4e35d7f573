"""What trained models say of the rows, for another one to learn from."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier.errors import TrainingError
from classifier.labels import LabelSet
from classifier.model import load
from classifier.training.data.rows import Row

_BATCH = 512


def soft_targets(
    teachers: Sequence[Path],
    rows: Sequence[Row],
    labels: LabelSet,
    *,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean P(toxic) (n,) and P(category | toxic) (n, categories) of model folders; raise TrainingError."""
    toxic = np.zeros(len(rows))
    shares = np.zeros((len(rows), len(labels.names)))
    for number, folder in enumerate(teachers):
        teacher = load(folder)
        if teacher.labels.names != labels.names:
            raise TrainingError(f"the teacher {folder} has other categories; teachers must have those of the run")
        for start in range(0, len(rows), _BATCH):
            verdicts = teacher.score([row.text for row in rows[start : start + _BATCH]])
            for i, verdict in enumerate(verdicts, start):
                toxic[i] += verdict.toxic / len(teachers)
                shares[i] += np.array(list(verdict.categories.values())) / (max(verdict.toxic, 1e-9) * len(teachers))
            progress(number * len(rows) + start + len(verdicts), len(teachers) * len(rows))
    return toxic, shares
