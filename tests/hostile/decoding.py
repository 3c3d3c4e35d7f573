"""What may come of a clip, whatever is in it."""

from collections import Counter
from dataclasses import dataclass, field

from bot.errors import ClipRejected
from bot.speech.decoder_process import DecoderProcess
from bot.speech.limits import ClipLimits
from bot.speech.sound import RATE, SAMPLE_BYTES, Sound

LIMITS = ClipLimits(max_seconds=60, wall_seconds=10)


@dataclass(slots=True)
class Tried:
    """Count what came of clips: heard, refused with a reason, and children that died of one."""

    heard: int = 0
    refused: int = 0
    deaths: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def inputs(self) -> int:
        """Return how many were tried."""
        return self.heard + self.refused

    def __str__(self) -> str:
        return f"{self.inputs} inputs: {self.heard} heard, {self.refused} refused, {self.deaths} decoders died"


async def take(decoder: DecoderProcess, data: bytes, tried: Tried) -> None:
    """Decode a clip; anything but sound within the limits or a refusal with a reason is an error."""
    before = decoder.pid
    try:
        sound = await decoder.decode(data)
    except ClipRejected as error:
        if not str(error):
            raise AssertionError("the clip was refused without a reason") from error
        tried.refused += 1
        tried.reasons[str(error)] += 1
    else:
        _check(sound)
        tried.heard += 1
    tried.deaths += before is not None and decoder.pid != before


def _check(sound: Sound) -> None:
    most = int(LIMITS.max_seconds * RATE) * SAMPLE_BYTES
    assert len(sound.tracks) <= LIMITS.max_tracks
    assert all(0 < len(track) <= most and len(track) % SAMPLE_BYTES == 0 for track in sound.tracks)
    assert sound.seconds <= LIMITS.max_seconds
    assert all(isinstance(note, str) and note for note in sound.notes)
