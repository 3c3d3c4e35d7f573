"""`referee doctor`: whether everything is in place, and what to do where it is not."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bot.console import findings, findings_live, findings_running, options
from bot.console.demo import MATCH
from bot.console.findings import Finding, Level
from bot.console.redaction import Redaction, secrets_of
from bot.console.render import clean, console, to_json
from bot.domain import Clip
from bot.errors import SettingsError

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
_PROBLEMS = 1


def doctor(
    db: options.Database = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also transcribe a clip.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Also ask Discord, and the bot that runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check settings, model, policy, database, speech and disk; with --live the way to Discord and the bot that runs.

    Exits with 0 where there is no problem, with 1 where there is. Warnings are no problems.
    """
    sample = MATCH.with_name("clip1.ogg")
    found = asyncio.run(_examine(db, Clip(sample.name, sample.read_bytes()) if deep else None, live=live))
    if as_json:
        rows = [{"subject": f.subject, "level": f.level.value, "text": f.text, "advice": f.advice} for f in found]
        typer.echo(to_json({"ok": _sound(found), "findings": rows}))
    else:
        _print(found)
    if not _sound(found):
        raise typer.Exit(_PROBLEMS)


async def _examine(db: Path | None, sample: Clip | None, *, live: bool) -> list[Finding]:
    from bot.settings import Settings

    found = [*findings.machine(), *findings.unknown_variables(Settings.model_fields)]
    try:
        settings = options.settings_of(db)
    except SettingsError as error:
        return [*found, Finding("settings", Level.PROBLEM, str(error), "correct them; nothing else was looked at")]
    found.append(Finding("settings", Level.OK, "every setting can be read"))
    classifier, about_model = findings.model(settings)
    found += about_model
    if classifier is not None:
        found.append(findings.policy(settings, classifier))
    found += await findings.database(settings)
    found.append(await findings.speech(settings, sample))
    found.append(findings.discord(settings))
    if live:
        found += [*await findings_live.discord(settings), *await findings_running.running(settings)]
    redact = Redaction(secrets_of(settings))
    return [replace(finding, text=redact(finding.text), advice=redact(finding.advice)) for finding in found]


def _sound(found: list[Finding]) -> bool:
    return all(finding.level is not Level.PROBLEM for finding in found)


def _print(found: list[Finding]) -> None:
    shown = console()
    for finding in found:
        line = Text(f"{finding.level:<8}", _STYLES[finding.level]).append(f" {finding.subject:<10}", "bold")
        line.append(f" {clean(finding.text)}", "none")
        if finding.advice:
            line.append(f" -> {clean(finding.advice)}", "cyan")
        shown.print(line, soft_wrap=True)
