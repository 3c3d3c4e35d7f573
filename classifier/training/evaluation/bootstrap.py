"""How sure a figure is: the interval that it moves in when rows are drawn again."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_LOW, _HIGH = 2.5, 97.5


def interval(
    statistic: Callable[[NDArray[np.int64]], float], size: int, *, draws: int = 1000, seed: int = 7
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a statistic over `size` rows (Efron 1979).

    `statistic` gets the indices of the rows drawn, with replacement; a draw where it is not a number is left out. Both
    ends are NaN where it never is one. Raise ValueError without rows or draws.
    """
    if size < 1 or draws < 1:
        raise ValueError(f"an interval needs rows and draws, not {size} rows and {draws} draws")
    draw = np.random.default_rng(seed)
    values = np.array([statistic(draw.integers(0, size, size)) for _ in range(draws)], dtype=np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, [_LOW, _HIGH])
    return float(low), float(high)
