"""What is written below the table: how it was measured, what the machine would allow, and how near it comes."""

from collections.abc import Iterator

from benchmarks.throughput.limit import Layers
from benchmarks.throughput.report import Limit, Lines, gains, limits
from benchmarks.throughput.rounds import Figures

_QUIET = 0.15
"""With so many processors busy with other programs, figures are as good as on a machine of one's own."""


def notes(figures: Figures, lines: Lines, layers: Layers, rounds: int, machine: str) -> list[str]:
    """Return what must be known to read the tables."""
    return [
        *_faults(figures),
        "",
        machine,
        lines.told,
        *_busy(figures),
        *_how(f"{figures.rounds} of {rounds}"),
        *_gain(figures, lines),
        "",
        *_limit_notes(figures, layers, lines.tokens),
        *_profile_notes(figures, layers),
    ]


def _faults(figures: Figures) -> Iterator[str]:
    if figures.limit_fault:
        yield f"The machine's limits could not be measured ({figures.limit_fault}): pip install '.[train]'"


def _busy(figures: Figures) -> Iterator[str]:
    if figures.others is not None:
        told = f"Other programs kept {figures.others:.1f} processors busy meanwhile"
        if figures.others < _QUIET:
            yield f"{told}."
        else:
            yield (
                f"{told}; measure again when none does. Threads that wait for each other, as PyTorch's do, suffer "
                "most from it, which makes ratios too high; CPU ms and the rows of one thread suffer least."
            )


def _how(rounds: str) -> Iterator[str]:
    yield (
        f"All are measured in turns ({rounds} rounds done), each contender in a process of its own. messages/s is the "
        "median of the rounds; x is how many times as fast a row is as a pipeline at its defaults on the most "
        "threads, in the median round."
    )
    yield (
        "lines: how many a row was given in all rounds; slow contenders get fewer, from all over the lines. CPU ms: "
        "processor time of one message, all threads together. memory: "
        "resident at the end, of the process of that contender and number of threads."
    )
    yield (
        "batch: texts in one call; default: one list for the pipeline, which then takes them one by one; as they come: "
        "the batcher's own passes, of which four could be filled with the callers that wait at once."
    )
    yield (
        "BERTweet's size: a RoBERTa of 12 layers, 768 wide, 64,001 tokens, with random weights and the classifier's "
        "tokenizer. Lists of words only know words; they are here for their speed, and do not do the same work."
    )


def _gain(figures: Figures, lines: Lines) -> Iterator[str]:
    found = gains(figures)
    if found:
        told = " and ".join(f"{gain:.2f} times on {_threads(count)}" for count, gain in found.items())
        yield (
            f"Gain of the cache on these lines, of which {lines.repeated:.0%} were said before: {told} "
            "as fast as without."
        )


def _limit_notes(figures: Figures, layers: Layers, tokens: float) -> Iterator[str]:
    found = limits(figures, layers, tokens)
    if not found:
        return
    adds = layers.weights * tokens
    yield (
        f"Limit: a line has {tokens:.1f} tokens in the mean, each multiplies and adds {layers.weights / 1e6:.2f} "
        f"million times, so {adds / 1e6:.0f} million times a message."
    )
    for each in found:
        shapes = ", ".join(f"{name} {speed:.0f}" for name, speed in each.shapes.items())
        reached = "" if each.share is None else f"; the classifier (batch: {each.best_batch}) reaches {each.share:.0%}"
        yield (
            f"  {_threads(each.threads)}: onnxruntime's int8 product does {each.square:.0f} billion multiply-adds a "
            f"second on a square of 1024, and with {each.tokens_of_a_pass} tokens on {shapes}; in this model's mix "
            f"{each.model:.0f}. That is {each.messages:,.0f} messages/s{reached}."
        )
    yield _memory_note(found[-1], layers)


def _memory_note(limit: Limit, layers: Layers) -> str:
    passes = limit.model * 1e9 / layers.weights / limit.tokens_of_a_pass
    need = passes * layers.weights / 1e9
    return (
        f"  Memory moves {limit.copied:.1f} GB/s ({_threads(limit.threads)}, copied: read and written). A pass of "
        f"{limit.tokens_of_a_pass} tokens reads {layers.weights / 1e6:.1f} MB of weights: {need:.1f} GB/s at that "
        f"limit, {need / limit.copied:.0%}, if no cache held any of them."
    )


def _profile_notes(figures: Figures, layers: Layers) -> Iterator[str]:
    found = figures.profile
    if not found:
        return
    product = found["operators"].get("MatMulIntegerToFloat")
    yield ""
    yield (
        f"Profile: {found['lines']:,} lines in one call, {found['tokens']:,} tokens, {found['passes']} passes. Stages "
        "are timed one by one, the operators in a run of their own, in which onnxruntime writes each down, and scaled "
        "to the graph's time in the run without."
    )
    if product:
        speed = found["tokens"] * layers.weights / product / 1e9
        yield f"  The products alone do {speed:.0f} billion multiply-adds a second there."


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
