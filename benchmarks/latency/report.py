"""How latencies are shown: a table for people, and values for JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from benchmarks.figures import Spread
from benchmarks.latency.measurement import Measured
from benchmarks.shown import table

_COLUMNS = (
    "messages a second",
    "said",
    "scored",
    "not scored",
    "score: p50",
    "p95",
    "p99",
    "longest",
    "wait: p50",
    "p99",
    "pass: p50",
    "p99",
    "texts a pass",
    "processors",
)

NOTES = (
    "Times are in milliseconds. Score: from the moment that a message was due until its answer was there, of those",
    "that were scored. Messages come whether or not the last ones have their answer; one that this program was late to",
    "say counts from when it was due. Wait: from being handed to the batcher until its pass began. Pass: what its pass",
    "took, which it shares with others. Texts a pass: in the mean. Processors: how much of them was used.",
    "Poisson: each message at a moment of its own. Burst: half a second's messages at once, or one where less is said.",
    "Not scored: overloaded (more waited than may), late (it waited past the deadline) or failed. This is the batcher",
    "alone; the bot hands it no more than 256 messages at once and has the others wait before it.",
)


def table_of(measured: Sequence[Measured]) -> Table:
    """Return one row for each load."""
    return table("latency of one message's score", _COLUMNS, map(_row, measured))


def as_values(measured: Measured) -> dict[str, Any]:
    """Return the figures of a load as JSON takes them."""
    values = asdict(measured)
    return {**values.pop("load"), **values}


def cache_note(measured: Sequence[Measured], *, cache: bool) -> str:
    """Return what the cache did, or that there was none."""
    if not cache:
        return (
            "Without the cache: no line is said twice until all were said. With --cache lines come as they were said, "
            "and one that was said of late needs no pass."
        )
    scored = sum(each.scored for each in measured)
    repeated = sum(each.repeated for each in measured)
    share = repeated / scored if scored else 0.0
    return f"With the cache, empty before each load: {share:.0%} of what was scored needed no pass of its own."


def _row(each: Measured) -> Sequence[str]:
    lost = ", ".join(f"{count:,} {reason}" for reason, count in sorted(each.not_scored.items())) or "none"
    score, wait, in_pass = each.score, each.wait, each.in_pass
    return (
        f"{each.load.arrival} {each.load.rate:,g}",
        f"{each.said:,}",
        f"{each.scored:,}",
        lost,
        *_times(score, "p50_ms", "p95_ms", "p99_ms", "longest_ms"),
        *_times(wait, "p50_ms", "p99_ms"),
        *_times(in_pass, "p50_ms", "p99_ms"),
        f"{each.mean_pass:.1f}",
        f"{each.busy:.2f}",
    )


def _times(spread: Spread | None, *names: str) -> list[str]:
    return ["-" if spread is None else f"{getattr(spread, name):,.1f}" for name in names]
