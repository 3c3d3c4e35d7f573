"""Excerpt to verdict to decision to incident to action: the way of one message."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from bot import policy as rules
from bot.context import Context, Reading
from bot.domain import UNCHECKED, Action, Decision, Excerpt, History, Incident, Outcome, Transcript
from bot.errors import RefereeError, SpeechError
from bot.policy import Policy
from bot.ports import Enforcer, IncidentStore, Notifier, Scorer, Transcriber
from bot.tally import Tally
from classifier import NotScored, Verdict

_log = logging.getLogger(__name__)
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Ports:
    """Hold what the pipeline works with; `transcriber` is None where speech is switched off."""

    scorer: Scorer
    store: IncidentStore
    enforcer: Enforcer
    notifier: Notifier
    transcriber: Transcriber | None = None


@dataclass(frozen=True, slots=True)
class Handled:
    """Hold what became of one excerpt. `verdict` is None where it was exempt or could not be judged."""

    excerpt: Excerpt
    verdict: Verdict | NotScored | None
    decision: Decision
    transcript: Transcript | None = None
    incident: Incident | None = None
    created: bool = False


@dataclass(frozen=True, slots=True)
class _Judged:
    """Hold an excerpt with the verdicts on its readings, its own text first, before the policy has spoken."""

    excerpt: Excerpt
    readings: tuple[tuple[Reading, Verdict], ...] = ()
    transcript: Transcript | None = None
    not_scored: NotScored | None = None
    unchecked: str = ""
    exempt: bool = False

    @property
    def verdict(self) -> Verdict | None:
        return self.readings[0][1] if self.readings else None


@dataclass(frozen=True, slots=True)
class _Choice:
    """Hold what the policy says of one reading."""

    reading: Reading
    verdict: Verdict | None
    decision: Decision


_Started = asyncio.Queue[asyncio.Task[_Judged] | None]


class Pipeline:
    """Take excerpts through scoring, policy, store, action and notice."""

    def __init__(self, ports: Ports, policy: Policy) -> None:
        self._ports = ports
        self._policy = policy
        self._context = Context(policy.join_window)
        self._flagged: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self.tally = Tally()

    async def handle(self, excerpt: Excerpt) -> Handled:
        """Take one excerpt all the way; raise StoreError where its incident cannot be kept."""
        return await self._settle(await self._judge(excerpt, self._context.readings(excerpt)))

    async def run(self, excerpts: AsyncIterable[Excerpt], *, ahead: int = 256) -> AsyncGenerator[Handled, None]:
        """Take a stream all the way, up to `ahead` excerpts at a time, deciding in the order of the stream.

        An error of the stream is raised once everything before it is settled. To leave early, close the generator.
        """
        room, started = asyncio.Semaphore(ahead), _Started()
        feeding = asyncio.create_task(self._feed(excerpts, room, started))
        try:
            while (task := await started.get()) is not None:
                yield await self._settle(await task)
                room.release()
            await feeding
        finally:
            begun = [task for _ in range(started.qsize()) if (task := started.get_nowait())]
            for left in (feeding, *begun):
                left.cancel()
            await asyncio.gather(feeding, *begun, return_exceptions=True)

    async def recover(self) -> list[Incident]:
        """Act on what was decided but not finished before the last stop; return those incidents."""
        return [await self._enforce(incident) for incident in await self._ports.store.pending()]

    async def _feed(self, excerpts: AsyncIterable[Excerpt], room: asyncio.Semaphore, started: _Started) -> None:
        try:
            async for excerpt in excerpts:
                await room.acquire()
                readings = self._context.readings(excerpt)
                started.put_nowait(asyncio.create_task(self._judge(excerpt, readings)))
        finally:
            started.put_nowait(None)

    async def _judge(self, excerpt: Excerpt, readings: tuple[Reading, ...]) -> _Judged:
        if self._policy.exempts(excerpt):
            return _Judged(excerpt, exempt=True)
        transcript = None
        if excerpt.clip is not None:
            if self._ports.transcriber is None:
                return _Judged(excerpt, unchecked="speech is switched off")
            try:
                transcript = await self._ports.transcriber.transcribe(excerpt.clip)
            except SpeechError as error:
                # A broken clip or a missing model must not stop the messages behind it, nor pass as clean.
                return _Judged(excerpt, unchecked=str(error))
            excerpt = replace(excerpt, text=transcript.text)
            readings = spoken(transcript)
        verdicts = await asyncio.gather(*(self._ports.scorer.score(reading.text) for reading in readings))
        missing = next((verdict for verdict in verdicts if isinstance(verdict, NotScored)), None)
        judged = tuple((r, v) for r, v in zip(readings, verdicts, strict=True) if isinstance(v, Verdict))
        return _Judged(excerpt, judged, transcript, missing, _left_out(judged, transcript))

    async def _settle(self, judged: _Judged) -> Handled:
        """Decide, keep and act; an author's excerpts take turns, so that each sees the strikes before it."""
        self._count(judged)
        author = (judged.excerpt.key.community, judged.excerpt.author)
        async with self._turns.setdefault(author, asyncio.Lock()):
            choice = max(await self._choices(judged), key=lambda c: rules.rank(self._policy, c.decision), default=None)
            if choice is None or choice.decision.action is Action.NONE:
                verdict, decision = judged.not_scored or judged.verdict, rules.nothing(_why_nothing(judged))
                return Handled(judged.excerpt, verdict, decision, judged.transcript)
            return await self._keep(judged, choice)

    async def _choices(self, judged: _Judged) -> list[_Choice]:
        choices = [_Choice(r, v, await self._decide(judged, r, v)) for r, v in self._fresh(judged)]
        if judged.unchecked:
            decision = rules.decide_unchecked(self._policy, judged.excerpt, judged.unchecked)
            choices.append(_Choice(Reading(judged.excerpt.text), judged.verdict, decision))
        return choices

    async def _decide(self, judged: _Judged, reading: Reading, verdict: Verdict) -> Decision:
        excerpt, transcript = judged.excerpt, judged.transcript
        decision = rules.decide(self._policy, verdict, excerpt, History(), excerpt.at, transcript)
        if decision.would.punishes:
            # Only a ladder asks for the past: most lines never cost a query.
            since = excerpt.at - self._policy.history_window
            history = await self._ports.store.history(excerpt.key.community, excerpt.author, since)
            decision = rules.decide(self._policy, verdict, excerpt, history, excerpt.at, transcript)
        if reading.before:
            decision = replace(decision, reasons=(*decision.reasons, "read together with the lines before it"))
        return rules.flag_only(decision, "several authors wrote it: flagged only") if reading.shared else decision

    async def _keep(self, judged: _Judged, choice: _Choice) -> Handled:
        unchecked = choice.decision.category == UNCHECKED
        words = () if unchecked else await self._ports.scorer.explain(choice.reading.text)
        recorded = await self._ports.store.record(_incident(judged, choice, tuple(w.word for w in words)))
        incident = recorded.incident
        self._remember(judged.excerpt, choice.reading)
        self.tally.flagged[choice.decision.category] += 1
        if recorded.created:
            self.tally.incidents += 1
            incident = await self._enforce(incident)
            await self._ports.notifier.notify(judged.excerpt, incident)
        else:
            self.tally.known += 1
        return Handled(judged.excerpt, choice.verdict, incident.decision, judged.transcript, incident, recorded.created)

    async def _enforce(self, incident: Incident) -> Incident:
        if incident.outcome is not Outcome.PENDING:
            return incident
        try:
            outcome, detail = await self._ports.enforcer.enforce(incident)
        except RefereeError as error:
            _log.exception("acting on incident %d failed", incident.id)
            outcome, detail = Outcome.FAILED, str(error)
        await self._ports.store.finish(incident.id, outcome, detail)
        self.tally.outcomes[outcome] += 1
        return replace(incident, outcome=outcome, outcome_detail=detail)

    def _fresh(self, judged: _Judged) -> Iterable[tuple[Reading, Verdict]]:
        """Yield the readings, without those that join a line flagged already."""
        key = judged.excerpt.key
        for reading, verdict in judged.readings:
            if not any((key.community, key.channel, message) in self._flagged for message in reading.before):
                yield reading, verdict

    def _remember(self, excerpt: Excerpt, reading: Reading) -> None:
        for message in (excerpt.key.message, *reading.before):
            self._flagged[(excerpt.key.community, excerpt.key.channel, message)] = None
        while len(self._flagged) > _MOST_REMEMBERED:
            self._flagged.popitem(last=False)

    def _count(self, judged: _Judged) -> None:
        self.tally.seen += 1
        self.tally.clips += judged.excerpt.clip is not None
        if judged.exempt:
            self.tally.exempt += 1
        elif judged.not_scored is not None:
            self.tally.not_scored[judged.not_scored.reason] += 1
        elif not judged.readings:
            self.tally.unchecked += 1
        else:
            self.tally.scored += 1


