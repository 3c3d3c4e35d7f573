"""Recordings in memory: samples, their level, and the Ogg Opus file that a Discord client would send."""

import io
import wave
from collections.abc import Sequence
from typing import TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
"""Samples a second of everything here; that of Discord's voice messages."""

_BITS_A_SECOND = 32_000
_LOUDEST = 0.95
_FRAME = RATE // 50
# Pauses do not count for how loud somebody speaks: only frames within so many dB of the loudest do.
_SPEECH_WITHIN_DB = 30.0
_FULL_SCALE = 32_768

Samples: TypeAlias = NDArray[np.float32]
"""Mono sound from -1 to 1, one row of samples at `RATE`."""


def silence(seconds: float) -> Samples:
    """Return so many seconds of nothing."""
    return np.zeros(round(seconds * RATE), np.float32)


def resampled(samples: Samples, rate: int) -> Samples:
    """Return sound of another sample rate at `RATE`."""
    if rate == RATE:
        return samples
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    frame = _frame(samples, rate)
    pieces = [piece.to_ndarray()[0] for given in (frame, None) for piece in resampler.resample(given)]
    return np.concatenate(pieces).astype(np.float32)


def from_wav(data: bytes) -> Samples:
    """Return the sound of a 16-bit mono WAV file, whose header may claim a length that it does not have."""
    with wave.open(io.BytesIO(data)) as file:
        rate = file.getframerate()
        held = file.readframes(len(data))
    samples = np.frombuffer(held[: len(held) // 2 * 2], "<i2").astype(np.float32) / np.float32(_FULL_SCALE)
    return resampled(samples, rate)


def level(samples: Samples) -> float:
    """Return the root mean square of the whole sound."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def speech_level(samples: Samples) -> float:
    """Return the root mean square of the frames of 20 ms in which somebody speaks."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    if not len(power) or not power.max():
        return 0.0
    spoken = power[power >= power.max() * 10 ** (-_SPEECH_WITHIN_DB / 10)]
    return float(np.sqrt(spoken.mean()))


def mixed(speech: Samples, noise: Samples, snr_db: float) -> Samples:
    """Return speech over noise, the speech's level `snr_db` above that of the noise; quieter where it would clip."""
    loud = level(noise)
    if not loud:
        return speech
    wanted = speech_level(speech) / 10 ** (snr_db / 20)
    return unclipped(speech + noise[: len(speech)] * np.float32(wanted / loud))


def unclipped(samples: Samples) -> Samples:
    """Return the sound, turned down where it is louder than a file can hold."""
    peak = float(np.abs(samples).max(initial=0.0))
    return samples if peak <= _LOUDEST else (samples * np.float32(_LOUDEST / peak)).astype(np.float32)


def joined(parts: Sequence[Samples], pause: float) -> tuple[Samples, tuple[float, ...]]:
    """Return the parts one after the other with pauses of so many seconds, and the second at which each begins."""
    gap, pieces, starts, place = silence(pause), [], [], 0
    for part in parts:
        starts.append(place / RATE)
        pieces += [part, gap]
        place += len(part) + len(gap)
    return np.concatenate(pieces), tuple(starts)


def ogg(samples: Samples) -> bytes:
    """Return the sound as Discord's voice messages are: Opus in Ogg, 48 kHz, mono, 32 kbit/s."""
    held = io.BytesIO()
    with av.open(held, "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono")
        stream.bit_rate = _BITS_A_SECOND
        file.mux(stream.encode(_frame(unclipped(samples), RATE)))
        file.mux(stream.encode(None))
    return held.getvalue()


def _frame(samples: Samples, rate: int) -> av.AudioFrame:
    whole = np.clip(samples * _FULL_SCALE, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(whole.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    return frame
