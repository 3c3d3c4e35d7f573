"""`referee check`: what Referee says of a text or a clip, and why; nothing is stored."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.console import options
from bot.console.feed import pumped
from bot.console.render import clean, console, shortened, to_json
from bot.console.rows import STANDARD, open_input, read_lines, shown_name
from bot.console.verdicts import Opinion, lines_of, to_row
from bot.domain import Clip, Excerpt, Platform, SourceKey
from bot.errors import InputError, SpeechError

if TYPE_CHECKING:
    from bot.judging import Judge
    from bot.policy import Policy
    from bot.ports import Scorer, Transcriber
    from bot.settings import Settings

Show = Callable[[Opinion], None]

_NO_HURRY_S = 1e9


def check(
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT...", help="Texts, each judged alone; - reads one a line from standard input."),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option("--audio", metavar="FILE", help="A recording to transcribe and judge.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Judge texts, or a recording, and say why.

    Shows P(toxic), every category, the words that made the score, and what the policy would ask for, for somebody
    with no strikes. Nothing is stored.
    """
    if audio is not None and texts:
        raise typer.BadParameter("give texts or --audio, not both")
    given = texts or []
    if audio is None and not given:
        if sys.stdin.isatty():
            raise typer.BadParameter("give a text, --audio FILE, or pipe one text a line")
        given = [STANDARD]
    settings = options.settings_of()
    if audio is not None:
        asyncio.run(_check_clip(settings, audio, _printer(as_json)))
    else:
        asyncio.run(_check_texts(settings, lambda: _expanded(given), _printer(as_json)))


def _printer(as_json: bool) -> Show:
    """Return what prints one opinion after the other."""
    shown, printed = console(), 0

    def show(opinion: Opinion) -> None:
        nonlocal printed
        if as_json:
            typer.echo(to_json(to_row(opinion)))
            return
        if printed:
            shown.print()
        printed += 1
        for line in lines_of(opinion, ascii_only=shown.options.ascii_only):
            shown.print(line, soft_wrap=True)

    return show


def _expanded(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    for text in texts:
        if text != STANDARD:
            yield [text]
            continue
        with open_input(STANDARD) as stream:
            for lines in read_lines(stream, shown_name(STANDARD)):
                yield [line.decode("utf-8", "replace").rstrip("\r") for _, line in lines]


@dataclass(frozen=True, slots=True)
class _Judging:
    """Hold what a check judges with: the parts of the pipeline that keep nothing."""

    judge: "Judge"
    policy: "Policy"
    scorer: "Scorer"

    async def opinion(self, excerpt: Excerpt) -> Opinion:
        """Return what is said of an excerpt; raise SpeechError for a clip of which nothing could be heard."""
        from bot.context import Context
        from bot.previewing import preview_of
        from classifier import Verdict

        judged = await self.judge.judge(excerpt, Context().readings(excerpt, self.policy.join_window))
        if excerpt.clip is not None and judged.transcript is None:
            raise SpeechError(f"{excerpt.clip.name} could not be checked: {judged.unchecked or judged.why_nothing}")
        preview = await preview_of(judged, self.policy, self.scorer)
        if not isinstance(preview.verdict, Verdict):
            raise InputError(f"there is no verdict on {shortened(excerpt.text, 80)!r}: {judged.why_nothing}; try again")
        return Opinion(preview.text, preview.verdict, preview.decision, preview.words, preview.transcript, preview.at)


@asynccontextmanager
async def _judging(settings: "Settings", transcriber: "Transcriber | None" = None) -> AsyncIterator[_Judging]:
    """Load the model and the policy, and let go of them."""
    from bot.assembly import load_classifier, load_policy
    from bot.judging import Judge
    from classifier import Batcher, BatcherLimits

    classifier = await asyncio.to_thread(load_classifier, settings)
    policy = load_policy(settings, classifier)
    async with Batcher(classifier, BatcherLimits(deadline_s=_NO_HURRY_S)) as scorer:
        yield _Judging(Judge(scorer, transcriber, policy), policy, scorer)


async def _check_texts(settings: "Settings", texts: Callable[[], Iterator[Sequence[str]]], show: Show) -> None:
    async with _judging(settings) as judging, aclosing(pumped(texts)) as lines:
        async for text in lines:
            show(await judging.opinion(_excerpt(text=text)))


async def _check_clip(settings: "Settings", path: Path, show: Show) -> None:
    from bot.assembly import clip_limits, open_transcriber

    clip = Clip(str(path), await asyncio.to_thread(read_clip, path, clip_limits(settings).max_bytes))
    async with open_transcriber(settings) as transcriber:
        if transcriber is None:
            raise SpeechError("speech is switched off; set REFEREE_SPEECH to true")
        async with _judging(settings, transcriber) as judging:
            with _listening(path):
                opinion = await judging.opinion(_excerpt(clip=clip))
            show(opinion)


def _listening(path: Path) -> AbstractContextManager[object]:
    """Show on a terminal that something is under way: ten minutes of speech take more than one."""
    terminal = console(stderr=True)
    return terminal.status(f"listening to {clean(path.name)}") if terminal.is_terminal else nullcontext()


def read_clip(path: Path, most: int) -> bytes:
    """Return the bytes of a recording, one more than `most` where it is longer; raise InputError or OSError."""
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no file; name a recording")
    with path.open("rb") as file:
        return file.read(most + 1)


def _excerpt(*, text: str = "", clip: Clip | None = None) -> Excerpt:
    """Return what is checked, as of nobody and nowhere."""
    return Excerpt(SourceKey(Platform.LOG, "check", "", ""), "", datetime.now(UTC), text, clip)
