"""Asyncio micro-batching: what arrives while the model is busy is scored together in its next pass."""

import asyncio
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from classifier.errors import ClassifierError
from classifier.fair_queue import FairQueue
from classifier.model import Classifier
from classifier.repeated import RepeatedLines
from classifier.verdict import NotScored, NotScoredReason, Verdict, WordWeight

_log = logging.getLogger(__name__)

AT_ONCE = 64
"""How many callers are answered, and waiting texts looked at, before the event loop has its turn.

Each that is answered goes on in the next turn of the loop: thousands at once would stop everything else meanwhile.
"""

_WORTH_A_PASS = 4
"""Fewer texts than this are not shared out: a pass of one takes as much of a processor as three more texts in it."""


@dataclass(frozen=True, slots=True)
class BatcherLimits:
    """Bound the batcher: texts in a pass, texts waiting, seconds until a waiting text is late, cached verdicts.

    `characters` bounds a pass too, which may hold a single longer text: long ones must not keep the next waiting. Texts
    longer than `cached_characters` are not cached, so that the cache's memory is bounded too. `explaining` is
    how many texts may wait to be explained, which takes many passes each.
    """

    batch: int = 24
    characters: int = 500
    waiting: int = 2048
    deadline_s: float = 5.0
    cached: int = 4096
    cached_characters: int = 200
    explaining: int = 32


@dataclass(frozen=True, slots=True)
class Pass:
    """Hold how a pass went: its texts, and the seconds that it took.

    `waited_s` has, for each caller that it answers, how long they waited until it began; 0 for who came later.
    """

    texts: int
    took_s: float
    waited_s: tuple[float, ...]


@dataclass(slots=True)
class _Ticket:
    text: str
    asked: float
    answer: asyncio.Future[Verdict | NotScored]


class Batcher:
    """Score texts for many callers with one model, who take turns; use as an async context manager.

    A text that cannot be scored in time gets a NotScored, which is counted, never a clean verdict. Where too many wait,
    whoever has most waiting loses the oldest of it. As many passes run side by side as the model has threads; a text
    that is in one of them is not scored again. `on_pass` is told of each pass.
    """

    def __init__(
        self,
        classifier: Classifier,
        limits: BatcherLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_pass: Callable[[Pass], None] | None = None,
    ) -> None:
        self._classifier = classifier
        self._limits = limits or BatcherLimits()
        self._clock = clock
        self._on_pass = on_pass
        self._waiting: FairQueue[_Ticket] = FairQueue(self._limits.waiting)
        self._arrived = asyncio.Event()
        self._known = RepeatedLines(self._limits.cached, self._limits.cached_characters)
        self._in_pass: dict[str, list[_Ticket]] = {}
        self._answers: deque[tuple[_Ticket, Verdict | NotScored]] = deque()
        self._scored = 0
        self._not_scored: Counter[NotScoredReason] = Counter()
        self._threads = ThreadPoolExecutor(classifier.threads, thread_name_prefix="referee-score")
        # Explaining has a thread of its own: a raid of long insults must not make the next message late.
        self._explainer = ThreadPoolExecutor(1, thread_name_prefix="referee-explain")
        self._explaining = 0
        self._workers: list[asyncio.Task[None]] = []
        self._closed = False

    async def __aenter__(self) -> Self:
        """Start a worker for each thread of the model."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._classifier.threads)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; what still waits is answered as not scored."""
        self._closed = True
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        while self._answers:
            self._tell(*self._answers.popleft())
        left = [ticket for tickets in self._in_pass.values() for ticket in tickets]
        while (place := self._waiting.pop()) is not None:
            left.append(place.item)
        for ticket in left:
            self._tell(ticket, NotScored(NotScoredReason.CLOSED))
        for threads in (self._threads, self._explainer):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)

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
        known = self._known.get(text)
        if known is not None:
            self._scored += 1
            return known
        ticket = _Ticket(text, self._clock(), asyncio.get_running_loop().create_future())
        if self._closed:
            self._tell(ticket, NotScored(NotScoredReason.CLOSED))
        elif text in self._in_pass:
            self._in_pass[text].append(ticket)
        else:
            return await self._queued(ticket, turn)
        return await ticket.answer

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

    async def _queued(self, ticket: _Ticket, turn: str) -> Verdict | NotScored:
        place, shed = self._waiting.push(ticket, turn=turn)
        for lost in shed:
            self._tell(lost.item, NotScored(NotScoredReason.OVERLOADED))
        self._arrived.set()
        try:
            return await ticket.answer
        finally:
            # Who gave up takes no room from those who wait.
            self._waiting.remove(place)

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            texts = self._take()
            if not self._waiting:
                self._arrived.clear()
            if texts:
                await self._pass(texts)
            else:
                await asyncio.sleep(0)

    def _take(self) -> list[str]:
        """Return the next texts that are still wanted, in time and in no pass yet; other workers get their share."""
        taken: list[str] = []
        characters = 0
        now = self._clock()
        most = min(self._limits.batch, self._share())
        for _ in range(max(AT_ONCE, most)):
            if len(taken) >= most or characters >= self._limits.characters:
                break
            place = self._waiting.pop()
            if place is None:
                break
            if self._needs_pass(place.item, now):
                taken.append(place.item.text)
                characters += len(place.item.text)
        return taken

    def _share(self) -> int:
        """Return how many texts are one worker's; a busy one is soon done and takes its own then."""
        workers = min(self._classifier.threads, max(1, len(self._waiting) // _WORTH_A_PASS))
        return math.ceil(len(self._waiting) / workers)

    def _needs_pass(self, ticket: _Ticket, now: float) -> bool:
        if ticket.answer.done():
            return False
        if now > ticket.asked + self._limits.deadline_s:
            self._tell(ticket, NotScored(NotScoredReason.LATE))
            return False
        if ticket.text in self._in_pass:
            self._in_pass[ticket.text].append(ticket)
            return False
        # Another pass may have scored it while it waited.
        known = self._known.get(ticket.text)
        if known is not None:
            self._tell(ticket, known)
            return False
        self._in_pass[ticket.text] = [ticket]
        return True

    async def _pass(self, texts: Sequence[str]) -> None:
        began = self._clock()
        answers = await self._scores(texts)
        took = self._clock() - began
        waited: list[float] = []
        for text, answer in zip(texts, answers, strict=True):
            if isinstance(answer, Verdict):
                self._known.keep(text, answer)
            for ticket in self._in_pass.pop(text):
                self._answers.append((ticket, answer))
                waited.append(max(0.0, began - ticket.asked))
        if self._on_pass is not None:
            self._on_pass(Pass(len(texts), took, tuple(waited)))
        await self._tell_all()

    async def _scores(self, texts: Sequence[str]) -> Sequence[Verdict | NotScored]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._classifier.score, texts)
        except Exception as error:  # whatever it is: a worker that ended here would leave every caller waiting
            _log.exception("scoring %d texts failed", len(texts))
            detail = str(error) if isinstance(error, ClassifierError) else type(error).__name__
            return [NotScored(NotScoredReason.FAILED, detail)] * len(texts)

    async def _tell_all(self) -> None:
        told = 0
        while self._answers:
            self._tell(*self._answers.popleft())
            told += 1
            if told % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _tell(self, ticket: _Ticket, answer: Verdict | NotScored) -> None:
        if ticket.answer.done():
            return
        if isinstance(answer, Verdict):
            self._scored += 1
        else:
            self._not_scored[answer.reason] += 1
        ticket.answer.set_result(answer)
