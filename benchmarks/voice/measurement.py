"""One whole measurement: what is asked for, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.voice.lines import Line
from benchmarks.voice.long_clips import LongTrial, try_long_clips
from benchmarks.voice.recording import RATE, ogg
from benchmarks.voice.recordings import Recording, RecordingTrial, try_recordings
from benchmarks.voice.trials import Follow, Speakers, Trial, hear_both, try_lines, warm_up
from benchmarks.voice.ways import Finding, Way, Ways
from benchmarks.voice.wordless import wordless_clips


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what is to be measured; `everything` are all lines, `lines` those that are tried one by one.

    `snrs` are the levels of noise, in decibels of speech above it.
    """

    everything: tuple[Line, ...]
    lines: tuple[Line, ...]
    speakers: Speakers
    snrs: tuple[float, ...]
    long_clips: int
    long_seconds: float
    wordless: int
    recordings: tuple[Recording, ...] = ()


@dataclass(frozen=True, slots=True)
class WordlessTrial:
    """Hold what each way made of a clip in which nobody speaks."""

    kind: str
    seconds: float
    findings: Mapping[Way, Finding]


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold everything that was tried."""

    lines: tuple[Trial, ...]
    long_clips: tuple[LongTrial, ...]
    wordless: tuple[WordlessTrial, ...]
    recordings: tuple[RecordingTrial, ...]


async def measure(ways: Ways, plan: Plan, follow: Follow) -> Measured:
    """Try everything in the plan, one clip at a time; raise RefereeError or ClassifierError."""
    everything, speakers = plan.everything, plan.speakers
    await warm_up(ways, speakers, everything[0])
    lines = try_lines(ways, plan.lines, everything, speakers, follow, snrs=plan.snrs)
    long_clips = try_long_clips(ways, everything, speakers, follow, count=plan.long_clips, seconds=plan.long_seconds)
    return Measured(
        lines=tuple([trial async for trial in lines]),
        long_clips=tuple([trial async for trial in long_clips]),
        wordless=tuple(await _try_wordless(ways, plan.wordless, follow)),
        recordings=tuple([trial async for trial in try_recordings(ways, plan.recordings, follow)]),
    )


async def _try_wordless(ways: Ways, count: int, follow: Follow) -> Sequence[WordlessTrial]:
    clips = tuple(wordless_clips(count))
    return [
        WordlessTrial(clip.kind, len(clip.samples) / RATE, await hear_both(ways, ogg(clip.samples), number))
        for number, clip in enumerate(follow(clips, "clips without words"))
    ]