def spoken(transcript: Transcript) -> tuple[Reading, ...]:
    """Return the whole transcript and each of its segments, so that one sentence is not drowned by the rest."""
    texts = dict.fromkeys([transcript.text, *(segment.text.strip() for segment in transcript.segments)])
    return tuple(Reading(text) for text in texts)


def _left_out(judged: Iterable[tuple[Reading, Verdict]], transcript: Transcript | None) -> str:
    """Return why part of the content was not judged, or nothing."""
    if transcript is not None and not transcript.complete:
        return "; ".join(transcript.notes) or "part of the clip was not heard"
    if any(verdict.partial for _, verdict in judged):
        return "the text is longer than what is read of one message"
    return ""


def _why_nothing(judged: _Judged) -> str:
    if judged.exempt:
        return "the author or the channel is exempt"
    if judged.not_scored:
        return f"not scored: {judged.not_scored.reason}"
    return "nothing reaches a threshold"


def _incident(judged: _Judged, choice: _Choice, words: tuple[str, ...]) -> Incident:
    excerpt, verdict = judged.excerpt, choice.verdict
    return Incident(
        key=excerpt.key,
        author=excerpt.author,
        at=excerpt.at,
        text=choice.reading.text,
        decision=choice.decision,
        toxic=verdict.toxic if verdict else 0.0,
        categories=verdict.categories if verdict else {},
        model_version=verdict.model_version if verdict else UNCHECKED,
        words=words,
        transcript_doubt=judged.transcript.doubt if judged.transcript else None,
        clip_name=excerpt.clip.name if excerpt.clip else None,
        outcome=Outcome.PENDING if choice.decision.action.punishes else Outcome.NOT_NEEDED,
    )
