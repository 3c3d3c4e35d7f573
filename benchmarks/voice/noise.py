"""Game noise, all of it synthetic: the same seed gives the same noise."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.voice.recording import RATE, Samples, level

Noise = Callable[[Generator, float], Samples]
"""Make so many seconds of noise; how loud it is matters to nobody, since it is mixed at a level."""

SNRS_DB = (20, 10, 5, 0)
"""How far speech stands above the noise, in decibels."""

_TALKERS = 6
_CHORDS = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (261.6, 329.6, 392.0), (196.0, 246.9, 293.7))
_BEAT_SECONDS = 0.5


def game_noises(talk: Sequence[Samples]) -> Mapping[str, Noise]:
    """Return the kinds of noise; the crowd is made of `talk`, what others say."""
    return {
        "gunfire": gunfire,
        "engine": engine,
        "keyboard": keyboard,
        "music": music,
        "crowd": lambda rng, seconds: crowd(rng, seconds, talk),
    }


def gunfire(rng: Generator, seconds: float) -> Samples:
    """Return bursts of shots and now and then an explosion."""
    made = np.zeros(_count(seconds), np.float32)
    place = 0.0
    while place < seconds:
        if rng.random() < 0.2:
            _add(made, place, _burst(rng, 1.5, 0.4, low=30, high=400) * 2)
            place += rng.uniform(0.6, 1.5)
            continue
        for _ in range(rng.integers(2, 9)):
            _add(made, place, _burst(rng, 0.25, 0.04, low=150, high=6_000))
            place += 0.1
        place += rng.uniform(0.2, 1.0)
    return made


def engine(rng: Generator, seconds: float) -> Samples:
    """Return the hum of an engine over the rumble of wind."""
    times = _times(seconds)
    pitch = rng.uniform(55, 95) * (1 + 0.08 * np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * times))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    hum = sum(np.sin(order * phase + rng.uniform(0, 6)) / order for order in range(1, 13))
    return _sound(np.asarray(hum) / 3) + coloured(rng, seconds, -1.0) * np.float32(0.3)


def keyboard(rng: Generator, seconds: float) -> Samples:
    """Return keys and mouse buttons in runs."""
    made = np.zeros(_count(seconds), np.float32)
    place = rng.uniform(0, 0.2)
    while place < seconds:
        _add(made, place, _burst(rng, 0.03, 0.004, low=1_200, high=9_000) * np.float32(rng.uniform(0.4, 1.0)))
        place += rng.uniform(0.05, 0.2) if rng.random() < 0.9 else rng.uniform(0.3, 0.8)
    return made


def music(rng: Generator, seconds: float) -> Samples:
    """Return a simple music bed: chords, a bass drum and a hi-hat."""
    made = np.zeros(_count(seconds), np.float32)
    first = int(rng.integers(len(_CHORDS)))
    for beat in range(int(seconds / _BEAT_SECONDS) + 1):
        place = beat * _BEAT_SECONDS
        _add(made, place, _kick() * np.float32(0.8))
        _add(made, place + _BEAT_SECONDS / 2, _burst(rng, 0.05, 0.015, low=6_000, high=15_000) * np.float32(0.3))
        if beat % 4 == 0:
            _add(made, place, _chord(_CHORDS[(first + beat // 4) % len(_CHORDS)], 4 * _BEAT_SECONDS))
    return made


def crowd(rng: Generator, seconds: float, talk: Sequence[Samples]) -> Samples:
    """Return several people who talk at once, each from somewhere in the middle."""
    made = np.zeros(_count(seconds), np.float32)
    for _ in range(_TALKERS):
        said = talk[int(rng.integers(len(talk)))]
        made += np.resize(np.roll(said, -int(rng.integers(len(said)))), len(made))
    return made


def murmur(rng: Generator, seconds: float) -> Samples:
    """Return what a crowd next door sounds like: noise shaped and paced as speech is, without a word in it."""
    made = np.zeros(_count(seconds), np.float32)
    times = _times(seconds)
    for _ in range(_TALKERS):
        pace = np.clip(np.sin(2 * np.pi * rng.uniform(3, 5) * times + rng.uniform(0, 6)), 0, 1)
        made += _band(rng, seconds, 200, 3_500) * _sound(pace)
    return made


def tone(rng: Generator, seconds: float) -> Samples:
    """Return one steady tone, as a beep or a feedback has it."""
    return _sound(np.sin(2 * np.pi * rng.uniform(100, 3_000) * _times(seconds)))


def sweep(rng: Generator, seconds: float) -> Samples:
    """Return a tone that rises or falls over the whole time."""
    start, end = rng.permutation([rng.uniform(60, 300), rng.uniform(1_500, 8_000)])
    pitch = start * (end / start) ** (_times(seconds) / seconds)
    return _sound(np.sin(2 * np.pi * np.cumsum(pitch) / RATE))


def coloured(rng: Generator, seconds: float, slope: float) -> Samples:
    """Return noise whose amplitude goes with frequency to the power `slope`: 0 white, -0.5 pink, -1 brown."""
    return _shaped(rng, seconds, lambda hertz: np.maximum(hertz, 20.0) ** slope)


def _band(rng: Generator, seconds: float, low: float, high: float) -> Samples:
    return _shaped(rng, seconds, lambda hertz: ((hertz >= low) & (hertz <= high)).astype(np.float64))


def _shaped(rng: Generator, seconds: float, shape: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> Samples:
    count = _count(seconds)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * shape(np.fft.rfftfreq(count, 1 / RATE))
    made = _sound(np.fft.irfft(spectrum, count))
    return made / np.float32(level(made) or 1.0)


def _burst(rng: Generator, seconds: float, fading: float, *, low: float, high: float) -> Samples:
    """Return a bang: a band of noise that fades with a time constant of `fading` seconds."""
    return _band(rng, seconds, low, high) * _sound(np.exp(-_times(seconds) / fading))


def _kick() -> Samples:
    times = _times(0.3)
    return _sound(np.sin(2 * np.pi * (50 * times - 4 * np.exp(-times / 0.03))) * np.exp(-times / 0.08))


def _chord(notes: Sequence[float], seconds: float) -> Samples:
    times = _times(seconds)
    made = sum(np.sin(2 * np.pi * note * order * times) / order for note in notes for order in range(1, 6))
    return _sound(np.asarray(made) * 0.15 * np.minimum(1, times / 0.02) * np.exp(-times / 1.5))


def _add(made: Samples, second: float, sound: Samples) -> None:
    place = _count(second)
    room = made[place : place + len(sound)]
    room += sound[: len(room)]


def _count(seconds: float) -> int:
    return round(seconds * RATE)


def _times(seconds: float) -> NDArray[np.float64]:
    return np.arange(_count(seconds)) / RATE


def _sound(samples: NDArray[np.floating]) -> Samples:
    return samples.astype(np.float32)
