"""Short ways to write what members say and what a model says of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain import Clip, Excerpt, Platform, Segment, SourceKey, Transcript
from classifier import Verdict

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = datetime(9000, 1, 1, tzinfo=UTC)
"""After anything that a test does."""


def line(
    message: str,
    text: str = "",
    *,
    author: str = "ann",
    after: float = 0.0,
    community: str = "arena",
    channel: str = "lobby",
    revision: str = "0",
    **rest: Any,
) -> Excerpt:
    """Return a line said `after` seconds from the start."""
    key = SourceKey(Platform.LOG, community, channel, message, revision)
    return Excerpt(key, author, START + timedelta(seconds=after), text, **rest)


def spoken_line(message: str, name: str, **rest: Any) -> Excerpt:
    """Return a line that is a clip of that name."""
    return line(message, clip=Clip(name, b"sound"), **rest)


def heard(
    *sentences: str,
    doubt: float = 0.1,
    complete: bool = True,
    notes: tuple[str, ...] = (),
    start: float = 0.0,
    foreign: str = "",
) -> Transcript:
    """Return a transcript with a segment of a second for each sentence, from `start` on."""
    segments = tuple(Segment(start + n, start + n + 1, sentence, doubt) for n, sentence in enumerate(sentences))
    return Transcript(segments, start + len(sentences), doubt, complete, notes, foreign)


def verdict(*, partial: bool = False, **categories: float) -> Verdict:
    """Return a verdict with these probabilities."""
    return Verdict(min(sum(categories.values()), 1.0), categories or {"insult": 0.0}, "test-1", partial)
