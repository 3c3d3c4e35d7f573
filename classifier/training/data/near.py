"""Near duplicates: texts that differ in a few characters, found in time linear in the text.

MinHash (Broder 1997) over runs of five characters, in bands (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets,
3.4): with 12 bands of 3 a pair at the least similarity of 0.7 meets in some band with probability 0.993. What meets is
compared in full. Of a bucket, each text is compared with the first and with the one before it, not with all.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

LEAST_SIMILARITY = 0.7
"""The share of runs of characters that near duplicates have in common."""

_RUN = 5
_FEWEST_RUNS = 12
_LONGEST = 2000
_BANDS, _ROWS = 12, 3
_BATCH = 4096
_LEAST_AGREEMENT = 0.5
_WORDS = re.compile(r"[^\W_]+")

_Hashes = npt.NDArray[np.uint64]


def near_duplicates(
    texts: Sequence[str], *, progress: Callable[[int], None] = lambda done: None
) -> list[tuple[int, int]]:
    """Return pairs of places of texts that are nearly the same, each with the smaller place first.

    Case and signs do not count, and only the first 2,000 characters do; texts of fewer than 16 characters are no near
    duplicates of any, for a single word makes most of them.
    """
    if not texts:
        return []
    signatures = np.concatenate([_signatures(batch) for batch in _batches(texts, progress)])
    long_enough = np.flatnonzero(signatures[:, 0] != _NONE)
    candidates = _candidates(signatures, long_enough)
    agreement = (signatures[candidates[:, 0]] == signatures[candidates[:, 1]]).mean(axis=1)
    likely = candidates[agreement >= _LEAST_AGREEMENT]
    return [(int(a), int(b)) for a, b in likely if similarity(texts[a], texts[b]) >= LEAST_SIMILARITY]


def similarity(one: str, other: str) -> float:
    """Return the share of runs of characters that two texts have in common, 0..1 (Jaccard)."""
    a, b = _runs(one), _runs(other)
    return len(a & b) / len(a | b) if a or b else 0.0


def _plain(text: str) -> str:
    return " ".join(_WORDS.findall(text[:_LONGEST].casefold()))


def _runs(text: str) -> set[str]:
    plain = _plain(text)
    return {plain[i : i + _RUN] for i in range(len(plain) - _RUN + 1)}


def _batches(texts: Sequence[str], progress: Callable[[int], None]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), _BATCH):
        yield texts[start : start + _BATCH]
        progress(min(start + _BATCH, len(texts)))


_NONE = np.uint64(2**64 - 1)


def _signatures(texts: Sequence[str]) -> _Hashes:
    """Return the MinHash of each text, one row a text; all ones for a text that is too short."""
    signatures = np.full((len(texts), _BANDS * _ROWS), _NONE)
    plain = [_plain(text) for text in texts]
    places = [i for i, text in enumerate(plain) if len(text) - _RUN + 1 >= _FEWEST_RUNS]
    if not places:
        return signatures
    lengths = np.array([len(plain[i]) for i in places])
    joined = "".join(plain[i] for i in places).encode("utf-32-le", "surrogatepass")
    runs, starts = _hashed_runs(np.frombuffer(joined, dtype="<u4").astype(np.uint64), lengths)
    for column, (multiplier, offset) in enumerate(_permutations()):
        mixed = runs * multiplier + offset
        mixed ^= mixed >> np.uint64(29)
        signatures[places, column] = np.minimum.reduceat(mixed * multiplier >> np.uint64(1), starts)
    return signatures


def _hashed_runs(characters: _Hashes, lengths: npt.NDArray[np.int64]) -> tuple[_Hashes, npt.NDArray[np.int64]]:
    """Return a hash of each run of each text, and where each text's begin; no run reaches into the next text."""
    hashes = np.zeros(len(characters) - _RUN + 1, dtype=np.uint64)
    for i in range(_RUN):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + characters[i : len(characters) - _RUN + 1 + i]
    hashes ^= hashes >> np.uint64(31)
    ends = np.cumsum(lengths)
    across = (ends[:-1, None] - np.arange(1, _RUN)).ravel()
    within = np.ones(len(hashes), dtype=bool)
    within[across] = False
    counts = lengths - _RUN + 1
    return hashes[within], np.concatenate(([0], np.cumsum(counts)[:-1]))


def _permutations() -> Iterator[tuple[np.uint64, np.uint64]]:
    draw = np.random.default_rng(1)
    for _ in range(_BANDS * _ROWS):
        multiplier, offset = draw.integers(1, 2**63, size=2, dtype=np.uint64)
        yield multiplier * np.uint64(2) + np.uint64(1), offset


def _candidates(signatures: _Hashes, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the pairs, smaller place first, that meet in a band: with the first of the bucket, and in a row."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for band in range(_BANDS):
        keys = np.zeros(len(places), dtype=np.uint64)
        for column in range(band * _ROWS, (band + 1) * _ROWS):
            keys = keys * np.uint64(0x100000001B3) + signatures[places, column]
        order = np.argsort(keys, kind="stable")
        ranked, members = keys[order], places[order]
        same = np.flatnonzero(ranked[1:] == ranked[:-1]) + 1
        first = np.searchsorted(ranked, ranked[same], side="left")
        found += [
            np.stack((members[same - 1], members[same]), axis=1),
            np.stack((members[first], members[same]), axis=1),
        ]
    return np.unique(np.concatenate(found), axis=0)
