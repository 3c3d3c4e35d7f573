"""Hold the documentation to the program: settings, commands, and what the README tells a reader to type."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.cli import app
from bot.settings import Settings

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PREFIX = "REFEREE_"
SECONDS_PER_COMMAND = 120

BLOCK = re.compile(
    r"^(?P<mark><!-- not run: [^\n]*\S -->\n+)?```console\n(?P<lines>.*?)^```$", re.DOTALL | re.MULTILINE
)
CONTINUED = re.compile(r"\s*\\\n(?:> )?\s*")
ASSIGNMENT = re.compile(rf"^(?:# ?)?({PREFIX}\w+)=(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finished:
    code: int | None
    output: str


def documentation() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in [README, *sorted((ROOT / "docs").rglob("*.md"))])


def commands_of(command: Any, *names: str) -> Iterator[str]:
    """Yield the full name of every command that `--help` shows, groups left out."""
    inner = getattr(command, "commands", {})
    for name, child in sorted(inner.items()):
        if not child.hidden:
            yield from commands_of(child, *names, name)
    if not inner:
        yield " ".join(names)


def commands_to_run(markdown: str) -> list[str]:
    """Return what follows `$ referee ` in each console block that is not marked `<!-- not run: reason -->`."""
    lines = [
        line
        for block in BLOCK.finditer(markdown)
        if not block["mark"]
        for line in CONTINUED.sub(" ", block["lines"]).splitlines()
    ]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ referee ")]


def example_settings() -> dict[str, str]:
    return dict(ASSIGNMENT.findall((ROOT / ".env.example").read_text(encoding="utf-8")))


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away every setting of the machine that the tests run on, `.env` of the checkout included."""
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_example_file_names_every_setting_and_no_other() -> None:
    assert set(example_settings()) == {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.usefixtures("no_settings")
def test_the_example_file_shows_the_defaults(tmp_path: Path) -> None:
    example = example_settings()
    shown = tmp_path / "shown.env"
    shown.write_text("".join(f"{name}={value}\n" for name, value in example.items() if value), encoding="utf-8")
    left_empty = {name.removeprefix(PREFIX).lower() for name, value in example.items() if not value}

    defaults = Settings(_env_file=None).model_dump()

    assert Settings(_env_file=shown).model_dump() == defaults
    assert {name: defaults[name] for name in left_empty if defaults[name]} == {}


def test_the_readme_names_every_setting() -> None:
    readme = README.read_text(encoding="utf-8")

    assert [name for name in Settings.model_fields if not re.search(rf"\b{PREFIX}{name.upper()}\b", readme)] == []


def test_the_documentation_names_every_command() -> None:
    text = documentation()
    commands = list(commands_of(typer.main.get_command(app)))

    assert commands
    assert [name for name in commands if not re.search(rf"\breferee {re.escape(name)}\b", text)] == []


def test_every_target_of_the_makefile_is_told_to_the_reader() -> None:
    text = README.read_text(encoding="utf-8") + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):.*  ## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert "demo" in targets
    assert [name for name in targets if name != "help" and f"make {name}" not in text] == []


def test_commands_are_read_from_console_blocks_that_carry_no_mark() -> None:
    markdown = (
        "```console\n$ referee one\nan answer\n$ make demo\n$ referee two --long \\\n    option\n```\n"
        "<!-- not run: it needs a token -->\n```console\n$ referee three\n```\n"
        "<!-- not run: -->\n```console\n$ referee four\n```\n"
        "```sh\nreferee five\n```\n"
    )

    assert commands_to_run(markdown) == ["referee one", "referee two --long option", "referee four"]


async def run(command: str, folder: Path) -> Finished:
    """Run one line of the README in a shell that starts in `folder` and finds this checkout's `referee`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "XDG_"))}
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        command,
        cwd=folder,
        env={**kept, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder), "NO_COLOR": "1"},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS_PER_COMMAND)
    except TimeoutError:
        process.kill()
        await process.communicate()
        pytest.fail(f"not done after {SECONDS_PER_COMMAND} s: {command}")
    return Finished(process.returncode, output.decode(errors="replace"))


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """Return a folder laid out as a reader's: the examples, and `referee` in `bin`."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    referee = tmp_path / "bin" / "referee"
    referee.parent.mkdir()
    referee.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bot "$@"\n', encoding="utf-8")
    referee.chmod(0o755)
    return tmp_path


async def test_what_the_readme_says_to_type_works(reader: Path) -> None:
    commands = commands_to_run(README.read_text(encoding="utf-8"))

    assert commands
    for command in commands:
        finished = await run(command, reader)
        assert finished.code == 0, f"$ {command}\n{finished.output}"
