"""The frames of one sound track to 16 kHz mono, without losing what a listener hears."""

from collections.abc import Callable

import numpy as np
from av import AudioFifo, AudioFrame, AudioResampler
from numpy.typing import NDArray

from bot.speech.sound import RATE

# A channel more than 50 dB below the loudest one is taken for empty.
_EMPTY = 0.003
# The loudest channel counts fully and each other half of it. Equal weights let two channels cancel each other out.
_BESIDE = 0.5
# From here on a channel counts as the loudest one turned upside down (loud in headphones, silent in the average).
_UPSIDE_DOWN = -0.25
# Sound is mixed and handed on in pieces, so that what is held does not grow with the clip.
_PIECE_SECONDS = 4


class Mixdown:
    """Take the frames of a track, whatever their format, and hand on its sound in pieces of some seconds."""

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        self._deliver = deliver
        self._format: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None
        # Frames of 20 ms are gathered: resampling second by second takes a third off the time of the whole clip.
        self._gathered = AudioFifo()
        self._held: list[NDArray[np.int16]] = []

    def add(self, frame: AudioFrame) -> None:
        """Take the next frame; the times that the file claims for it do not count."""
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if found != self._format:
            # A resampler refuses, or mangles, frames unlike its first; a stream may change its format midway.
            self.flush()
            self._gathered = AudioFifo()
            # The channels stay apart: FFmpeg's own mix drops the low-frequency channel, and knows no eight-channel WAV.
            self._resampler = AudioResampler(format="s16", layout=frame.layout, rate=RATE)
            self._format = found
        frame.pts = None
        self._gathered.write(frame)
        if self._gathered.samples >= frame.sample_rate:
            self._resample(self._gathered.read())

    def flush(self) -> None:
        """Hand on what is still held."""
        if self._resampler is not None:
            rest = self._gathered.read() if self._gathered.samples else None
            if rest is not None:
                self._resample(rest)
            self._resample(None)
        self._resampler = None
        self._format = None
        self._hand_on()

    def _resample(self, frame: AudioFrame | None) -> None:
        if self._resampler is None:
            return
        for piece in self._resampler.resample(frame):
            channels = piece.layout.nb_channels
            samples = np.frombuffer(memoryview(piece.planes[0]), dtype="<i2", count=piece.samples * channels)
            # A copy: FFmpeg uses the frame's memory again.
            self._held.append(samples.reshape(-1, channels).copy())
        if sum(map(len, self._held)) >= _PIECE_SECONDS * RATE:
            self._hand_on()

    def _hand_on(self) -> None:
        held, self._held = self._held, []
        if held:
            self._deliver(mix(np.concatenate(held)).astype("<i2").tobytes())


def mix(moments: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return one channel of sound from several (a row is a moment), mixed second by second."""
    if moments.shape[1] == 1:
        return moments[:, 0]
    mixed = np.empty(len(moments), dtype=np.int16)
    for start in range(0, len(moments), RATE):
        second = moments[start : start + RATE].astype(np.float32)
        mixed[start : start + RATE] = np.rint(second @ _weights(second))
    return mixed


def _weights(second: NDArray[np.float32]) -> NDArray[np.float32]:
    products = second.T @ second
    levels = np.sqrt(products.diagonal())
    loudest = int(levels.argmax())
    weights = np.where(levels > _EMPTY * levels[loudest], np.float32(_BESIDE), np.float32(0))
    weights[products[loudest] < _UPSIDE_DOWN * levels * levels[loudest]] *= -1
    weights[loudest] = 1
    return np.asarray(weights / np.abs(weights).sum(), dtype=np.float32)
