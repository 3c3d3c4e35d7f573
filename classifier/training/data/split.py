"""Divide labelled rows into train, tune and test, so that nothing held out was seen in training."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from classifier.errors import DataError
from classifier.normalize import normalize
from classifier.training.data.rows import Row, class_of, lot, text_key

_HELD_FIRST = {"test": 0, "tune": 1, "train": 2, "": 3}
_FEWEST_TO_SHARE = 3

_Keys = npt.NDArray[np.uint64]


class _Unit(NamedTuple):
    """Hold the places of rows that may not be parted, how many there are of each class, and the draw of a lot."""

    places: Sequence[int]
    counts: tuple[tuple[str, int], ...]
    lot: float


def split_rows(
    rows: Sequence[Row],
    *,
    test_share: float,
    tune_share: float,
    seed: int,
    keys: _Keys | None = None,
    together: Iterable[tuple[int, int]] = (),
) -> list[Row]:
    """Return the rows, in their order, each in train, tune or test; those whose split is stated keep it.

    The others are divided: `test_share` of them for test, `tune_share` of what is left for tune. Rows of one group, of
    one text (after `classifier.normalize`), and pairs of places in `together`, are not parted; each class is shared out
    on its own, and one of three rows or more reaches every part that is asked for, where its groups allow; fewer rows
    train. The draw depends on texts, groups and seed, not on the order of rows. `keys` are those of the texts, where
    they are known.
    Raise DataError for a share outside 0..1.
    """
    for name, share in (("test", test_share), ("tune", tune_share)):
        if not 0.0 <= share < 1.0:
            raise DataError(f"the {name} share is {share}; give one from 0 to below 1")
    if keys is None:
        keys = np.array([text_key(normalize(row.text).text) for row in rows], dtype=np.uint64)
    splits = _with_equal_texts(rows, keys)
    free: list[_Unit] = []
    for places in _unparted(rows, keys, together):
        stated = min((splits[place] for place in places), key=_HELD_FIRST.__getitem__)
        if stated:
            for place in places:
                splits[place] = splits[place] or stated
        else:
            free.append(_unit(rows, places, keys, seed))
    held = {"test": test_share, "tune": (1 - test_share) * tune_share}
    for unit, split in _Dealer(free, {**held, "train": 1 - sum(held.values())}).deal():
        for place in unit.places:
            splits[place] = split
    return [row if row.split == split else replace(row, split=split) for row, split in zip(rows, splits, strict=True)]


def _with_equal_texts(rows: Sequence[Row], keys: _Keys) -> list[str]:
    """Return the split of each row: the stated one, or that of an equal text, the one furthest from training."""
    splits = [row.split for row in rows]
    for places in _same(keys):
        stated = min((splits[place] for place in places), key=_HELD_FIRST.__getitem__)
        for place in places:
            splits[place] = splits[place] or stated
    return splits


def _same(values: npt.NDArray[np.uint64] | npt.NDArray[np.int64], fewest: int = 2) -> Iterator[list[int]]:
    """Yield the places of each value that occurs so many times."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    edges = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1], [True])))
    for start in np.flatnonzero(np.diff(edges) >= fewest):
        yield order[edges[start] : edges[start + 1]].tolist()


def _unparted(rows: Sequence[Row], keys: _Keys, together: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Yield the places of rows that hang together by text, group or pair (union-find with path halving)."""
    parent = list(range(len(rows)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    groups: dict[str, int] = {}
    of_group = ((place, groups.setdefault(row.group, place)) for place, row in enumerate(rows) if row.group is not None)
    of_text = ((place, places[0]) for places in _same(keys) for place in places[1:])
    for pairs in (of_text, of_group, together):
        for a, b in pairs:
            parent[root(a)] = root(b)
    if rows:
        yield from _same(np.array([root(place) for place in range(len(rows))], dtype=np.int64), fewest=1)


def _unit(rows: Sequence[Row], places: Sequence[int], keys: _Keys, seed: int) -> _Unit:
    counts = Counter(class_of(rows[place]) for place in places)
    return _Unit(places, tuple(counts.items()), lot(str(min(keys[place] for place in places)), f"split {seed}"))


class _Dealer:
    """Deal units to parts, the rarest class first (Sechidis, Tsoumakas and Vlahavas 2011: iterative stratification)."""

    def __init__(self, units: Sequence[_Unit], shares: Mapping[str, float]) -> None:
        self._units = units
        self._parts = [part for part, share in shares.items() if share > 0]
        totals: Counter[str] = Counter()
        self._units_left: Counter[str] = Counter()
        for unit in units:
            for name, count in unit.counts:
                totals[name] += count
                self._units_left[name] += 1
        names = sorted(totals, key=lambda name: (totals[name], name))
        self._rarity = {name: place for place, name in enumerate(names)}
        self._wanted = {name: self._fair(totals[name], shares) for name in names}
        self._lacking = {name: set(self._parts) for name in names if totals[name] >= _FEWEST_TO_SHARE}

    def _fair(self, count: int, shares: Mapping[str, float]) -> dict[str, float]:
        """Return how many rows of a class each part is to get; a class too small to share is left to training."""
        if count < _FEWEST_TO_SHARE:
            return {part: float(count if part == "train" else 0) for part in self._parts}
        return {part: max(1.0, shares[part] * count) for part in self._parts}

    def deal(self) -> Iterator[tuple[_Unit, str]]:
        """Yield each unit with its part."""
        for unit in sorted(self._units, key=self._order):
            part = self._part(unit)
            for name, count in unit.counts:
                self._wanted[name][part] -= count
                self._units_left[name] -= 1
                self._lacking.get(name, set()).discard(part)
            yield unit, part

    def _order(self, unit: _Unit) -> tuple[int, int, float]:
        return min(self._rarity[name] for name, _ in unit.counts), -len(unit.places), unit.lot

    def _part(self, unit: _Unit) -> str:
        """Return the part that wants the unit's rarest class most; one that would get none of a class goes first."""
        names = sorted((name for name, _ in unit.counts), key=self._rarity.__getitem__)
        for name in names:
            lacking = self._lacking.get(name, set())
            if lacking and self._units_left[name] <= len(lacking):
                return max((part for part in self._parts if part in lacking), key=self._wanted[name].__getitem__)
        return max(self._parts, key=self._wanted[names[0]].__getitem__)
