"""Where somebody speaks in a track, in slices that the speech model hears at a time.

Silence is left out with Silero's voice detector, which comes with faster-whisper. What is left is cut at pauses.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.speech.sound import RATE

LONGEST_S = 14.0
"""How much speech is heard at a time.

tiny.en reads 14 s at a time best: its word error rate on sentences with pauses between them was 4.5 %, of 9 s at a time
7.4 %, of 18 s 6.0 % and of 28 s 10.4 %. The window of `bot.speech.ears` has room for it.
"""
_BLOCK_S = 60.0
"""How much sound is searched for speech at a time, so that the first slice of a long clip is there soon."""
_PAUSE_MS = 500
_MARGIN_MS = 250
# Silero's own advice is 0.5; speech under game noise falls below that. Noise that passes is doubted afterwards.
_THRESHOLD = 0.35

Samples = NDArray[np.float32]
Read = Callable[[int, int], Samples]
"""Return the samples of a track from the first number to before the second: never all of a long one at once."""
Stretch = tuple[int, int]
"""Where a stretch of speech begins and ends, in samples."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Hold stretches of speech that are heard as one, in their order."""

    stretches: tuple[Stretch, ...]

    @property
    def seconds(self) -> float:
        """Return how long the speech is without what was left out."""
        return sum(end - start for start, end in self.stretches) / RATE

    def of(self, read: Read) -> Samples:
        """Return the sound of the slice."""
        return np.concatenate([read(start, end) for start, end in self.stretches])

    def begins_at(self, seconds: float) -> float:
        """Return where in the clip something begins that begins there in the slice.

        What is said to begin with the last margin of a stretch begins with the next: nobody speaks in between.
        """
        passed = 0
        for (start, end), (following, _) in pairwise(self.stretches):
            passed += end - start
            if 0 <= passed - seconds * RATE < 2 * _MARGIN_MS * RATE / 1000:
                return following / RATE
        return self.at(seconds)

    def at(self, seconds: float) -> float:
        """Return where in the clip a moment of the slice is, in seconds; past its end, that end."""
        left = max(round(seconds * RATE), 0)
        for start, end in self.stretches:
            if left < end - start:
                return (start + left) / RATE
            left -= end - start
        return self.stretches[-1][1] / RATE


def slices(read: Read, length: int) -> Iterator[Slice]:
    """Yield the slices of a track of so many samples in their order; none where nobody speaks."""
    gathered: list[Stretch] = []
    for stretch in _stretches(read, length):
        if gathered and _seconds(gathered) + _seconds([stretch]) > LONGEST_S:
            yield Slice(tuple(gathered))
            gathered = []
        gathered.append(stretch)
    if gathered:
        yield Slice(tuple(gathered))


def _stretches(read: Read, length: int) -> Iterator[Stretch]:
    """Yield where somebody speaks; what runs over the end of a block is looked at again with the next."""
    begin = 0
    while begin < length:
        end = min(begin + int(_BLOCK_S * RATE), length)
        found = _speech(read(begin, end), begin)
        # A stretch that touches the end of the block may go on behind it.
        if end < length and found and found[-1][1] >= end and found[-1][0] > begin:
            end = found.pop()[0]
        yield from found
        begin = end


def _speech(samples: Samples, begin: int) -> list[Stretch]:
    # Imported here: it takes a second, and many runs see no clip.
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        threshold=_THRESHOLD,
        min_silence_duration_ms=_PAUSE_MS,
        speech_pad_ms=_MARGIN_MS,
        max_speech_duration_s=LONGEST_S,
    )
    return [(begin + each["start"], begin + each["end"]) for each in get_speech_timestamps(samples, options)]


def _seconds(stretches: list[Stretch]) -> float:
    return sum(end - start for start, end in stretches) / RATE
