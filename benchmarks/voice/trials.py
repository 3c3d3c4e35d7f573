"""Lines spoken, with and without noise, each judged as text, as a clip, and as a clip the plain way."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from benchmarks.voice.lines import Line
from benchmarks.voice.noise import SNRS_DB, game_noises
from benchmarks.voice.recording import RATE, Samples, mixed, ogg
from benchmarks.voice.voices import Utterance, Voice, spoken
from benchmarks.voice.ways import Finding, Way, Ways

NO_NOISE = "no noise"
"""The condition of a line that a clear voice speaks with nothing else to be heard."""

ROUGH = "rough voices"
"""The condition of a line that a robotic voice speaks with nothing else to be heard."""

_IN_THE_CROWD = 12
_SEED = 7

Step = TypeVar("Step")


class Follow(Protocol):
    """Show how far a measurement has come."""

    def __call__(self, steps: Sequence[Step], told: str) -> Iterable[Step]:
        """Hand out the steps one after the other."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Hold one clip of a line and what each way made of it; `noise` is empty where there was none."""

    line: Line
    condition: str
    voice: str
    speed: float
    noise: str
    seconds: float
    findings: Mapping[Way, Finding]


@dataclass(frozen=True, slots=True)
class Speakers:
    """Hold who speaks: every line is spoken by a clear voice, and once more by a rough one where there are both."""

    clear: tuple[Voice, ...]
    rough: tuple[Voice, ...]

    @classmethod
    def of(cls, voices: Sequence[Voice]) -> "Speakers":
        """Return the voices by kind; where none is clear, the rough ones speak in their place."""
        clear = tuple(voice for voice in voices if voice.clear)
        rough = tuple(voice for voice in voices if not voice.clear)
        return cls(clear, rough) if clear else cls(rough, ())


async def try_lines(
    ways: Ways,
    lines: Sequence[Line],
    everything: Sequence[Line],
    speakers: Speakers,
    follow: Follow,
    *,
    snrs: Sequence[float] = SNRS_DB,
) -> AsyncIterator[Trial]:
    """Yield the trials of each line: without noise, and that many decibels above it.

    The crowd in the noise is made of clean ones among `everything`.
    """
    crowd = await _crowd(everything, speakers)
    for line in follow(lines, "lines"):
        written = await ways.text.read(line.text)
        clear = await spoken(line, speakers.clear)
        clips = [(NO_NOISE, "", clear, clear.samples), *_noisy(clear, crowd, snrs)]
        if speakers.rough:
            rough = await spoken(line, speakers.rough)
            clips.append((ROUGH, "", rough, rough.samples))
        for turn, (condition, noise, utterance, samples) in enumerate(clips):
            findings = {Way.TEXT: written, **await hear_both(ways, ogg(samples), turn + line.number)}
            seconds = len(samples) / RATE
            yield Trial(line, condition, utterance.voice.name, utterance.speed, noise, seconds, findings)


async def hear_both(ways: Ways, clip: bytes, turn: int) -> dict[Way, Finding]:
    """Return what the two ways make of a clip; they take turns in who begins, so that neither is always warm."""
    hearing = {Way.VOICE: ways.voice.hear, Way.PLAIN: ways.plain.hear}
    order = list(hearing) if turn % 2 else list(reversed(hearing))
    return {way: await hearing[way](clip) for way in order}


async def warm_up(ways: Ways, speakers: Speakers, line: Line) -> None:
    """Load the models and start what is started once: no clip of the measurement pays for that."""
    await ways.text.read(line.text)
    await hear_both(ways, ogg((await spoken(line, speakers.clear)).samples), 0)


async def _crowd(everything: Sequence[Line], speakers: Speakers) -> list[Utterance]:
    clean = [line for line in everything if not line.abusive]
    step = max(1, len(clean) // _IN_THE_CROWD)
    return [await spoken(line, speakers.clear) for line in clean[::step]]


def _noisy(
    utterance: Utterance, crowd: Sequence[Utterance], snrs: Sequence[float]
) -> Iterator[tuple[str, str, Utterance, Samples]]:
    """Yield the line in one kind of noise at every level; the noise is the same, only its loudness differs."""
    others = [other for other in crowd if other.line != utterance.line]
    kinds = tuple(game_noises([other.samples for other in others]).items())
    # Not the seed that draws the voice: each voice is to meet each kind of noise.
    draw = np.random.default_rng([utterance.line.number, _SEED])
    kind, make = kinds[int(draw.integers(len(kinds)))]
    noise = make(draw, len(utterance.samples) / RATE)
    for snr in snrs:
        yield f"{snr:g} dB", kind, utterance, mixed(utterance.samples, noise, snr)
