"""Excerpts into the pipeline: texts decided at once, clips as they arrive, and nothing done before both are here."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import discord

from bot.cogs.watching.clip_room import ClipRoom
from bot.cogs.watching.latest import Latest
from bot.cogs.watching.shedding import Shedding
from bot.cogs.watching.surfaces import MessageContent, is_film
from bot.domain import Clip, Excerpt, Surface
from bot.errors import ClipRejected, ClipTooLarge, RefereeError
from bot.pipeline import Handled
from bot.tally import Tally
from bot.waiting_room import size_of
from classifier import NotScored, NotScoredReason

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_NOT_IN_TIME = (NotScoredReason.OVERLOADED, NotScoredReason.LATE)
SUPERSEDED = "superseded"
"""The reason under which a revision of a message is counted as not scored that a newer one took the place of."""
_RESET = "nickname was reset"
"""How `bot.enforce.deeds` says of an incident that it took a name away; a warning for a name, say, leaves it."""
_CLIPS_WITHIN_S = 5.0
"""How long an action waits for the clips of its message: a deletion would take those with it that are not here yet."""


@dataclass(frozen=True, slots=True)
class Retaken:
    """Tell that a text was put on anew: flagged before, it is a new offence under that revision.

    With `after_reset` it is one only where what was flagged was also taken away.
    """

    text: str
    revision: str
    after_reset: bool = False


@dataclass(frozen=True, slots=True)
class _Fetched:
    """Hold the excerpt of a clip; `trouble` says why there are no bytes in it.

    `is_expected` is trouble that moderators are not called for, only told of in the counts.
    """

    excerpt: Excerpt
    trouble: str = ""
    is_expected: bool = False


class _Arrivals:
    """Tell when every clip of a message is here, or will not come."""

    def __init__(self, clips: int) -> None:
        self._missing = clips
        self._all_here = asyncio.Event()
        if not clips:
            self._all_here.set()

    def note(self) -> None:
        """Count one clip."""
        self._missing -= 1
        if not self._missing:
            self._all_here.set()

    async def wait(self) -> None:
        """Wait for all of them, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLIPS_WITHIN_S):
                await self._all_here.wait()


