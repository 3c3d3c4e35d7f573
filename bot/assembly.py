"""The one composition root: settings to a running referee, closed again in order."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain import Platform, Purged
from bot.errors import InputError
from bot.pipeline import Pipeline, Ports
from bot.policy import Policy
from bot.policy_file import DEFAULT, read_policy
from bot.ports import Clock, Enforcer, IncidentStore, Notifier, Policies, Scorer, Transcriber
from bot.settings import Settings
from bot.speech.ears import EarSettings
from bot.speech.foreign import parse_languages
from bot.speech.limits import ClipLimits
from bot.speech.line import SpeechLoad
from bot.speech.transcriber import WhisperTranscriber
from bot.store import SqlIncidentStore, Stores, open_stores
from classifier import Batcher, BatcherLimits, Classifier, load

_DECODER_MB = 250
_MB_PER_SECOND = 0.2
"""What a second of decoded sound takes at most: samples of several tracks, and their copy on the way out."""

_PURGE_AT_START_S = 0.5

_PATIENT = BatcherLimits(waiting=1_000_000, deadline_s=1e9, explaining=1_000_000)
"""For content that can wait: nothing is shed, the reader is held back instead."""


class SystemClock:
    """Tell the time of this machine."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """Hold what every front end builds its pipeline from.

    `policy` is the operator's; `waiting` tells how many texts wait for a score, `speech` how much is to be heard, None
    where speech is switched off.
    """

    classifier: Classifier
    policy: Policy
    stores: Stores
    scorer: Scorer
    transcriber: Transcriber | None
    waiting: Callable[[], int] = lambda: 0
    speech: Callable[[], SpeechLoad | None] = lambda: None

    def pipeline(self, enforcer: Enforcer, notifier: Notifier, policies: Policies | None = None) -> Pipeline:
        """Return a pipeline that acts and shows through these; without `policies` the operator's holds everywhere."""
        ports = Ports(self.scorer, self.stores.incidents, enforcer, notifier, self.transcriber)
        return Pipeline(ports, policies or self.policy)


@dataclass(frozen=True, slots=True)
class Referee:
    """Hold the parts that the front end of a recorded log uses."""

    pipeline: Pipeline
    store: SqlIncidentStore
    classifier: Classifier
    policy: Policy


def load_classifier(settings: Settings) -> Classifier:
    """Load the model that the settings name; raise ClassifierError."""
    return load(settings.model, threads=settings.threads)


def load_policy(settings: Settings, classifier: Classifier) -> Policy:
    """Read the policy that the settings name, against the model's categories and curves; raise PolicyError."""
    return read_policy(settings.policy or DEFAULT, classifier.labels, classifier.manifest.curves)


def clip_limits(settings: Settings) -> ClipLimits:
    """Return how much of a clip is taken in."""
    memory = _DECODER_MB + settings.clip_megabytes + int(settings.clip_seconds * _MB_PER_SECOND)
    return ClipLimits(
        max_bytes=settings.clip_megabytes << 20, max_seconds=settings.clip_seconds, memory_mb=max(400, memory)
    )


@asynccontextmanager
async def open_transcriber(settings: Settings) -> AsyncIterator[WhisperTranscriber | None]:
    """Hand out a transcriber, None where speech is switched off, and close it afterwards."""
    if not settings.speech:
        yield None
        return
    ears = EarSettings(
        settings.speech_model,
        precision=settings.speech_precision,
        device=settings.speech_device,
        threads=settings.threads or os.cpu_count() or 1,
    )
    transcriber = WhisperTranscriber(
        ears,
        limits=clip_limits(settings),
        languages=parse_languages(settings.languages),
        idle_s=settings.speech_idle_minutes * 60 or None,
    )
    try:
        yield transcriber
    finally:
        await transcriber.close()


@asynccontextmanager
async def open_incidents(settings: Settings) -> AsyncIterator[SqlIncidentStore]:
    """Hand out the store that the settings name, and close it afterwards; raise StoreError."""
    async with open_all_stores(settings) as stores:
        yield stores.incidents


@asynccontextmanager
async def open_all_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Hand out everything that the database of the settings keeps, and close it afterwards; raise StoreError."""
    keys = settings.content_keys.get_secret_value() if settings.content_keys else None
    stores = await open_stores(settings.database_url, keys=keys, key_file=settings.content_key_file)
    try:
        yield stores
    finally:
        await stores.close()


async def purge(store: IncidentStore, settings: Settings, clock: Clock, *, within_s: float | None = None) -> Purged:
    """Drop what is older than the settings allow; after `within_s` seconds the rest is left to the next call."""
    now = clock.now()
    content, whole = timedelta(days=settings.content_days), timedelta(days=settings.incident_days)
    return await store.purge(now - content, now - whole, within_s=within_s)


@asynccontextmanager
async def open_parts(settings: Settings, *, clock: Clock | None = None, patient: bool = False) -> AsyncIterator[Parts]:
    """Build what every front end needs, purge what has expired, and close it all in order.

    `patient` is for content that can wait, such as a recorded log: every line is scored, however long it takes.
    Raise ClassifierError or RefereeError.
    """
    limits = BatcherLimits(waiting=settings.waiting_texts, deadline_s=settings.deadline_s)
    async with AsyncExitStack() as stack:
        classifier = await asyncio.to_thread(load_classifier, settings)
        policy = await asyncio.to_thread(load_policy, settings, classifier)
        stores = await stack.enter_async_context(open_all_stores(settings))
        # Bounded: after a long time away there may be a million, and messages wait to be judged.
        await purge(stores.incidents, settings, clock or SystemClock(), within_s=_PURGE_AT_START_S)
        transcriber = await stack.enter_async_context(open_transcriber(settings))
        scorer = await stack.enter_async_context(Batcher(classifier, _PATIENT if patient else limits))
        load = (lambda: transcriber.load) if transcriber is not None else lambda: None
        yield Parts(classifier, policy, stores, scorer, transcriber, lambda: scorer.depth, load)


@asynccontextmanager
async def assemble(
    settings: Settings, enforcer: Enforcer, notifier: Notifier, *, clock: Clock | None = None, patient: bool = False
) -> AsyncIterator[Referee]:
    """Build the referee of a recorded log, and finish what a stop left open of one before; see `open_parts`."""
    async with open_parts(settings, clock=clock, patient=patient) as parts:
        pipeline = parts.pipeline(enforcer, notifier)
        await pipeline.recover(Platform.LOG, (clock or SystemClock()).now())
        yield Referee(pipeline, parts.stores.incidents, parts.classifier, parts.policy)


def with_database(settings: Settings, path: Path | None) -> Settings:
    """Return the settings with the database at `path`, where one is given.

    Its key is `NAME.key` beside `NAME.db`, or else `referee.key` there; what the settings say of keys comes first.
    """
    if path is None:
        return settings
    if "?" in str(path):
        raise InputError(f"{path} cannot name a database: a question mark has a meaning in its URL; rename the file")
    own, shared = path.with_suffix(".key"), path.with_name("referee.key")
    key_file = settings.content_key_file or (shared if shared.exists() and not own.exists() else own)
    return settings.model_copy(update={"database_url": f"sqlite+aiosqlite:///{path}", "content_key_file": key_file})
