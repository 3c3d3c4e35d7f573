"""How far the figures of an int8 model are from those of the same model in fp32."""

from collections.abc import Iterator, Mapping
from typing import Any

Report = dict[str, Any]

_RATES = frozenset(
    {"auc", "average_precision", "precision", "recall", "f1", "macro_f1", "accuracy", "half", "flag"}
    | {"flagged_of_clean", "flagged_of_toxic"}
)
# Not the disguises: a dozen of them normalise to one text, so that a single line would move their recall by a point.
_PLACES = (
    ("all",),
    ("sources",),
    ("classes", "plain"),
    ("classes", "weighted"),
    ("robustness", "near_misses"),
    ("violent_talk", "all"),
    ("bias", "all"),
)
_POINTS = 100
_FEWEST_ROWS = 200


def differences(fp32: Report, int8: Report) -> Report:
    """Return int8 less fp32 in percentage points, the largest first, over rates of all rows, sources and probes.

    `largest_points` is the largest of them without its sign, 0 where nothing can be compared. Figures over fewer than
    200 texts are left out: one text alone would move them by more than half a point.
    """
    exact, served = (dict(_rates(figures)) for figures in (fp32, int8))
    gaps = {name: round(_POINTS * (served[name] - exact[name]), 2) for name in exact.keys() & served.keys()}
    ordered = dict(sorted(gaps.items(), key=lambda gap: (-abs(gap[1]), gap[0])))
    return {"largest_points": max(map(abs, gaps.values()), default=0.0), "points": ordered}


def _rates(figures: Report) -> Iterator[tuple[str, float]]:
    for place in _PLACES:
        part: Any = figures
        for name in place:
            part = part.get(name) if isinstance(part, Mapping) else None
        if isinstance(part, Mapping):
            yield from _leaves(part, "/".join(place))


def _leaves(part: Mapping[str, Any], place: str) -> Iterator[tuple[str, float]]:
    """Yield the rates of a part and, where it has parts of its own such as sources, of those."""
    texts = part.get("rows", part.get("lines"))
    if isinstance(texts, int) and texts >= _FEWEST_ROWS:
        yield from ((f"{place}/{n}", v) for n, v in part.items() if n in _RATES and isinstance(v, float))
    elif texts is None:
        for name, inner in part.items():
            if isinstance(inner, Mapping):
                yield from _leaves(inner, f"{place}/{name}")