class Delivery:
    """Have the pipeline decide on excerpts as the waiting room lets them in, then act."""

    def __init__(self, bot: "RefereeBot", shedding: Shedding) -> None:
        self._bot = bot
        self._room = bot.services.room
        self._shedding = shedding
        self._latest = Latest()
        self._clips = ClipRoom()

    async def deliver(
        self, excerpt: Excerpt, content: MessageContent, arrived: float, retaken: Retaken | None = None
    ) -> bool:
        """Take text and clips all the way; tell whether everything was kept. `arrived` is a monotonic time."""
        if content.unread:
            self._count_unread(excerpt)
        clips = self._admitted(excerpt, content.clips)
        arrivals = _Arrivals(len(clips))
        work = [self._hear(excerpt, clip, arrivals) for clip in clips]
        if self._bot.services.settings.speech and len(clips) < len(content.clips):
            work.append(self._turn_away(excerpt, content.clips[len(clips) :]))
        if not content.is_silent:
            work.insert(0, self._read(excerpt, arrivals, arrived, retaken))
        if len(work) == 1:
            # A task for each message that waits would double what a flood costs.
            return await work[0]
        return all(await asyncio.gather(*work))

    def tallies(self, excerpt: Excerpt) -> tuple[Tally, Tally]:
        """Return the counts that an excerpt belongs to."""
        pipeline = self._bot.services.pipeline
        return pipeline.tally, pipeline.tally_of(excerpt.key.community)

    def _admitted(self, excerpt: Excerpt, clips: Sequence[discord.Attachment]) -> Sequence[discord.Attachment]:
        """Return the clips to listen to: with speech off none, else those that find a place."""
        if self._bot.services.settings.speech:
            return self._clips.admit(excerpt.key.community, excerpt.author, clips)
        self._count_unheard(excerpt, len(clips))
        return ()

    async def _turn_away(self, excerpt: Excerpt, clips: Sequence[discord.Attachment]) -> bool:
        """Bring up clips that find no place, all of a message as one: nobody knows what is said in them.

        A server that floods the moderators with such has the rest of them only counted.
        """
        community = excerpt.key.community
        if self._room.is_behind(community):
            self._count_unheard(excerpt, len(clips))
            return True
        why = f"too many clips at once: {len(clips)} of this message not heard"
        _log.warning("too many clips at once: %d of message %s are not heard", len(clips), excerpt.key.message)
        self._count_unheard(excerpt, len(clips) - 1)
        try:
            with self._room.acted_on(community):
                await self._bot.services.pipeline.unchecked(_of_clip(excerpt, clips[0]), why)
        except RefereeError as error:
            return _not_handled(excerpt, error)
        return True

    def _count_unheard(self, excerpt: Excerpt, clips: int) -> None:
        for tally in self.tallies(excerpt):
            tally.seen += clips
            tally.clips += clips
            tally.clips_unchecked += clips
            tally.unchecked += clips

    def _count_unread(self, excerpt: Excerpt) -> None:
        _log.warning("part of message %s could not be read, and was left out", excerpt.key.message)
        for tally in self.tallies(excerpt):
            tally.seen += 1
            tally.unchecked += 1

    async def _read(self, excerpt: Excerpt, arrivals: _Arrivals, arrived: float, retaken: Retaken | None) -> bool:
        """Decide on a text, then act; of the revisions of one message that come meanwhile only the newest waits."""
        try:
            async with self._latest.turn(f"{excerpt.key.community}/{excerpt.key.message}") as is_newest:
                if not is_newest:
                    self._count_shed(excerpt, SUPERSEDED)
                    return True
                handled = await self._let_in(excerpt, arrived, retaken)
        except RefereeError as error:
            return _not_handled(excerpt, error)
        if handled is not None:
            await self.act(handled, arrivals)
        return True

    async def _let_in(self, excerpt: Excerpt, arrived: float, retaken: Retaken | None) -> Handled | None:
        """Decide on a text when it is its turn; return None where that never came, which is counted."""
        community = excerpt.key.community
        async with self._room.place(community, excerpt.author, size_of(excerpt)) as refused:
            if refused is not None:
                self._count_shed(excerpt, refused)
                self._shedding.note(community)
                return None
            handled = await self._decided(excerpt, retaken)
            self._bot.services.latency.note(time.monotonic() - arrived)
        if isinstance(handled.verdict, NotScored) and handled.verdict.reason in _NOT_IN_TIME:
            self._shedding.note(community)
        return handled

    def _count_shed(self, excerpt: Excerpt, reason: str) -> None:
        for tally in self.tallies(excerpt):
            tally.seen += 1
            tally.not_scored[reason] += 1

    async def _decided(self, excerpt: Excerpt, retaken: Retaken | None) -> Handled:
        pipeline = self._bot.services.pipeline
        handled = await pipeline.decide(excerpt)
        known = None if handled.created else handled.incident
        if known is None or retaken is None or known.text != retaken.text:
            return handled
        if retaken.after_reset and _RESET not in known.outcome_detail:
            return handled
        return await pipeline.decide(replace(excerpt, key=replace(excerpt.key, revision=retaken.revision)))

    async def _hear(self, excerpt: Excerpt, attachment: discord.Attachment, arrivals: _Arrivals) -> bool:
        """Take a clip all the way; what is found in it is acted on while the rest is still to be heard."""
        acting = _Acting(self, arrivals)
        try:
            unheard = await self._listen(excerpt, attachment, arrivals, acting)
            if unheard is not None:
                await self._bring_up(unheard)
        except RefereeError as error:
            return _not_handled(excerpt, error)
        finally:
            await acting.finish()
        return True

    async def _listen(
        self, excerpt: Excerpt, attachment: discord.Attachment, arrivals: _Arrivals, acting: "_Acting"
    ) -> _Fetched | None:
        """Fetch a clip and listen to it while it has its place; return it where there was nothing to listen to."""
        most = self._bot.services.settings.clip_megabytes << 20
        # Whoever sends it says how large it is; what does not say counts as the largest.
        size = min(attachment.size or most, most)
        async with self._clips.held(excerpt.key.community, excerpt.author, size):
            try:
                fetched = await self._fetch(excerpt, attachment)
            finally:
                arrivals.note()
            if fetched.trouble:
                return fetched
            async with aclosing(self._bot.services.pipeline.hear(fetched.excerpt)) as found:
                async for handled in found:
                    acting.begin(_without_sound(handled))
        return None

    async def _fetch(self, excerpt: Excerpt, attachment: discord.Attachment) -> _Fetched:
        spoken = _of_clip(excerpt, attachment)
        try:
            clip = await self._bot.services.fetcher.fetch(attachment.url, attachment.filename)
        except ClipRejected as error:
            # Long films of play are what such servers share all day; a card for each would bury the rest.
            usual = isinstance(error, ClipTooLarge) and is_film(attachment)
            return _Fetched(spoken, str(error), usual)
        return _Fetched(replace(spoken, clip=clip))

    async def _bring_up(self, fetched: _Fetched) -> None:
        if fetched.is_expected:
            self._count_unheard(fetched.excerpt, 1)
        else:
            await self._bot.services.pipeline.unchecked(fetched.excerpt, fetched.trouble)

    async def act(self, handled: Handled, arrivals: _Arrivals) -> None:
        """Do what was decided, once the clips are here; it is written down, so that a failure does not undo it."""
        if not handled.created:
            return
        key = handled.excerpt.key
        with self._room.acted_on(key.community):
            await arrivals.wait()
            try:
                await self._bot.services.pipeline.act(handled)
            except RefereeError as error:
                _log.error("what was decided on message %s was not finished: %s", key.message, error)


class _Acting:
    """Act on what is found in one clip, one after the other, while the clip is still listened to."""

    def __init__(self, delivery: Delivery, arrivals: _Arrivals) -> None:
        self._delivery, self._arrivals = delivery, arrivals
        self._last: asyncio.Task[None] | None = None

    def begin(self, handled: Handled) -> None:
        """Act on this once what was begun before is done; what is not new is left alone."""
        if handled.created:
            self._last = asyncio.create_task(self._act(self._last, handled))

    async def finish(self) -> None:
        """Wait until everything is done."""
        if self._last is not None:
            await self._last

    async def _act(self, before: "asyncio.Task[None] | None", handled: Handled) -> None:
        if before is not None:
            await before
        await self._delivery.act(handled, self._arrivals)


def _of_clip(excerpt: Excerpt, attachment: discord.Attachment) -> Excerpt:
    """Return the excerpt of a clip of a message, without its bytes."""
    key, clip = replace(excerpt.key, revision=f"clip:{attachment.id}"), Clip(attachment.filename, b"")
    return replace(excerpt, key=key, text="", parts=(), surface=Surface.CLIP, clip=clip)


def _not_handled(excerpt: Excerpt, error: RefereeError) -> bool:
    key = excerpt.key
    _log.error("message %s in channel %s was not handled: %s", key.message, key.channel, error)
    return False


def _without_sound(handled: Handled) -> Handled:
    """Return the same without the bytes of the clip, which nobody needs once it was heard."""
    clip = handled.excerpt.clip
    return replace(handled, excerpt=replace(handled.excerpt, clip=Clip(clip.name, b"") if clip else None))
