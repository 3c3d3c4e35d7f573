"""What was heard, as texts to score: each segment, neighbours together, and the whole of a slice."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from bot.context import Reading
from bot.domain import Segment, Surface, Transcript
from classifier import Verdict

_NEIGHBOURS_WITHIN_S = 5.0
"""Segments further apart than this are not one thing said."""


class Spoken:
    """Make readings of a clip's slices; the last segment of one is read together with the first of the next."""

    def __init__(self) -> None:
        self._last: dict[int, Segment] = {}
        self._inside: dict[str, tuple[Segment, ...]] = {}

    def readings(self, heard: Transcript) -> tuple[Reading, ...]:
        """Return the texts of a slice: the whole, neighbours, each segment, and what may have been said instead.

        So one sentence of abuse is not drowned by the rest, nor one that was cut in two overlooked.
        """
        found = [heard.segments, *self._neighbours(heard), *((segment,) for segment in heard.segments)]
        if not heard.segments:
            return (Reading("", surface=Surface.CLIP, doubt=heard.doubt),)
        self._last = {segment.track: segment for segment in heard.segments}
        self._inside = {}
        for segments in found:
            self._inside.setdefault(_text(segments), tuple(segments))
        guesses = {segment.text.strip(): segment for segment in heard.maybe}
        return (
            *(_reading(text, segments) for text, segments in self._inside.items()),
            *(_guess(text, segment) for text, segment in guesses.items() if text not in self._inside),
        )

    def located(self, scored: Sequence[tuple[Reading, Verdict]]) -> tuple[tuple[Reading, Verdict], ...]:
        """Return a slice's readings, each with the time of the worst of the segments that it joins."""
        toxic = {each.text: verdict.toxic for each, verdict in scored}
        return tuple((self._at_worst(reading, toxic), verdict) for reading, verdict in scored)

    def _at_worst(self, reading: Reading, toxic: Mapping[str, float]) -> Reading:
        segments = self._inside.get(reading.text, ())
        if len(segments) < 2:
            return reading
        worst = max(segments, key=lambda segment: toxic.get(segment.text.strip(), 0.0))
        return _reading(reading.text, segments, worst.start)

    def _neighbours(self, heard: Transcript) -> Iterable[tuple[Segment, ...]]:
        before = [self._last[segment.track] for segment in heard.segments[:1] if segment.track in self._last]
        for first, second in pairwise([*before, *heard.segments]):
            if first.track == second.track and second.start - first.end <= _NEIGHBOURS_WITHIN_S:
                yield (first, second)


def joined(slices: Sequence[Transcript]) -> Transcript:
    """Return the slices of one clip as one transcript."""
    return Transcript(
        segments=tuple(segment for heard in slices for segment in heard.segments),
        seconds=max((heard.seconds for heard in slices), default=0.0),
        doubt=max((heard.doubt for heard in slices), default=0.0),
        complete=all(heard.complete for heard in slices),
        notes=tuple(dict.fromkeys(note for heard in slices for note in heard.notes)),
        maybe=tuple(segment for heard in slices for segment in heard.maybe),
        foreign=", ".join(dict.fromkeys(heard.foreign for heard in slices if heard.foreign)),
    )


def _text(segments: Sequence[Segment]) -> str:
    return " ".join(segment.text.strip() for segment in segments).strip()


def _reading(text: str, segments: Sequence[Segment], at: float | None = None) -> Reading:
    start = segments[0].start if at is None else at
    return Reading(text, surface=Surface.CLIP, at=start, doubt=max(segment.doubt for segment in segments))


def _guess(text: str, segment: Segment) -> Reading:
    return Reading(text, surface=Surface.CLIP, at=segment.start, doubt=segment.doubt, guessed=True)
