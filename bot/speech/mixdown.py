"""Stereo to mono without losing what a listener hears."""

import numpy as np
from numpy.typing import NDArray

from bot.speech.sound import RATE, Sound

_FULL_SCALE = 32768.0
# A voice in one channel alone keeps half of its level in the mix; below a quarter the channels cancel each other.
_CANCELLED = 0.25


def to_mono(sound: Sound) -> NDArray[np.float32]:
    """Return the samples of a sound as one channel from -1 to 1.

    The channels are averaged, second by second. Where they cancel each other (one is the other turned upside down:
    loud in headphones, silent in the average) the louder channel is taken.
    """
    stereo = np.frombuffer(sound.pcm, dtype="<i2").reshape(-1, 2)
    mono = np.empty(len(stereo), dtype=np.float32)
    for start in range(0, len(stereo), RATE):
        mono[start : start + RATE] = _mix(stereo[start : start + RATE].astype(np.float32) / _FULL_SCALE)
    return mono


def _mix(stereo: NDArray[np.float32]) -> NDArray[np.float32]:
    mix: NDArray[np.float32] = stereo.mean(axis=1)
    levels = np.sqrt(np.square(stereo).mean(axis=0))
    if np.sqrt(np.square(mix).mean()) < _CANCELLED * levels.max():
        mix = stereo[:, int(levels.argmax())]
    return mix
