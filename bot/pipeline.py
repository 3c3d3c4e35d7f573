"""Excerpt to verdict to decision to incident to action: the way of one message."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from bot import policy as rules
from bot.context import Context, Reading
from bot.domain import UNCHECKED, Action, Decision, Excerpt, History, Incident, Mode, Outcome, Transcript
from bot.errors import ClipRejected, RefereeError
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


class Pipeline:
    """Take excerpts through scoring, policy, store, action and notice."""

    def __init__(self, ports: Ports, policy: Policy) -> None:
        self._ports = ports
        self._policy = policy
        self._context = Context(policy.join_window)
        self._flagged: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self.tally = Tally()

    async def handle(self, excerpt: Excerpt) -> Handled:
        """Take one excerpt all the way; raise StoreError where its incident cannot be kept."""
        return await self._settle(await self._judge(excerpt, self._context.readings(excerpt)))

    async def run(self, excerpts: AsyncIterable[Excerpt], *, ahead: int = 256) -> AsyncIterator[Handled]:
        """Take a stream all the way, scoring up to `ahead` excerpts at a time, deciding in the order of the stream.

        An error of the stream is raised once everything before it is settled.
        """
        queue: asyncio.Queue[asyncio.Task[_Judged] | None] = asyncio.Queue(ahead)
        feeding = asyncio.create_task(self._feed(excerpts, queue))
        try:
            while (task := await queue.get()) is not None:
                yield await self._settle(await task)
            await feeding
        finally:
            feeding.cancel()
            while not queue.empty():
                if left := queue.get_nowait():
                    left.cancel()
            with suppress(asyncio.CancelledError, RefereeError):
                await feeding

    async def recover(self) -> list[Incident]:
        """Act on what was decided but not finished before the last stop; return those incidents."""
        return [await self._enforce(incident) for incident in await self._ports.store.pending()]

    async def _feed(self, excerpts: AsyncIterable[Excerpt], queue: asyncio.Queue[asyncio.Task[_Judged] | None]) -> None:
        try:
            async for excerpt in excerpts:
                readings = self._context.readings(excerpt)
                await queue.put(asyncio.create_task(self._judge(excerpt, readings)))
        finally:
            await queue.put(None)

    async def _judge(self, excerpt: Excerpt, readings: tuple[Reading, ...]) -> _Judged:
        if self._policy.exempts(excerpt):
            return _Judged(excerpt, exempt=True)
        transcript = None
        if excerpt.clip is not None:
            if self._ports.transcriber is None:
                return _Judged(excerpt, unchecked="speech is switched off")
            try:
                transcript = await self._ports.transcriber.transcribe(excerpt.clip)
            except ClipRejected as error:
                return _Judged(excerpt, unchecked=str(error))
            excerpt = replace(excerpt, text=transcript.text)
            readings = _spoken(transcript)
        verdicts = await asyncio.gather(*(self._ports.scorer.score(reading.text) for reading in readings))
        missing = next((verdict for verdict in verdicts if isinstance(verdict, NotScored)), None)
        if missing is not None:
            return _Judged(excerpt, transcript=transcript, not_scored=missing)
        judged = tuple((r, v) for r, v in zip(readings, verdicts, strict=True) if isinstance(v, Verdict))
        return _Judged(excerpt, judged, transcript, unchecked=_left_out(judged, transcript))

    async def _settle(self, judged: _Judged) -> Handled:
        self._count(judged)
        best = await self._decide(judged)
        if best is None:
            verdict = judged.not_scored or (judged.readings[0][1] if judged.readings else None)
            why = _why_no_decision(judged)
            decision = Decision(Action.NONE, Action.NONE, Mode.LIVE, "", 0.0, (why,))
            return Handled(judged.excerpt, verdict, decision, judged.transcript)
        reading, verdict, decision = best
        words = tuple(w.word for w in await self._ports.scorer.explain(reading.text)) if verdict else ()
        incident = _incident(judged, reading, verdict, decision, words)
        recorded = await self._ports.store.record(incident)
        self._remember(judged.excerpt, reading)
        self.tally.flagged[decision.category] += 1
        if not recorded.created:
            self.tally.known += 1
            return Handled(judged.excerpt, verdict, decision, judged.transcript, recorded.incident)
        self.tally.incidents += 1
        done = await self._enforce(recorded.incident)
        await self._ports.notifier.notify(judged.excerpt, done)
        return Handled(judged.excerpt, verdict, done.decision, judged.transcript, done, created=True)

    async def _decide(self, judged: _Judged) -> tuple[Reading, Verdict | None, Decision] | None:
        """Return the strictest decision over the readings, or None where nothing is to be done."""
        best: tuple[Reading, Verdict | None, Decision] | None = None
        for reading, verdict in self._fresh(judged):
            decision = await self._decide_one(judged, verdict)
            if reading.before and decision.action is not Action.NONE:
                decision = replace(decision, reasons=(*decision.reasons, "read together with the lines before it"))
            if best is None or decision.action.strictness > best[2].action.strictness:
                best = (reading, verdict, decision)
        if judged.unchecked and (best is None or best[2].action is Action.NONE):
            decision = rules.decide_unchecked(self._policy, judged.excerpt, judged.unchecked)
            return Reading(judged.excerpt.text), best[1] if best else None, decision
        return best if best and best[2].action is not Action.NONE else None

    async def _decide_one(self, judged: _Judged, verdict: Verdict) -> Decision:
        excerpt, transcript = judged.excerpt, judged.transcript
        decision = rules.decide(self._policy, verdict, excerpt, History(), excerpt.at, transcript)
        if not decision.would.punishes:
            return decision
        # Only a ladder asks for the past: most lines never cost a query.
        since = excerpt.at - self._policy.history_window
        history = await self._ports.store.history(excerpt.key.community, excerpt.author, since)
        return rules.decide(self._policy, verdict, excerpt, history, excerpt.at, transcript)

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


def _spoken(transcript: Transcript) -> tuple[Reading, ...]:
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


def _why_no_decision(judged: _Judged) -> str:
    if judged.exempt:
        return "the author or the channel is exempt"
    if judged.not_scored:
        return f"not scored: {judged.not_scored.reason}"
    return "nothing reaches a threshold"


def _incident(
    judged: _Judged, reading: Reading, verdict: Verdict | None, decision: Decision, words: tuple[str, ...]
) -> Incident:
    excerpt, transcript = judged.excerpt, judged.transcript
    return Incident(
        key=excerpt.key,
        author=excerpt.author,
        at=excerpt.at,
        text=reading.text,
        decision=decision,
        toxic=verdict.toxic if verdict else 0.0,
        categories=verdict.categories if verdict else {},
        model_version=verdict.model_version if verdict else UNCHECKED,
        words=words,
        transcript_doubt=transcript.doubt if transcript else None,
        clip_name=excerpt.clip.name if excerpt.clip else None,
        outcome=Outcome.PENDING if decision.action.punishes else Outcome.NOT_NEEDED,
    )
