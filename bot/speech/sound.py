"""Decoded sound: 16 kHz, stereo, 16 bits; and the mono view that the speech model hears."""

from dataclasses import dataclass, field

RATE = 16_000
"""Samples a second, the rate that Whisper was trained on."""

CHANNELS = 2
"""Left and right; a mono clip has the same in both."""

SAMPLE_BYTES = 2
"""Bytes of one sample: a signed integer of 16 bits, low byte first."""

FRAME_BYTES = CHANNELS * SAMPLE_BYTES
"""Bytes of one moment."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Hold the sound of a clip as interleaved stereo, and notes on what of the clip is not in it."""

    pcm: bytes = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Return how long the sound lasts."""
        return len(self.pcm) / (RATE * FRAME_BYTES)
