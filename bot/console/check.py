"""`referee check`: what Referee says of a text or a clip, and why; nothing is stored."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.console import options
from bot.console.render import console, to_json
from bot.console.rows import STANDARD, open_input, read_lines, shown_name
from bot.console.verdicts import Opinion, lines_of, to_row
from bot.domain import Action, Clip, Decision, Excerpt, History, Platform, SourceKey, Transcript
from bot.errors import InputError

if TYPE_CHECKING:
    from bot.policy import Policy
    from bot.settings import Settings
    from classifier import Classifier, Verdict

_WORTH_EXPLAINING = 0.2


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
        _print([asyncio.run(_check_clip(settings, audio))], as_json)
    else:
        _print(_check_texts(settings, _expanded(given)), as_json)


def _print(opinions: Iterable[Opinion], as_json: bool) -> None:
    shown = console()
    for number, opinion in enumerate(opinions):
        if as_json:
            typer.echo(to_json(to_row(opinion)))
            continue
        if number:
            shown.print()
        for line in lines_of(opinion, ascii_only=shown.options.ascii_only):
            shown.print(line, soft_wrap=True)


def _expanded(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        if text != STANDARD:
            yield text
            continue
        with open_input(STANDARD) as stream:
            for lines in read_lines(stream, shown_name(STANDARD)):
                yield from (line.decode("utf-8", "replace").rstrip("\r") for _, line in lines)


def _check_texts(settings: "Settings", texts: Iterable[str]) -> Iterator[Opinion]:
    from bot.assembly import load_classifier, load_policy

    classifier = load_classifier(settings)
    policy = load_policy(settings, classifier)
    for text in texts:
        yield _explained(classifier, _opinion(policy, text, classifier.score([text])[0], None))


async def _check_clip(settings: "Settings", path: Path) -> Opinion:
    from bot.assembly import clip_limits, load_classifier, load_policy, open_transcriber
    from bot.errors import ClipRejected, SpeechError
    from bot.judging import spoken
    from bot.policy import rank

    limits = clip_limits(settings)
    data = await asyncio.to_thread(read_clip, path, limits.max_bytes)
    async with open_transcriber(settings) as transcriber:
        if transcriber is None:
            raise SpeechError("speech is switched off; set REFEREE_SPEECH to true")
        try:
            transcript = await transcriber.transcribe(Clip(path.name, data))
        except ClipRejected as error:
            raise ClipRejected(f"{path} is no clip that can be heard: {error}") from error
    classifier = await asyncio.to_thread(load_classifier, settings)
    policy = load_policy(settings, classifier)
    texts = [reading.text for reading in spoken(transcript)]
    opinions = [_opinion(policy, *scored, transcript) for scored in zip(texts, classifier.score(texts), strict=True)]
    return _explained(classifier, max(opinions, key=lambda opinion: rank(policy, opinion.decision)))


def read_clip(path: Path, most: int) -> bytes:
    """Return the bytes of a recording, one more than `most` where it is longer; raise InputError or OSError."""
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no file; name a recording")
    with path.open("rb") as file:
        return file.read(most + 1)


def _opinion(policy: "Policy", text: str, verdict: "Verdict", transcript: Transcript | None) -> Opinion:
    return Opinion(text, verdict, _decide(policy, verdict, text, transcript), transcript=transcript)


def _explained(classifier: "Classifier", opinion: Opinion) -> Opinion:
    """Add the words that made the score, where there is a score to speak of: each word costs a pass of the model."""
    worth = opinion.decision.action is not Action.NONE or opinion.verdict.toxic >= _WORTH_EXPLAINING
    return replace(opinion, words=classifier.explain(opinion.text)) if worth else opinion


def _decide(policy: "Policy", verdict: "Verdict", text: str, transcript: Transcript | None) -> Decision:
    from bot.assembly import SystemClock
    from bot.policy import decide, decide_unchecked

    now = SystemClock().now()
    excerpt = Excerpt(SourceKey(Platform.LOG, "check", "", ""), "", now, text)
    decision = decide(policy, verdict, excerpt, History(), now, transcript)
    incomplete = transcript is not None and not transcript.complete
    if decision.action is Action.NONE and (verdict.partial or incomplete):
        return decide_unchecked(policy, excerpt, "only a part of it was judged")
    return decision
