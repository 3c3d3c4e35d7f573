"""Excerpt to verdict to decision to incident to action: the way of one message."""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from weakref import WeakValueDictionary

from bot import policy as rules
from bot.context import Context, Reading
from bot.domain import (
    UNCHECKED,
    Action,
    Decision,
    Excerpt,
    History,
    Incident,
    Outcome,
    Platform,
    SourceKey,
    Transcript,
)
from bot.errors import RefereeError, StoreError
from bot.judging import Judge, Judged
from bot.policy import Policy
from bot.ports import Enforcer, IncidentStore, Notifier, Policies, Scorer, Transcriber
from bot.tally import Tally
from classifier import NotScored, Verdict, WordWeight

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
class Preview:
    """Hold what would become of an excerpt, of which nothing is kept; `verdict` is None where there is none."""

    text: str
    verdict: Verdict | NotScored | None
    decision: Decision
    words: tuple[WordWeight, ...] = ()
    transcript: Transcript | None = None


@dataclass(frozen=True, slots=True)
class _Choice:
    """Hold what the policy says of one reading."""

    reading: Reading
    verdict: Verdict | None
    decision: Decision


_Started = asyncio.Queue[asyncio.Task[Judged] | None]


class Pipeline:
    """Take excerpts through scoring, policy, store, action and notice."""

    def __init__(self, ports: Ports, policies: Policies) -> None:
        self._ports = ports
        self._policies = policies
        self._judge = Judge(ports.scorer, ports.transcriber, policies)
        self._context = Context()
        self._flagged: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self.tally = Tally()
        self._tallies: dict[str, Tally] = {}

    def tally_of(self, community: str) -> Tally:
        """Return the counts of one community."""
        return self._tallies.setdefault(community, Tally())

    async def handle(self, excerpt: Excerpt) -> Handled:
        """Take one excerpt all the way; raise StoreError where its incident cannot be kept."""
        return await self.act(await self.decide(excerpt))

    async def decide(self, excerpt: Excerpt) -> Handled:
        """Judge one excerpt and write its incident, but do not act on it yet; raise StoreError."""
        return await self._settle(await self._judge.judge(excerpt, self._readings(excerpt)))

    async def act(self, handled: Handled) -> Handled:
        """Act on an incident that `decide` has just written, find its words, and show it; others are left alone.

        The words are looked for while the action is under way: that takes longer than scoring.
        """
        if handled.incident is None or not handled.created:
            return handled
        incident, words = await asyncio.gather(self._enforce(handled.incident), self._explain(handled.incident))
        incident = replace(incident, words=words)
        await self._ports.notifier.notify(handled.excerpt, incident)
        return replace(handled, incident=incident)

    async def unchecked(self, excerpt: Excerpt, why: str) -> Handled:
        """Bring up what could not even be read, such as a clip that was not fetched; raise StoreError."""
        exempt = self._policy(excerpt).exempts(excerpt)
        return await self.act(await self._settle(Judged(excerpt, unchecked=why, exempt=exempt)))

    async def preview(self, excerpt: Excerpt) -> Preview:
        """Judge one excerpt as `handle` would, alone and for somebody without strikes; keep and do nothing."""
        judged = await self._judge.judge(excerpt, Context().readings(excerpt, self._policy(excerpt).join_window))
        choices = [*self._judged_choices(judged, History()), *self._unchecked_choice(judged)]
        best = max(choices, key=lambda choice: self._rank(judged, choice), default=None)
        if best is None:
            missing = judged.not_scored or judged.verdict
            return Preview(judged.excerpt.text, missing, rules.nothing(judged.why_nothing), (), judged.transcript)
        words = await self._ports.scorer.explain(best.reading.text) if best.verdict else ()
        return Preview(best.reading.text, best.verdict or judged.not_scored, best.decision, words, judged.transcript)

    async def run(self, excerpts: AsyncIterable[Excerpt], *, ahead: int = 256) -> AsyncGenerator[Handled, None]:
        """Take a stream all the way, up to `ahead` excerpts at a time, deciding in the order of the stream.

        An error of the stream is raised once everything before it is settled. To leave early, close the generator.
        """
        room, started = asyncio.Semaphore(ahead), _Started()
        feeding = asyncio.create_task(self._feed(excerpts, room, started))
        try:
            while (task := await started.get()) is not None:
                yield await self.act(await self._settle(await task))
                room.release()
            await feeding
        finally:
            begun = [task for _ in range(started.qsize()) if (task := started.get_nowait())]
            for left in (feeding, *begun):
                left.cancel()
            await asyncio.gather(feeding, *begun, return_exceptions=True)

    async def recover(self, platform: Platform, before: datetime) -> list[Incident]:
        """Act on what was decided before then, but not finished, on a platform; return those incidents."""
        return [await self._enforce(incident) for incident in await self._ports.store.pending(platform, before)]

    def _policy(self, excerpt: Excerpt) -> Policy:
        return self._policies.of(excerpt.key.community)

    def _readings(self, excerpt: Excerpt) -> tuple[Reading, ...]:
        return self._context.readings(excerpt, self._policy(excerpt).join_window)

    async def _feed(self, excerpts: AsyncIterable[Excerpt], room: asyncio.Semaphore, started: _Started) -> None:
        try:
            async for excerpt in excerpts:
                await room.acquire()
                readings = self._readings(excerpt)
                started.put_nowait(asyncio.create_task(self._judge.judge(excerpt, readings)))
        finally:
            started.put_nowait(None)

    async def _settle(self, judged: Judged) -> Handled:
        """Decide and keep; an author's excerpts take turns, so that each sees the strikes before it."""
        self._count(judged)
        author = (judged.excerpt.key.community, judged.excerpt.author)
        async with self._turns.setdefault(author, asyncio.Lock()):
            choice = max(await self._choices(judged), key=lambda c: self._rank(judged, c), default=None)
            if choice is None or choice.decision.action is Action.NONE:
                verdict, decision = judged.not_scored or judged.verdict, rules.nothing(judged.why_nothing)
                return Handled(judged.excerpt, verdict, decision, judged.transcript)
            return await self._keep(judged, choice)

    def _rank(self, judged: Judged, choice: _Choice) -> tuple[object, ...]:
        return rules.rank(self._policy(judged.excerpt), choice.decision)

    async def _choices(self, judged: Judged) -> list[_Choice]:
        """Ask the policy of every reading; the author's past is only read where a rule asks for a punishment."""
        choices = self._judged_choices(judged, History())
        if any(choice.decision.would.punishes for choice in choices):
            excerpt = judged.excerpt
            since = excerpt.at - self._policy(excerpt).history_window
            history = await self._ports.store.history(excerpt.key.community, excerpt.author, since)
            choices = self._judged_choices(judged, history)
        return [*choices, *self._unchecked_choice(judged)]

    def _judged_choices(self, judged: Judged, history: History) -> list[_Choice]:
        return [_Choice(r, v, self._decide(judged, r, v, history)) for r, v in self._fresh(judged)]

    def _unchecked_choice(self, judged: Judged) -> Iterable[_Choice]:
        if judged.unchecked:
            decision = rules.decide_unchecked(self._policy(judged.excerpt), judged.excerpt, judged.unchecked)
            yield _Choice(Reading(judged.excerpt.text, surface=judged.surface), judged.verdict, decision)

    def _decide(self, judged: Judged, reading: Reading, verdict: Verdict, history: History) -> Decision:
        excerpt, policy = judged.excerpt, self._policy(judged.excerpt)
        decision = rules.decide(policy, verdict, excerpt, history, excerpt.at, judged.transcript)
        if reading.before:
            decision = replace(decision, reasons=(*decision.reasons, "read together with the lines before it"))
        if reading.shared:
            decision = rules.flag_only(decision, "several authors wrote it: flagged only")
        return rules.flag_only(decision, f"{excerpt.flag_only}: flagged only") if excerpt.flag_only else decision

    async def _keep(self, judged: Judged, choice: _Choice) -> Handled:
        try:
            recorded = await self._ports.store.record(_incident(judged, choice))
        except StoreError:
            for tally in self._counters(judged.excerpt):
                tally.not_kept += 1
            raise
        incident = recorded.incident
        self._remember(judged.excerpt, choice.reading)
        for tally in self._counters(judged.excerpt):
            tally.flagged[choice.decision.category] += 1
            tally.incidents += recorded.created
            tally.known += not recorded.created
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
        for tally in (self.tally, self.tally_of(incident.key.community)):
            tally.outcomes[outcome] += 1
        return replace(incident, outcome=outcome, outcome_detail=detail)

    async def _explain(self, incident: Incident) -> tuple[str, ...]:
        """Return the words that made the score, and keep them; an incident without them is one all the same."""
        if incident.decision.category == UNCHECKED or not incident.text:
            return ()
        words = tuple(found.word for found in await self._ports.scorer.explain(incident.text))
        try:
            await self._ports.store.set_words(incident.id, words)
        except StoreError as error:
            _log.error("the words of incident %d could not be kept: %s", incident.id, error)
        return words

    def _fresh(self, judged: Judged) -> Iterable[tuple[Reading, Verdict]]:
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

    def _counters(self, excerpt: Excerpt) -> tuple[Tally, Tally]:
        return self.tally, self.tally_of(excerpt.key.community)

    def _count(self, judged: Judged) -> None:
        for tally in self._counters(judged.excerpt):
            tally.seen += 1
            tally.clips += judged.excerpt.clip is not None
            if judged.exempt:
                tally.exempt += 1
            elif judged.not_scored is not None:
                tally.not_scored[judged.not_scored.reason] += 1
            elif not judged.readings:
                tally.unchecked += 1
            else:
                tally.scored += 1


def _incident(judged: Judged, choice: _Choice) -> Incident:
    excerpt, verdict = judged.excerpt, choice.verdict
    return Incident(
        key=_key(excerpt.key, choice.reading),
        author=excerpt.author,
        at=excerpt.at,
        text=choice.reading.text,
        decision=choice.decision,
        toxic=verdict.toxic if verdict else 0.0,
        categories=verdict.categories if verdict else {},
        model_version=verdict.model_version if verdict else UNCHECKED,
        transcript_doubt=judged.transcript.doubt if judged.transcript else None,
        clip_name=excerpt.clip.name if excerpt.clip else None,
        surface=choice.reading.surface,
        outcome=Outcome.PENDING if choice.decision.action.punishes else Outcome.NOT_NEEDED,
    )


def _key(key: SourceKey, reading: Reading) -> SourceKey:
    """Return the key of what was flagged; a revision without a number is told by its text."""
    if key.revision:
        return key
    return replace(key, revision=hashlib.sha256(reading.text.encode("utf-8", "surrogatepass")).hexdigest()[:16])
