import asyncio
import io
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from tests.classifier.tiny_model import build_model

ROOT = Path(__file__).parents[3]

POLICY = """
version = 1
[general]
toxic_flag = 0.9
[category.insult]
mode = "live"
flag = 0.5
act = 0.6
ladder = ["warn", "delete", "timeout:10m"]
[category.threat]
mode = "live"
flag = 0.5
act = 0.6
ladder = ["delete"]
human_only = true
[category.spam]
mode = "shadow"
flag = 0.5
act = 0.6
ladder = ["delete"]
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """Hold what a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(autouse=True)
def a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: Path) -> None:
    """Run in an empty folder, with the tiny model and a policy for it, and no setting of this machine."""
    for name in list(os.environ):
        if name.upper().startswith("REFEREE_"):
            monkeypatch.delenv(name)
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    monkeypatch.setenv("REFEREE_MODEL", str(tiny_model))
    monkeypatch.setenv("REFEREE_POLICY", str(policy))
    monkeypatch.setenv("REFEREE_THREADS", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def referee(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """Run a command in this process, from its arguments to its exit code."""

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["referee", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsysbinary.readouterr()
        return Ran(int(left.value.code or 0), out.decode(), err.decode())

    return run


@pytest.fixture
def process() -> Callable[..., Awaitable[Ran]]:
    """Run a command as a process of its own."""

    async def run(*arguments: object, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> Ran:
        started = await start(*arguments, stdin=PIPE if stdin is not None else DEVNULL, env=env)
        out, err = await started.communicate(stdin)
        return Ran(started.returncode or 0, out.decode(), err.decode())

    return run


async def start(
    *arguments: object, stdin: int = DEVNULL, stdout: Any = PIPE, env: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *map(str, arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )


def write_log(path: Path, *rows: Mapping[str, object] | str | bytes) -> Path:
    """Write rows as JSON, and strings and bytes as they are, one a line."""
    lines = [
        row if isinstance(row, bytes) else (row if isinstance(row, str) else json.dumps(row)).encode() for row in rows
    ]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def said(text: str, *, t: float = 1, player: str = "vex", match: str = "one", **more: object) -> dict[str, object]:
    return {"match": match, "t": t, "player": player, "text": text, **more}
