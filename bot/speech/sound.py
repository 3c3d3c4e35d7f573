"""Decoded sound: 16 kHz, mono, 16 bits, one piece of it for each sound track of a clip."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Samples a second, the rate that Whisper was trained on."""

SAMPLE_BYTES = 2
"""Bytes of one sample: a signed integer of 16 bits, low byte first."""

_FULL_SCALE = 32768.0


@dataclass(frozen=True, slots=True)
class Sound:
    """Hold what is heard of a clip, each sound track as 16 kHz mono of 16 bits, and notes on what is not in it."""

    tracks: tuple[bytes, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Return how long the longest track lasts."""
        return max(map(len, self.tracks), default=0) / (RATE * SAMPLE_BYTES)

    def length(self, track: int) -> int:
        """Return how many samples a track has."""
        return len(self.tracks[track]) // SAMPLE_BYTES

    def samples(self, track: int, start: int = 0, end: int | None = None) -> NDArray[np.float32]:
        """Return the samples of a track from `start` to before `end`, each from -1 to 1."""
        return np.frombuffer(self.tracks[track], dtype="<i2")[start:end].astype(np.float32) / _FULL_SCALE
