"""What a measurement prints: the table of contenders, what the machine would allow, and where the time goes."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from benchmarks.shown import table
from benchmarks.throughput.contenders import Contender, Entry
from benchmarks.throughput.limit import Layers
from benchmarks.throughput.rounds import Figures, Row, ratio

_COLUMNS = ("contender", "threads", "batch", "lines", "messages/s", "x pipeline", "x BERTweet", "CPU ms", "memory MB")
_NONE = "-"
_SHOWN_FROM = 0.01
"""Which share of the whole an operator must take to have a row."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Hold what the report says of the lines: where they are from, and how many tokens one has in the mean."""

    told: str
    repeated: float
    tokens: float


@dataclass(frozen=True, slots=True)
class Limit:
    """Hold what a machine allows on so many threads, in billions a second, and how near the classifier comes.

    `messages` are those a second whose multiply-adds the machine can do in the model's shapes; `share` is which part
    of them the classifier's best row reaches, in the median round.
    """

    threads: int
    square: float
    shapes: dict[str, float]
    model: float
    copied: float
    tokens_of_a_pass: int
    messages: float
    share: float | None
    best_batch: str


def contenders_table(figures: Figures) -> Table:
    """Return a row for each contender, number of threads and batch."""
    return table("Throughput", _COLUMNS, (_row(row, figures) for row in figures.rows))


def profile_table(figures: Figures) -> Table:
    """Return where the classifier's time goes: the stages of a call, then the operators of its graph."""
    found: dict[str, Any] = figures.profile or {}
    lines, whole = found["lines"], found["whole"]

    def row(name: str, seconds: float, runs: str) -> Sequence[str]:
        return name, f"{seconds / lines * 1e6:.1f}", f"{seconds / whole:.1%}", runs

    # In the time that the graph takes when nobody writes its operators down.
    scale = found["stages"]["graph"] / found["written_down"]
    stages = [row(name, seconds, _NONE) for name, seconds in found["stages"].items()]
    shown = {name: each for name, each in found["operators"].items() if each * scale >= _SHOWN_FROM * whole}
    inside = [
        row(f"  in the graph: {name}", each * scale, f"{found['kernels'][name]:,}") for name, each in shown.items()
    ]
    rest = found["stages"]["graph"] - sum(shown.values()) * scale
    inside.append(row("  in the graph: other operators, and between them", rest, _NONE))
    columns = ("where the time goes, 1 thread", "us a message", "share", "runs")
    return table("Profile", columns, [*stages, row("all", whole, _NONE), *inside])


def limits(figures: Figures, layers: Layers, tokens: float) -> list[Limit]:
    """Return the machine's limits for each number of threads."""
    return [_limit(figures, count, found, layers, tokens) for count, found in sorted(figures.limits.items()) if found]


def as_values(figures: Figures, lines: Lines, layers: Layers) -> dict[str, Any]:
    """Return the figures as JSON takes them."""
    base, tweet = _bases(figures)
    return {
        "lines": asdict(lines),
        "rows": [
            {
                "contender": row.entry.contender,
                "what": row.entry.contender.told,
                "threads": row.entry.threads,
                "batch": row.entry.batch_told,
                "lines": sum(row.lines),
                "messages_per_s": _rounded(row.rate, 1),
                "messages_per_s_of_rounds": [round(rate, 1) for rate in row.rates],
                "times_pipeline": _rounded(ratio(row, base), 2),
                "times_bertweet_pipeline": _rounded(ratio(row, tweet), 2),
                "processor_ms_of_a_message": _rounded(row.processor_ms, 3),
                "memory_mb": row.memory_mb,
                "fault": row.fault or None,
            }
            for row in figures.rows
        ],
        "cache_gain": {str(threads): round(gain, 2) for threads, gain in gains(figures).items()},
        "processors_busy_with_others": _rounded(figures.others, 2),
        "multiply_adds_of_a_token": layers.weights,
        "limits": [asdict(each) for each in limits(figures, layers, lines.tokens)],
        "profile": figures.profile,
    }


def gains(figures: Figures) -> dict[int, float]:
    """Return how many times as fast the batcher is with its cache, for each number of threads."""
    found = {}
    for row in figures.rows:
        if row.entry.contender is Contender.CACHE:
            gain = ratio(row, _find(figures, Entry(Contender.BATCHER, row.entry.threads)))
            if gain is not None:
                found[row.entry.threads] = gain
    return found


def _row(row: Row, figures: Figures) -> Sequence[str]:
    entry = row.entry
    name = f"{entry.contender.told}: {row.fault}" if row.fault else entry.contender.told
    if row.rate is None:
        return (name, str(entry.threads), entry.batch_told, *[_NONE] * 6)
    ratios = (ratio(row, base) for base in _bases(figures))
    return (
        *(name, str(entry.threads), entry.batch_told, f"{sum(row.lines):,}", _rate(row.rate)),
        *(_NONE if each is None else f"{each:.1f}" if each >= 1 else f"{each:.2f}" for each in ratios),
        f"{row.processor_ms:.2f}",
        f"{row.memory_mb:.0f}",
    )


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _bases(figures: Figures) -> tuple[Row | None, Row | None]:
    """Return the rows that all are compared with: both pipelines at their defaults, on the most threads."""
    most = max((row.entry.threads for row in figures.rows), default=1)
    return _find(figures, Entry(Contender.PIPELINE, most)), _find(figures, Entry(Contender.BERTWEET, most))


def _find(figures: Figures, entry: Entry) -> Row | None:
    return next((row for row in figures.rows if row.entry == entry), None)


def _limit(figures: Figures, threads: int, found: Sequence[dict[str, Any]], layers: Layers, tokens: float) -> Limit:
    def median(name: str) -> float:
        return round(statistics.median(float(each[name]) for each in found), 2)

    adds = layers.weights * tokens / 1e9
    rows = [r for r in figures.rows if r.entry.contender is Contender.CLASSIFIER and r.entry.threads == threads]
    best = max((row for row in rows if row.rate), key=lambda row: row.rate or 0.0, default=None)
    shares = [rate * adds / each["model"] for rate, each in zip(best.rates if best else [], found, strict=False)]
    shapes = {name: round(statistics.median(e["shapes"][name] for e in found), 2) for name in found[0]["shapes"]}
    return Limit(
        threads=threads,
        square=median("square"),
        shapes=shapes,
        model=median("model"),
        copied=median("copied"),
        tokens_of_a_pass=int(found[0]["tokens_of_a_pass"]),
        messages=round(median("model") / adds, 1),
        share=round(statistics.median(shares), 4) if shares else None,
        best_batch=best.entry.batch_told if best else "",
    )
