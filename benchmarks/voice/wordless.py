"""Clips in which nobody says a word: whatever is heard in them was invented."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.voice import noise
from benchmarks.voice.recording import Samples, level, silence

LEVELS_DB = (-12, -24, -36)
"""How loud the clips are, below the loudest that a file can hold."""

_SECONDS = (3.0, 6.0, 12.0, 25.0)
_FAINT_DB = -75


@dataclass(frozen=True, slots=True)
class Wordless:
    """Hold one clip without speech."""

    kind: str
    samples: Samples


def wordless_clips(count: int) -> Iterator[Wordless]:
    """Yield so many clips, the kinds in turn, at several levels and lengths."""
    kinds = tuple(_KINDS.items())
    for number in range(count):
        kind, make = kinds[number % len(kinds)]
        turn = number // len(kinds)
        samples = make(np.random.default_rng(number), _SECONDS[number % len(_SECONDS)])
        loud = _FAINT_DB if kind == "silence" else LEVELS_DB[turn % len(LEVELS_DB)]
        yield Wordless(kind, at_level(samples, loud))


def at_level(samples: Samples, decibels: float) -> Samples:
    """Return the sound at a level, below the loudest that a file can hold."""
    return samples * np.float32(10 ** (decibels / 20) / (level(samples) or 1.0))


def _silence(rng: Generator, seconds: float) -> Samples:
    """Return nothing at all, or the faint hiss of a microphone in a silent room."""
    return silence(seconds) if rng.random() < 0.5 else noise.coloured(rng, seconds, 0.0)


_KINDS: Mapping[str, noise.Noise] = {
    "silence": _silence,
    "white noise": lambda rng, seconds: noise.coloured(rng, seconds, 0.0),
    "pink noise": lambda rng, seconds: noise.coloured(rng, seconds, -0.5),
    "brown noise": lambda rng, seconds: noise.coloured(rng, seconds, -1.0),
    "tone": noise.tone,
    "sweep": noise.sweep,
    "music": noise.music,
    "keyboard": noise.keyboard,
    "gunfire": noise.gunfire,
    "engine": noise.engine,
    "murmur": noise.murmur,
}
