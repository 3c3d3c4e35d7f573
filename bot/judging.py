"""Excerpt to verdicts: a clip is heard, every reading is scored, and what could not be judged is said."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.context import Reading
from bot.domain import Excerpt, Surface, Transcript
from bot.errors import NoSoundTrack, SpeechError
from bot.ports import Policies, Scorer, Transcriber
from classifier import NotScored, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold an excerpt with the verdicts on its readings, its own text first, before the policy has spoken."""

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
        """Return the verdicts on an excerpt's readings; a clip is transcribed first, and its readings are its own."""
        if self._policies.of(excerpt.key.community).exempts(excerpt):
            return Judged(excerpt, exempt=True)
        transcript = None
        if excerpt.clip is not None:
            if self._transcriber is None:
                return Judged(excerpt, unchecked="speech is switched off")
            try:
                transcript = await self._transcriber.transcribe(excerpt.clip)
            except NoSoundTrack as error:
                transcript = Transcript((), 0.0, 0.0, notes=(str(error),))
            except SpeechError as error:
                # A broken clip or a missing model must not stop the messages behind it, nor pass as clean.
                return Judged(excerpt, unchecked=str(error))
            excerpt = replace(excerpt, text=transcript.text)
            readings = spoken(transcript)
        verdicts = await asyncio.gather(*(self._scorer.score(reading.text) for reading in readings))
        missing = next((verdict for verdict in verdicts if isinstance(verdict, NotScored)), None)
        judged = tuple((r, v) for r, v in zip(readings, verdicts, strict=True) if isinstance(v, Verdict))
        return Judged(excerpt, judged, transcript, missing, _left_out(judged, transcript))


def spoken(transcript: Transcript) -> tuple[Reading, ...]:
    """Return the whole transcript and each of its segments, so that one sentence is not drowned by the rest."""
    texts = dict.fromkeys([transcript.text, *(segment.text.strip() for segment in transcript.segments)])
    return tuple(Reading(text, surface=Surface.CLIP) for text in texts)


def _left_out(judged: Iterable[tuple[Reading, Verdict]], transcript: Transcript | None) -> str:
    """Return why part of the content was not judged, or nothing."""
    if transcript is not None and not transcript.complete:
        return "; ".join(transcript.notes) or "part of the clip was not heard"
    if any(verdict.partial for _, verdict in judged):
        return "the text is longer than what is read of one message"
    return ""
