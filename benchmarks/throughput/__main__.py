"""`python -m benchmarks.throughput`: messages a second and memory, beside what else one would use."""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.chat import Chat, chat
from benchmarks.machine import this_machine
from benchmarks.shown import show, show_json
from benchmarks.throughput.contenders import Contender, entries
from benchmarks.throughput.notes import notes
from benchmarks.throughput.processes import Broken, Missing, Process
from benchmarks.throughput.report import Lines, as_values, contenders_table, profile_table
from benchmarks.throughput.rounds import Figures, Plan, measure
from benchmarks.throughput.tokens import shipped_layers, tokens_a_line
from bot.console.failures import FAILED, expected, line_of

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

_LIBRARIES = ("onnxruntime", "tokenizers", "torch", "transformers", "alt-profanity-check", "better-profanity")
_THREADS = (1, 2)
_INTERRUPTED = 130
_PROFILED = 2000


@app.command()
def throughput(
    lines: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Chat to score: a file or a folder of .jsonl. Unset: made lines."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many of the lines at most.")] = 5000,
    contender: Annotated[list[Contender] | None, typer.Option(help="Who is measured; may be repeated. [all]")] = None,
    threads: Annotated[
        list[int] | None, typer.Option(min=1, max=256, help="On how many threads; may be repeated. [1 and 2]")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How many rounds, each with its part of the lines.")] = 5,
    seconds: Annotated[
        float, typer.Option(min=0.01, max=600, help="About how long a slow contender has in a round.")
    ] = 0.8,
    profiled: Annotated[bool, typer.Option("--profile", help="Also show where the classifier's time goes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how many lines of chat the classifier scores in a second, beside what one would use instead.

    That is transformers' pipeline on the same weights and on a model of BERTweet's size, that one in ONNX, and lists
    of words. Below the table: what this machine's arithmetic would allow. It takes about three minutes and 4 GB of
    memory; with one number of `--threads` about half.
    """
    try:
        said = chat(lines, count)
        about = Lines(said.told(), said.repeated, tokens_a_line(said.lines))
    except expected() as error:
        typer.echo(line_of(error), err=True)
        raise typer.Exit(FAILED) from None
    plan = Plan(entries(contender or list(Contender), threads or _THREADS), rounds, seconds)
    figures, code = Figures(), 0
    try:
        _measure(plan, said, figures, profiled=profiled)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except expected() as error:
        typer.echo(line_of(error), err=True)
        code = FAILED
    # What was measured until then is worth seeing.
    if any(row.rates for row in figures.rows) or not code:
        _print(figures, about, rounds, as_json=as_json)
    raise typer.Exit(code)


def _measure(plan: Plan, said: Chat, figures: Figures, *, profiled: bool) -> None:
    measure(plan, said.lines, astuple(shipped_layers()), figures, _progress)
    if profiled:
        _progress("looking where the time goes")
        _profile(said.lines[:_PROFILED], figures)


def _profile(lines: Sequence[str], figures: Figures) -> None:
    try:
        with Process("profile") as process:
            figures.profile = {"lines": len(lines), **process.ask(texts=list(lines))["found"]}
    except (Missing, Broken) as error:
        _progress(f"the classifier could not be profiled: {error}")


def _print(figures: Figures, about: Lines, rounds: int, *, as_json: bool) -> None:
    machine, layers = this_machine(_LIBRARIES), shipped_layers()
    if as_json:
        show_json({"machine": machine.as_values(), "rounds": figures.rounds, **as_values(figures, about, layers)})
        return
    show(contenders_table(figures), *notes(figures, about, layers, rounds, machine.told()))
    if figures.profile:
        show(profile_table(figures))


def _progress(text: str) -> None:
    typer.echo(text, err=True)


if __name__ == "__main__":
    app()
