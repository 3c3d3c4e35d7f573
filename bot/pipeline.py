"""Excerpt to verdict to decision to incident to action: the way of one message."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from weakref import WeakValueDictionary

from bot import policy as rules
from bot.choosing import Choice, choices, incident_of, is_graver, strictest, unchecked_choices
from bot.context import Context, Reading
from bot.domain import (
    Decision,
    Excerpt,
    History,
    Incident,
    Platform,
    Transcript,
)
from bot.errors import StoreError
from bot.execution import Execution
from bot.judging import Judge, Judged, together
from bot.policy import Policy
from bot.ports import Enforcer, IncidentStore, Notifier, Policies, Scorer, Transcriber
from bot.previewing import Preview, preview_of
from bot.tally import Tally
from classifier import NotScored, Verdict

_log = logging.getLogger(__name__)
_MOST_REMEMBERED = 20_000
_REST = "rest"
"""Names the incident that says what of a clip was not checked, beside those of what was said in it."""


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


@dataclass(slots=True)
class _Past:
    """Hold an author's strikes as they were when a clip was first found to be bad: its own do not count against it."""

    history: History | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """Hold what was kept of a slice of a clip."""

    judged: Judged
    choice: Choice
    handled: Handled


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
        self._execution = Execution(ports, lambda community: (self.tally, self.tally_of(community)))

    def tally_of(self, community: str) -> Tally:
        """Return the counts of one community."""
        return self._tallies.setdefault(community, Tally())

    async def handle(self, excerpt: Excerpt) -> Handled:
        """Take one excerpt all the way; raise StoreError where its incident cannot be kept."""
        return await self.act(await self.decide(excerpt))

    async def decide(self, excerpt: Excerpt) -> Handled:
        """Judge one excerpt and write its incident, but do not act on it yet; raise StoreError."""
        return await self._settle(await self._judge.judge(excerpt, self._readings(excerpt)))

    async def hear(self, excerpt: Excerpt) -> AsyncGenerator[Handled, None]:
        """Judge a clip while it is heard; raise StoreError. To leave early, close the generator.

        An incident is yielded as soon as it is written, another where something graver is said later, and one for what
        was not checked where none of them says so. The last one yielded is what became of the whole clip, with nothing
        new in it where an incident came before.
        """
        slices, past, kept = list[Judged](), _Past(), list[_Kept]()
        async with aclosing(self._judge.listen(excerpt)) as heard:
            async for judged in heard:
                slices.append(judged)
                if (found := await self._graver(judged, kept, past)) is not None:
                    kept.append(found)
                    yield found.handled
        whole = together(slices)
        if not kept:
            yield await self._settle(whole)
            return
        self._count(whole)
        if (rest := await self._unchecked_rest(slices, kept)) is not None:
            yield rest
        yield replace(kept[-1].handled, excerpt=whole.excerpt, transcript=whole.transcript, created=False)

    async def act(self, handled: Handled) -> Handled:
        """Act on an incident that `decide` has just written, find its words, and show it; others are left alone."""
        if handled.incident is None or not handled.created:
            return handled
        return replace(handled, incident=await self._execution.carry_out(handled.excerpt, handled.incident))

    async def unchecked(self, excerpt: Excerpt, why: str) -> Handled:
        """Bring up what could not even be read, such as a clip that was not fetched; raise StoreError."""
        exempt = self._policy(excerpt).exempts(excerpt)
        return await self.act(await self._settle(Judged(excerpt, unchecked=why, exempt=exempt)))

    async def preview(self, excerpt: Excerpt) -> Preview:
        """Judge one excerpt as `handle` would, alone and for somebody without strikes; keep and do nothing."""
        policy = self._policy(excerpt)
        judged = await self._judge.judge(excerpt, Context().readings(excerpt, policy.join_window))
        return await preview_of(judged, policy, self._ports.scorer)

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
        """Act on what was decided before then, but not finished, on a platform, and show it; return those incidents.

        Nothing is done twice that an earlier process did. Raise StoreError where it cannot be asked what is left.
        """
        return await self._execution.recover(platform, before)

    async def write_outcomes(self) -> bool:
        """Write the outcomes that the database did not take; tell whether none is left."""
        return await self._execution.write_outcomes()

    def forget(self, community: str, author: str) -> None:
        """Drop what is remembered of a member's last lines, so that none of it is read together with later ones."""
        self._context.forget(community, author)

    def _policy(self, excerpt: Excerpt) -> Policy:
        return self._policies.of(excerpt.key.community)

    def _readings(self, excerpt: Excerpt) -> tuple[Reading, ...]:
        """Return what is to be scored; what joins a line that is flagged by now would be left out afterwards."""
        readings = self._context.readings(excerpt, self._policy(excerpt).join_window)
        return tuple(reading for reading in readings if self._is_fresh(excerpt, reading))

    async def _feed(self, excerpts: AsyncIterable[Excerpt], room: asyncio.Semaphore, started: _Started) -> None:
        try:
            async for excerpt in excerpts:
                await room.acquire()
                readings = self._readings(excerpt)
                started.put_nowait(asyncio.create_task(self._judge.judge(excerpt, readings)))
        finally:
            started.put_nowait(None)

    async def _graver(self, judged: Judged, kept: Sequence[_Kept], past: _Past) -> _Kept | None:
        """Keep what is said in a slice of a clip, where it is worse than what was kept of that clip before."""
        policy = self._policy(judged.excerpt)
        async with self._turn(judged.excerpt):
            choice = strictest(policy, await self._choices(judged, past))
            if choice is None or not choice.flags or (kept and not is_graver(policy, choice, kept[-1].choice)):
                return None
            part = str(len(kept) + 1) if kept else ""
            return _Kept(judged, choice, await self._keep(judged, choice, part))

    async def _unchecked_rest(self, slices: Sequence[Judged], kept: Sequence[_Kept]) -> Handled | None:
        """Keep that part of a clip was not checked, where what was kept of the clip was found before that was known."""
        said = {found.judged.unchecked for found in kept}
        left_out = [judged for judged in slices if judged.unchecked and judged.unchecked not in said]
        if not left_out:
            return None
        rest = together(left_out)
        choice = strictest(self._policy(rest.excerpt), unchecked_choices(self._policy(rest.excerpt), rest))
        return await self._keep(rest, choice, _REST) if choice is not None and choice.flags else None

    async def _settle(self, judged: Judged) -> Handled:
        """Decide and keep; an author's excerpts take turns, so that each sees the strikes before it."""
        self._count(judged)
        policy = self._policy(judged.excerpt)
        async with self._turn(judged.excerpt):
            found = await self._choices(judged) + unchecked_choices(policy, judged)
            choice = strictest(policy, found)
            if choice is None or not choice.flags:
                return _nothing_came_of(judged)
            return await self._keep(judged, choice)

    def _turn(self, excerpt: Excerpt) -> asyncio.Lock:
        return self._turns.setdefault((excerpt.key.community, excerpt.author), asyncio.Lock())

    async def _choices(self, judged: Judged, past: _Past | None = None) -> list[Choice]:
        """Ask the policy of every reading; the author's past is only read where a rule asks for a punishment."""
        policy, readings = self._policy(judged.excerpt), list(self._fresh(judged))
        found = choices(policy, judged, readings, History())
        if not any(choice.decision.would.punishes for choice in found):
            return found
        if past is None:
            return choices(policy, judged, readings, await self._history(judged.excerpt))
        if past.history is None:
            strikes = (await self._history(judged.excerpt)).strikes
            # Delivered again, a clip would find the strikes of its first delivery; they have its own time.
            past.history = History(tuple(strike for strike in strikes if strike.at != judged.excerpt.at))
        return choices(policy, judged, readings, past.history)

    async def _history(self, excerpt: Excerpt) -> History:
        since = excerpt.at - self._policy(excerpt).history_window
        return await self._ports.store.history(excerpt.key.community, excerpt.author, since)

    async def _keep(self, judged: Judged, choice: Choice, part: str = "") -> Handled:
        try:
            recorded = await self._ports.store.record(incident_of(judged, choice, part=part))
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

    def _fresh(self, judged: Judged) -> Iterable[tuple[Reading, Verdict]]:
        """Yield the readings, without those that join a line flagged already."""
        for reading, verdict in judged.readings:
            if self._is_fresh(judged.excerpt, reading):
                yield reading, verdict

    def _is_fresh(self, excerpt: Excerpt, reading: Reading) -> bool:
        place = (excerpt.key.community, excerpt.key.channel)
        return not any((*place, message) in self._flagged for message in reading.before)

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
            tally.clips_unchecked += judged.excerpt.clip is not None and _is_incomplete(judged)
            if judged.exempt:
                tally.exempt += 1
            elif judged.not_scored is not None:
                tally.not_scored[judged.not_scored.reason] += 1
            elif not judged.readings:
                tally.unchecked += 1
            else:
                tally.scored += 1


def _is_incomplete(judged: Judged) -> bool:
    return bool(judged.unchecked or judged.not_scored) and not judged.exempt


def _nothing_came_of(judged: Judged) -> Handled:
    verdict, decision = judged.not_scored or judged.verdict, rules.nothing(judged.why_nothing)
    return Handled(judged.excerpt, verdict, decision, judged.transcript)
