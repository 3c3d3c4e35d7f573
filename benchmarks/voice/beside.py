"""Clips heard beside text: how much slower each gets, and what memory they take."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.arrivals import Arrival, moments
from benchmarks.chat import made_lines
from benchmarks.figures import Spread, spread, taken
from benchmarks.voice.recording import RATE, ogg
from benchmarks.voice.trials import Follow
from benchmarks.voice.voices import Utterance
from bot.assembly import Parts, open_parts, with_database
from bot.domain import Clip, Excerpt, Platform, SourceKey
from bot.enforce_log import LogEnforcer, SilentNotifier
from bot.errors import SpeechError
from bot.pipeline import Pipeline
from bot.settings import Settings
from classifier import Verdict

CLIPS = (0, 1, 2, 4, 8)
TEXTS = (0.0, 10.0, 100.0)
_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Load:
    """Say how many clips are handed in at once, the next when one was heard, and how many texts a second."""

    clips: int
    texts: float


LOADS = tuple(Load(clips, texts) for texts in TEXTS for clips in CLIPS if clips or texts)


@dataclass(frozen=True, slots=True)
class Beside:
    """Hold what came of a load in all rounds.

    `text` is from when a text was due until its score was there, `clip` from handing a clip in until it was heard to
    its end. `real_time` is seconds that passed for a second of sound. `lost` texts got no score. Memory is that of the
    process with its children at most, in megabytes.
    """

    load: Load
    texts: int
    lost: int
    text: Spread | None
    heard: int
    clip: Spread | None
    real_time: float | None
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Hold what the process and its children took, in megabytes: without the model, and after the first clip."""

    before_mb: float
    heard_mb: float


@dataclass(slots=True)
class _Seen:
    text_s: list[float] = field(default_factory=list)
    lost: int = 0
    clip_s: list[float] = field(default_factory=list)
    sound_s: float = 0.0
    took_s: float = 0.0
    memory_mb: float = 0.0


class BesideText:
    """Have clips heard and texts scored at the same time by the parts that the bot is built from."""

    def __init__(self, parts: Parts, clips: Sequence[tuple[bytes, float]]) -> None:
        self._parts = parts
        self._pipeline: Pipeline = parts.pipeline(LogEnforcer(), SilentNotifier())
        self._clips = cycle(clips)
        self._texts = _without_end()
        self._numbers = cycle(range(1_000_000))

    async def first_clip(self) -> Memory:
        """Hear one clip, for which the model is loaded; return what memory that took."""
        # What scoring takes is not the clip's.
        await self._parts.scorer.score(next(self._texts))
        before = taken(os.getpid()).memory_mb
        await self._hear(next(self._clips)[0], "first")
        return Memory(before, taken(os.getpid()).memory_mb)

    async def measure(self, seconds: float, follow: Follow, found: Callable[[Sequence[Beside]], None]) -> None:
        """Measure every load for so many seconds in each round; tell all there is after each round."""
        seen = {load: _Seen() for load in LOADS}
        for number in range(_ROUNDS):
            for load in follow(LOADS, f"clips beside text, round {number + 1} of {_ROUNDS}"):
                await self._run(load, seconds, seen[load])
            found([_told(load, each) for load, each in seen.items()])

    async def _run(self, load: Load, seconds: float, seen: _Seen) -> None:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(load.clips):
                group.create_task(self._keep_hearing(f"server {number}", began + seconds, seen))
            if load.texts:
                group.create_task(self._keep_saying(load.texts, began, seconds, seen))
        seen.took_s += time.perf_counter() - began
        seen.memory_mb = max(seen.memory_mb, taken(os.getpid()).memory_mb)

    async def _keep_hearing(self, server: str, until: float, seen: _Seen) -> None:
        while (began := time.perf_counter()) < until:
            clip, sound = next(self._clips)
            await self._hear(clip, server)
            seen.clip_s.append(time.perf_counter() - began)
            seen.sound_s += sound

    async def _keep_saying(self, rate: float, began: float, seconds: float, seen: _Seen) -> None:
        async with asyncio.TaskGroup() as group:
            for moment in moments(Arrival.POISSON, rate, seconds, seed=next(self._numbers)):
                await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
                group.create_task(self._score(began + moment, seen))

    async def _score(self, due: float, seen: _Seen) -> None:
        answer = await self._parts.scorer.score(next(self._texts), turn="text")
        if isinstance(answer, Verdict):
            seen.text_s.append(time.perf_counter() - due)
        else:
            seen.lost += 1

    async def _hear(self, clip: bytes, server: str) -> None:
        key = SourceKey(Platform.LOG, server, "voice", str(next(self._numbers)))
        excerpt = Excerpt(key, "somebody", datetime.now(UTC), "", Clip("voice-message.ogg", clip))
        await self._pipeline.preview(excerpt)


@asynccontextmanager
async def open_beside(settings: Settings, spoken: Sequence[Utterance]) -> AsyncIterator[BesideText]:
    """Open the parts over a database that is thrown away; raise RefereeError or ClassifierError."""
    if not settings.speech:
        raise SpeechError("speech is switched off; set REFEREE_SPEECH to true")
    clips = [(ogg(each.samples), len(each.samples) / RATE) for each in spoken]
    with TemporaryDirectory() as folder:
        async with open_parts(with_database(settings, Path(folder) / "benchmark.db")) as parts:
            yield BesideText(parts, clips)


def _without_end() -> Iterator[str]:
    """Yield lines of chat none of which was said before, so that each needs a pass of the model."""
    for number, line in enumerate(cycle(made_lines(5000))):
        yield f"{line} {number}"


def _told(load: Load, seen: _Seen) -> Beside:
    return Beside(
        load=load,
        texts=len(seen.text_s) + seen.lost,
        lost=seen.lost,
        text=spread(seen.text_s),
        heard=len(seen.clip_s),
        clip=spread(seen.clip_s),
        real_time=round(seen.took_s / seen.sound_s, 3) if seen.sound_s else None,
        memory_mb=seen.memory_mb,
    )
