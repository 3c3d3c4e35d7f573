"""Long clips: one sentence of abuse in minutes of clean talk, and the same talk without it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.voice.lines import Line, spread
from benchmarks.voice.recording import RATE, Samples, joined, ogg
from benchmarks.voice.trials import Follow, Speakers, hear_both
from benchmarks.voice.voices import Voice
from benchmarks.voice.ways import Finding, Way, Ways

NEAR_SECONDS = 2.0
"""How far the time that is told may be from the time at which the sentence begins."""

_PAUSE_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class LongTrial:
    """Hold one long clip: what was hidden in it, from which second on, and what each way made of it.

    `without` is of the same talk without the sentence: whatever is flagged there is a false alarm.
    """

    hidden: Line
    voice: str
    start: float
    seconds: float
    findings: Mapping[Way, Finding]
    without: Mapping[Way, Finding]

    def told_when(self, way: Way) -> bool | None:
        """Tell whether the time that the way gave is right; None where it gave none."""
        at = self.findings[way].at
        return None if at is None else abs(at - self.start) <= NEAR_SECONDS


async def try_long_clips(
    ways: Ways, everything: Sequence[Line], speakers: Speakers, follow: Follow, *, count: int, seconds: float
) -> AsyncIterator[LongTrial]:
    """Yield trials of so many clips of so many seconds; only sentences and talk that text gets right are used."""
    if not count:
        return
    judged = [(line, (await ways.text.read(line.text)).flagged) for line in everything]
    hidden = spread([line for line, flagged in judged if line.abusive and flagged], count)
    talk = [line for line, flagged in judged if not line.abusive and not flagged]
    for number, line in enumerate(follow(hidden, "long clips")):
        voice = speakers.clear[number % len(speakers.clear)]
        parts = await _talk(talk, voice, seconds, number)
        place = (number + 1) * len(parts) // (len(hidden) + 1)
        said = await voice.speak(line.text, 1.0)
        samples, starts = joined([*parts[:place], said, *parts[place:]], _PAUSE_SECONDS)
        findings = await hear_both(ways, ogg(samples), number)
        without = await hear_both(ways, ogg(joined(parts, _PAUSE_SECONDS)[0]), number + 1)
        yield LongTrial(line, voice.name, starts[place], len(samples) / RATE, findings, without)


async def _talk(lines: Sequence[Line], voice: Voice, seconds: float, number: int) -> list[Samples]:
    """Return what somebody says for so long, in an order that the clip's number decides."""
    parts: list[Samples] = []
    order = np.random.default_rng(number).permutation(len(lines))
    for place in np.resize(order, int(seconds)).tolist():
        if sum(len(part) / RATE + _PAUSE_SECONDS for part in parts) >= seconds:
            break
        parts.append(await voice.speak(lines[place].text, 1.0))
    return parts
