"""The three ways from a line to a decision: read as text, heard by Referee, and heard the plain way."""

import asyncio
import io
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bot.assembly import Parts, open_parts, with_database
from bot.domain import UNCHECKED, Action, Clip, Decision, Excerpt, History, Platform, SourceKey
from bot.enforce_log import LogEnforcer, SilentNotifier
from bot.errors import SpeechError
from bot.pipeline import Pipeline
from bot.policy import Policy, decide
from bot.ports import Scorer
from bot.previewing import Preview
from bot.settings import Settings
from bot.speech.models import find_model
from classifier import Classifier, NotScored, Verdict, WordWeight

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_NAME = "voice-message.ogg"


class Way(StrEnum):
    """A way from a line to a decision."""

    TEXT = "text"
    VOICE = "voice"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold what a way made of one clip or line, and the seconds that it took.

    `at` is where in the clip the flagged words were said, None where that is not told.
    """

    heard: str
    flagged: bool
    punished: bool
    unchecked: bool
    category: str
    took: float
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """Hold the three ways, sharing one classifier and one policy."""

    text: "TextWay"
    voice: "VoiceWay"
    plain: "PlainWay"
    classifier: str


class TextWay:
    """Take the written line through the pipeline: what a member's typing of it would lead to."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def read(self, text: str) -> Finding:
        """Return what becomes of a line that is typed."""
        started = time.perf_counter()
        preview = await self._pipeline.preview(_excerpt(text=text))
        return _finding(preview, text, time.perf_counter() - started)


class VoiceWay:
    """Take the clip through the pipeline, as the bot does with a voice message."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def hear(self, clip: bytes) -> Finding:
        """Return what becomes of a clip; raise SpeechError where there is nothing to hear it with."""
        started = time.perf_counter()
        preview = await self._pipeline.preview(_excerpt(clip=Clip(_NAME, clip)))
        took = time.perf_counter() - started
        return _finding(preview, preview.transcript.text if preview.transcript else "", took)


class PlainWay:
    """Do what a few lines of code would: transcribe the file with default settings, score all of the text at once."""

    def __init__(self, model: str, classifier: Classifier, policy: Policy, threads: int) -> None:
        self._name = model
        self._threads = threads
        self._classifier = classifier
        self._policy = policy
        self._model: WhisperModel | None = None

    async def hear(self, clip: bytes) -> Finding:
        """Return what the plain way makes of a clip."""
        return await asyncio.to_thread(self._hear, clip)

    def _hear(self, clip: bytes) -> Finding:
        model = self._model = self._model or _load(self._name, self._threads)
        started = time.perf_counter()
        segments, _ = model.transcribe(io.BytesIO(clip))
        text = " ".join(segment.text.strip() for segment in segments).strip()
        [verdict] = self._classifier.score([text])
        excerpt = _excerpt(text=text)
        decision = decide(self._policy, verdict, excerpt, History(), excerpt.at)
        return _of(decision, text, time.perf_counter() - started)


@asynccontextmanager
async def open_ways(settings: Settings) -> AsyncIterator[Ways]:
    """Open the three ways over a database that is thrown away; raise RefereeError or ClassifierError."""
    if not settings.speech:
        raise SpeechError("speech is switched off; set REFEREE_SPEECH to true")
    with TemporaryDirectory() as folder:
        apart = with_database(settings, Path(folder) / "benchmark.db")
        async with open_parts(apart, patient=True) as parts:
            pipeline = _pipeline(parts)
            plain = PlainWay(
                find_model(settings.speech_model),
                parts.classifier,
                parts.policy,
                threads=settings.threads or os.cpu_count() or 1,
            )
            yield Ways(TextWay(pipeline), VoiceWay(pipeline), plain, parts.classifier.version)


class _WithoutWords:
    """Score without saying which words made it: a preview asks for them, the bot only of what it flags."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def score(self, text: str, *, turn: str = "") -> Verdict | NotScored:
        """Return the verdict on one text, or why there is none."""
        return await self._scorer.score(text, turn=turn)

    async def explain(self, text: str) -> tuple[WordWeight, ...]:
        """Return nothing."""
        return ()


def _pipeline(parts: Parts) -> Pipeline:
    quick = replace(parts, scorer=_WithoutWords(parts.scorer))
    return quick.pipeline(LogEnforcer(), SilentNotifier())


def _load(model: str, threads: int) -> "WhisperModel":
    from faster_whisper import WhisperModel

    # All that is not the default is where it runs: on the processor, with as many threads as Referee has.
    return WhisperModel(model, device="cpu", cpu_threads=threads)


def _excerpt(text: str = "", clip: Clip | None = None) -> Excerpt:
    key = SourceKey(Platform.LOG, "benchmark", "voice", "line")
    return Excerpt(key, "somebody", datetime.now(UTC), text, clip)


def _finding(preview: Preview, heard: str, took: float) -> Finding:
    return replace(_of(preview.decision, heard, took), at=preview.at)


def _of(decision: Decision, heard: str, took: float) -> Finding:
    unchecked = decision.category == UNCHECKED
    flagged = decision.action is not Action.NONE and not unchecked
    return Finding(heard, flagged, decision.action.punishes, unchecked, decision.category, took)
