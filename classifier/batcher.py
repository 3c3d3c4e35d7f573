"""Asyncio micro-batching: what arrives while the model is busy is scored together in its next pass."""

import asyncio
import contextlib
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from classifier.errors import ClassifierError
from classifier.fair_queue import FairQueue
from classifier.model import Classifier
from classifier.verdict import NotScored, NotScoredReason, Verdict, WordWeight

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class BatcherLimits:
    """Bound the batcher: texts in a pass, texts waiting, seconds until a waiting text is late, cached verdicts.

    `characters` bounds a pass too, which may hold a single longer text: long ones must not keep the next waiting. Texts
    longer than `cached_characters` are not cached, so that the cache's memory is bounded too. `explaining` is
    how many texts may wait to be explained, which takes many passes each.
    """

    batch: int = 64
    characters: int = 2000
    waiting: int = 2048
    deadline_s: float = 5.0
    cached: int = 4096
    cached_characters: int = 200
    explaining: int = 32


@dataclass(slots=True)
class _Ticket:
    text: str
    due: float
    answer: asyncio.Future[Verdict | NotScored]


class Batcher:
    """Score texts for many callers with one model, who take turns; use as an async context manager.

    A text that cannot be scored in time gets a NotScored, which is counted, never a clean verdict. Where too many wait,
    whoever has most waiting loses the oldest of it.
    """

    def __init__(
        self, classifier: Classifier, limits: BatcherLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._classifier = classifier
        self._limits = limits or BatcherLimits()
        self._clock = clock
        self._waiting: FairQueue[_Ticket] = FairQueue(self._limits.waiting)
        self._arrived = asyncio.Event()
        self._cache: OrderedDict[str, Verdict] = OrderedDict()
        self._scored = 0
        self._not_scored: Counter[NotScoredReason] = Counter()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="referee-score")
        # Explaining has a thread of its own: a raid of long insults must not make the next message late.
        self._explainer = ThreadPoolExecutor(1, thread_name_prefix="referee-explain")
        self._explaining = 0
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        """Start the worker."""
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; what still waits is answered as not scored."""
        self._closed = True
        if self._worker:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        while (left := self._waiting.pop()) is not None:
            self._refuse(left.item, NotScoredReason.CLOSED)
        for thread in (self._thread, self._explainer):
            await asyncio.to_thread(thread.shutdown, cancel_futures=True)

    @property
    def scored(self) -> int:
        """Return how many texts got a verdict, repeated ones included."""
        return self._scored

    @property
    def not_scored(self) -> Mapping[NotScoredReason, int]:
        """Return how many texts got no verdict, by reason."""
        return dict(self._not_scored)

    @property
    def depth(self) -> int:
        """Return how many texts wait."""
        return len(self._waiting)

    async def score(self, text: str, *, turn: str = "") -> Verdict | NotScored:
        """Return the verdict on one text, or why there is none; `turn` is whose turn it takes."""
        known = self._cache.get(text)
        if known is not None:
            self._cache.move_to_end(text)
            self._scored += 1
            return known
        ticket = _Ticket(text, self._clock() + self._limits.deadline_s, asyncio.get_running_loop().create_future())
        if self._closed:
            self._refuse(ticket, NotScoredReason.CLOSED)
            return await ticket.answer
        place, shed = self._waiting.push(ticket, turn=turn)
        for lost in shed:
            self._refuse(lost.item, NotScoredReason.OVERLOADED)
        self._arrived.set()
        try:
            return await ticket.answer
        finally:
            # Who gave up takes no room from those who wait.
            self._waiting.remove(place)

    async def explain(self, text: str) -> tuple[WordWeight, ...]:
        """Return the words that made the score; empty where the model fails, too many wait, or the batcher closes."""
        if self._closed or self._explaining >= self._limits.explaining:
            return ()
        self._explaining += 1
        work = asyncio.get_running_loop().run_in_executor(self._explainer, self._classifier.explain, text)
        try:
            return await work
        except ClassifierError:
            _log.exception("explaining failed")
            return ()
        except asyncio.CancelledError:
            if self._closed and work.cancelled():
                return ()
            raise
        finally:
            self._explaining -= 1

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            tickets = self._take()
            if tickets:
                await self._answer(tickets)
            if not self._waiting:
                self._arrived.clear()

    def _take(self) -> list[_Ticket]:
        """Return the next tickets that are still wanted and in time."""
        taken: list[_Ticket] = []
        characters = 0
        while len(taken) < self._limits.batch and characters < self._limits.characters:
            place = self._waiting.pop()
            if place is None:
                break
            ticket = place.item
            if ticket.answer.done():
                continue
            if self._clock() > ticket.due:
                self._refuse(ticket, NotScoredReason.LATE)
            else:
                taken.append(ticket)
                characters += len(ticket.text)
        return taken

    async def _answer(self, tickets: list[_Ticket]) -> None:
        texts = list(dict.fromkeys(ticket.text for ticket in tickets))
        try:
            verdicts = await self._on_thread(lambda: self._classifier.score(texts))
        except asyncio.CancelledError:
            for ticket in tickets:
                self._refuse(ticket, NotScoredReason.CLOSED)
            raise
        except Exception as error:  # whatever it is: a worker that ended here would leave every caller waiting
            _log.exception("scoring %d texts failed", len(texts))
            detail = str(error) if isinstance(error, ClassifierError) else type(error).__name__
            for ticket in tickets:
                self._refuse(ticket, NotScoredReason.FAILED, detail)
            return
        by_text = dict(zip(texts, verdicts, strict=True))
        for ticket in tickets:
            if not ticket.answer.done():
                self._scored += 1
                ticket.answer.set_result(by_text[ticket.text])
        for text, verdict in by_text.items():
            self._keep(text, verdict)

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _keep(self, text: str, verdict: Verdict) -> None:
        if len(text) > self._limits.cached_characters:
            return
        self._cache[text] = verdict
        while len(self._cache) > self._limits.cached:
            self._cache.popitem(last=False)

    def _refuse(self, ticket: _Ticket, reason: NotScoredReason, detail: str = "") -> None:
        if not ticket.answer.done():
            self._not_scored[reason] += 1
            ticket.answer.set_result(NotScored(reason, detail))
