"""What is compared: the test rows, and what each setting said of them."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from classifier.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what one setting said on the n test rows.

    `toxic` is P(toxic), shape (n,). `classes` has a column for each class, P(non_toxic) first, and its rows sum to 1.
    `predicted` is the class that was decided on, an index into `Comparison.classes`. `latency_ms` is the median of one
    message scored alone, `per_second` counts messages scored in batches, `bytes` is the size of the files that serving
    needs, and `trained_seconds` is 0 where the model was loaded. A measure that is missing is NaN.
    """

    name: str
    stages: str
    toxic: Floats
    classes: Floats
    predicted: NDArray[np.int64]
    latency_ms: float
    per_second: float
    bytes: int
    trained_seconds: float


@dataclass(frozen=True, slots=True)
class TestRow:
    """Hold one row that no setting was trained on.

    `truth` is an index into `Comparison.classes`, or -1 where only toxic or not is known.
    """

    # Keeps pytest from taking the class for a test wherever it is imported.
    __test__: ClassVar[bool] = False

    text: str
    truth: int
    toxic: bool
    source: str


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """Hold one point of the learning curve: what a setting reached with so many labelled rows."""

    setting: str
    rows: int
    macro_f1: float
    f1: float
    auc: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Hold everything that the table and the page are made from; `classes` begins with non_toxic.

    Raise DataError where the outcomes do not fit the rows and classes.
    """

    title: str
    about: str
    classes: tuple[str, ...]
    rows: tuple[TestRow, ...]
    outcomes: tuple[Outcome, ...]
    learning: tuple[LearningPoint, ...]
    command: str
    machine: str
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.outcomes or not self.classes:
            raise DataError("there is nothing to compare; give at least one setting and the class non_toxic")
        for number, row in enumerate(self.rows, start=1):
            if not -1 <= row.truth < len(self.classes):
                raise DataError(f"test row {number} is of class {row.truth}; there are {len(self.classes)} classes")
        for outcome in self.outcomes:
            self._check(outcome)

    def _check(self, outcome: Outcome) -> None:
        n, k = len(self.rows), len(self.classes)
        shapes = (outcome.toxic.shape, outcome.classes.shape, outcome.predicted.shape)
        if shapes != ((n,), (n, k), (n,)):
            raise DataError(
                f"the outcome of {outcome.name!r} has the shapes {shapes}; "
                f"score it again on these {n} rows with these {k} classes"
            )
        if ((outcome.predicted < 0) | (outcome.predicted >= k)).any():
            raise DataError(f"the outcome of {outcome.name!r} decides on classes that are not among the {k}")

    @property
    def truth(self) -> NDArray[np.int64]:
        """Return the class of every row, -1 where it is not known."""
        return np.array([row.truth for row in self.rows], dtype=np.int64)

    @property
    def toxic(self) -> NDArray[np.bool_]:
        """Return for every row whether it is toxic."""
        return np.array([row.toxic for row in self.rows], dtype=np.bool_)
