"""One whole measurement: what is asked for, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.voice.beside import Beside, BesideText, Memory
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


@dataclass(slots=True)
class Measured:
    """Hold what was tried so far: where a measurement is interrupted, that is what there is."""

    lines: list[Trial] = field(default_factory=list)
    long_clips: list[LongTrial] = field(default_factory=list)
    wordless: list[WordlessTrial] = field(default_factory=list)
    recordings: list[RecordingTrial] = field(default_factory=list)
    memory: Memory | None = None
    beside: Sequence[Beside] = ()


async def measure(ways: Ways, plan: Plan, follow: Follow, measured: Measured) -> None:
    """Try everything in the plan, one clip at a time; raise RefereeError or ClassifierError."""
    everything, speakers = plan.everything, plan.speakers
    await warm_up(ways, speakers, everything[0])
    async for line in try_lines(ways, plan.lines, everything, speakers, follow, snrs=plan.snrs):
        measured.lines.append(line)
    long_clips = try_long_clips(ways, everything, speakers, follow, count=plan.long_clips, seconds=plan.long_seconds)
    async for long_clip in long_clips:
        measured.long_clips.append(long_clip)
    await _try_wordless(ways, plan.wordless, follow, measured.wordless)
    async for recording in try_recordings(ways, plan.recordings, follow):
        measured.recordings.append(recording)


async def measure_beside(beside: BesideText, seconds: float, follow: Follow, measured: Measured) -> None:
    """Have clips heard beside text, after a first one for which the model is loaded."""

    def keep(found: Sequence[Beside]) -> None:
        measured.beside = found

    measured.memory = await beside.first_clip()
    await beside.measure(seconds, follow, keep)


async def _try_wordless(ways: Ways, count: int, follow: Follow, tried: list[WordlessTrial]) -> None:
    clips = tuple(wordless_clips(count))
    for number, clip in enumerate(follow(clips, "clips without words")):
        findings = await hear_both(ways, ogg(clip.samples), number)
        tried.append(WordlessTrial(clip.kind, len(clip.samples) / RATE, findings))
