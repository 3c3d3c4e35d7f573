"""Excerpt to verdicts: a clip is heard, every reading is scored, and what could not be judged is said."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from bot.context import Reading
from bot.domain import Clip, Excerpt, Surface, Transcript
from bot.errors import NoSoundTrack, SpeechError
from bot.ports import Policies, Scorer, Transcriber
from bot.spoken import Spoken, joined
from classifier import NotScored, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold an excerpt with the verdicts on its readings, its own text first, before the policy has spoken.

    Of a clip it may be one slice: its readings, and the transcript of that slice.
    """

    excerpt: Excerpt
    readings: tuple[tuple[Reading, Verdict], ...] = ()
    transcript: Transcript | None = None
    not_scored: NotScored | None = None
    unchecked: str = ""
    exempt: bool = False

    @property
    def verdict(self) -> Verdict | None:
        """Return the verdict on the excerpt's own text, None where there is none."""
        return self.readings[0][1] if self.readings else None

    @property
    def surface(self) -> Surface:
        """Return where the excerpt itself was read."""
        return Surface.CLIP if self.excerpt.clip is not None else self.excerpt.surface

    @property
    def why_nothing(self) -> str:
        """Return why nothing comes of it, where nothing does."""
        if self.exempt:
            return "the author or the channel is exempt"
        if self.not_scored:
            return f"not scored: {self.not_scored.reason}"
        return "nothing reaches a threshold"


class Judge:
    """Ask the scorer, and before it the transcriber, of excerpts that no policy exempts."""

    def __init__(self, scorer: Scorer, transcriber: Transcriber | None, policies: Policies) -> None:
        self._scorer = scorer
        self._transcriber = transcriber
        self._policies = policies

    async def judge(self, excerpt: Excerpt, readings: tuple[Reading, ...]) -> Judged:
        """Return the verdicts on an excerpt's readings; a clip is heard to its end, and its readings are its own."""
        if excerpt.clip is None and not self._exempts(excerpt):
            return await self._score(excerpt, readings)
        async with aclosing(self.listen(excerpt)) as slices:
            return together([judged async for judged in slices])

    async def listen(self, excerpt: Excerpt) -> AsyncGenerator[Judged, None]:
        """Yield the verdicts on what is heard in a clip, slice after slice, at least one.

        A broken clip or a missing model must not stop the messages behind it, nor pass as clean: it is *unchecked*.
        """
        if self._exempts(excerpt):
            yield Judged(excerpt, exempt=True)
        elif self._transcriber is None or excerpt.clip is None:
            yield Judged(excerpt, unchecked="speech is switched off")
        else:
            try:
                async with aclosing(self._hear(excerpt, excerpt.clip, self._transcriber)) as slices:
                    async for judged in slices:
                        yield judged
            except NoSoundTrack as error:
                yield await self._score_slice(excerpt, Transcript((), 0.0, 0.0, notes=(str(error),)), Spoken())
            except SpeechError as error:
                yield Judged(excerpt, unchecked=str(error))

    async def _hear(self, excerpt: Excerpt, clip: Clip, transcriber: Transcriber) -> AsyncGenerator[Judged, None]:
        community = excerpt.key.community
        words, spoken = self._policies.of(community).clip_words, Spoken()
        async with aclosing(transcriber.listen(clip, community=community, words=words)) as slices:
            async for heard in slices:
                yield await self._score_slice(excerpt, heard, spoken)

    async def _score_slice(self, excerpt: Excerpt, heard: Transcript, spoken: Spoken) -> Judged:
        judged = await self._score(replace(excerpt, text=heard.text), spoken.readings(heard))
        unheard = _unheard(heard, self._policies.of(excerpt.key.community).review_foreign_clips)
        # A text that comes too late is shed; of a clip it would be a part that nobody judged, and the rest looks whole.
        late = f"part of it was not scored: {judged.not_scored.reason}" if judged.not_scored else ""
        reasons = "; ".join(filter(None, (unheard, late, judged.unchecked)))
        return replace(judged, readings=spoken.located(judged.readings), transcript=heard, unchecked=reasons)

    async def _score(self, excerpt: Excerpt, readings: tuple[Reading, ...]) -> Judged:
        turn = excerpt.key.community
        asked = [self._scorer.score(reading.text, turn=turn) for reading in readings]
        # Most messages have one reading: a task of its own would double what its turn of the event loop costs.
        verdicts = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)
        missing = next((verdict for verdict in verdicts if isinstance(verdict, NotScored)), None)
        scored = tuple((r, v) for r, v in zip(readings, verdicts, strict=True) if isinstance(v, Verdict))
        return Judged(excerpt, scored, None, missing, _unread(scored))

    def _exempts(self, excerpt: Excerpt) -> bool:
        return self._policies.of(excerpt.key.community).exempts(excerpt)


def together(slices: Sequence[Judged]) -> Judged:
    """Return the verdicts on all slices of a clip as one."""
    if len(slices) == 1:
        return slices[0]
    heard = joined([judged.transcript for judged in slices if judged.transcript is not None])
    reasons = dict.fromkeys(judged.unchecked for judged in slices if judged.unchecked)
    return Judged(
        excerpt=replace(slices[0].excerpt, text=heard.text),
        readings=tuple(scored for judged in slices for scored in judged.readings),
        transcript=heard,
        not_scored=next((judged.not_scored for judged in slices if judged.not_scored), None),
        unchecked="; ".join(reasons),
    )


def _unheard(heard: Transcript, reviews_foreign: bool) -> str:
    """Return why part of a clip was not judged, or nothing."""
    foreign = f"spoken in {heard.foreign}, which the classifier does not know" if heard.foreign else ""
    reasons = ["; ".join(heard.notes) or "part of the clip was not heard"] if not heard.complete else []
    return "; ".join([*reasons, foreign] if foreign and reviews_foreign else reasons)


def _unread(scored: Iterable[tuple[Reading, Verdict]]) -> str:
    """Return why part of a text was not judged, or nothing."""
    cut = any(verdict.partial for _, verdict in scored)
    return "the text is longer than what is read of one message" if cut else ""
