"""A log taken through the whole pipeline, and the account of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from bot.console.chat_log import ChatLog
from bot.console.failures import expected
from bot.console.feed import Pace, pumped
from bot.domain import Excerpt
from bot.tally import Tally

if TYPE_CHECKING:
    from bot.pipeline import Handled, Pipeline

_CLIPS_AT_ONCE = 4
AHEAD = 256
"""How far scoring runs ahead of what is settled where the reader is held back."""

AHEAD_LIVE = 5000
"""How far scoring may run ahead of what is settled where nothing is held back, so that overload shows."""


@dataclass(frozen=True, slots=True)
class Session:
    """Hold what came of a run; `failure` is what ended it early."""

    tally: Tally
    seconds: float
    failure: BaseException | None = None


async def follow(
    pipeline: "Pipeline",
    logs: Sequence[ChatLog],
    pace: Pace,
    show: "Callable[[Handled], None]",
    *,
    ahead: int = AHEAD,
) -> Session:
    """Take logs through the pipeline one after the other, showing each line once it is settled.

    What is expected to go wrong, Ctrl-C included, ends the run and is returned with what was done before it.
    """
    started = time.monotonic()
    # The bytes of a clip stay in memory until it is settled, so only few may be under way.
    clips = asyncio.Semaphore(_CLIPS_AT_ONCE)
    failure: BaseException | None = None
    try:
        async with aclosing(pipeline.run(_excerpts(logs, pace, clips), ahead=ahead)) as stream:
            async for handled in stream:
                if handled.excerpt.clip is not None:
                    clips.release()
                show(handled)
    except expected() as error:
        failure = error
    except asyncio.CancelledError:
        # Ctrl-C: what was done until then is kept, and is to be told.
        failure = KeyboardInterrupt()
    return Session(pipeline.tally, time.monotonic() - started, failure)


async def _excerpts(logs: Sequence[ChatLog], pace: Pace, clips: asyncio.Semaphore) -> AsyncIterator[Excerpt]:
    for log in logs:
        async with aclosing(pumped(log.batches)) as lines:
            async for line in lines:
                await pace.wait(line.t)
                if line.audio is None:
                    yield log.excerpt(line)
                else:
                    await clips.acquire()
                    yield await asyncio.to_thread(log.excerpt, line)


def session_row(session: Session) -> dict[str, object]:
    """Return the account of a run as plain values for JSON."""
    tally = session.tally
    return {
        "lines": tally.seen,
        "scored": tally.scored,
        "not_scored": dict(tally.not_scored),
        "exempt": tally.exempt,
        "clips": tally.clips,
        "unchecked": tally.unchecked,
        "flagged": dict(tally.flagged),
        "incidents": tally.incidents,
        "known": tally.known,
        "outcomes": dict(tally.outcomes),
        "seconds": round(session.seconds, 2),
        "lines_per_second": round(tally.seen / session.seconds, 1) if session.seconds else None,
        "complete": session.failure is None,
    }


def session_lines(session: Session) -> list[Text]:
    """Return the account of a run as lines to print."""
    tally = session.tally
    rate = tally.seen / session.seconds if session.seconds else 0.0
    missing = _counts(tally.not_scored) or "0"
    lines = [
        Text(f"{tally.seen:,} lines in {session.seconds:.1f} s ({rate:,.0f} a second)", "bold"),
        Text(f"  scored {tally.scored:,}, not scored {missing}, exempt {tally.exempt:,}"),
        Text(f"  clips {tally.clips:,}; not checked {tally.unchecked:,}"),
        Text(f"  flagged: {_counts(tally.flagged) or 'nothing'}"),
        Text(f"  incidents: {tally.incidents:,} new, {tally.known:,} known already"),
    ]
    if tally.outcomes:
        lines.append(Text(f"  actions: {_counts(tally.outcomes)}"))
    return lines


def _counts(counter: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counter.items(), key=lambda item: -item[1]))
