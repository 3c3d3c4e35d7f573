import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import bot
from tests.bot.console.conftest import ROOT, Ran, said, start, write_log

Process = Callable[..., Awaitable[Ran]]

HEAVY = ("torch", "transformers", "faster_whisper", "av", "ctranslate2", "sqlalchemy", "alembic", "pydantic")


async def test_the_version_is_told(process: Process) -> None:
    ran = await process("--version")

    assert (ran.code, ran.out) == (0, f"referee {bot.__version__}\n")


async def test_help_needs_nothing_heavy_and_no_sound_settings(process: Process) -> None:
    ran = await process("--help", env={"REFEREE_THREADS": "none"})

    assert ran.code == 0
    for command in ("demo", "check", "score", "replay", "incidents", "model", "doctor"):
        assert f"\n  {command} " in ran.out


async def test_loading_the_command_line_loads_nothing_heavy() -> None:
    code = f"import bot.cli, sys; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    python = await asyncio.create_subprocess_exec(
        os.sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )

    assert (await python.communicate())[0].split() == []


@pytest.mark.parametrize("arguments", [("bogus",), ("check", "--bogus"), ("score",), ("incidents", "show", "x")])
async def test_bad_usage_exits_with_2(process: Process, arguments: tuple[str, ...]) -> None:
    ran = await process(*arguments)

    assert ran.code == 2
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "command", [("check", "idiot"), ("check", "--json", "idiot"), ("score", "log.jsonl", "-o", "-"), ("--help",)]
)
async def test_a_full_disk_behind_standard_output_is_one_clear_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    write_log(tmp_path / "log.jsonl", said("you idiot"))
    full = os.open("/dev/full", os.O_WRONLY)
    started = await start(*command, stdout=full)
    os.close(full)

    _, err = await started.communicate()

    assert started.returncode == 2
    assert err.startswith(b"referee: ")
    assert b"No space left on device" in err
    assert err.count(b"\n") == 1


@pytest.mark.parametrize(
    "command",
    [("replay", "log.jsonl"), ("replay", "log.jsonl", "--json"), ("score", "log.jsonl", "-o", "-"), ("check", "-")],
)
async def test_a_reader_that_goes_away_is_no_news(tmp_path: Path, command: tuple[str, ...]) -> None:
    write_log(tmp_path / "log.jsonl", *(said("you idiot", t=n) for n in range(3)))
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        started = await start(*command, stdin=asyncio.subprocess.PIPE, stdout=closed)

    _, err = await started.communicate(b"you idiot\n" * 3)

    assert err == b""
    assert started.returncode in (1, 2)


@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "ascii"}, {"LANG": "C", "LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}]
)
async def test_a_terminal_without_unicode_is_no_obstacle(process: Process, env: dict[str, str]) -> None:
    ran = await process("check", "idiot ü 😀", "-", stdin=b"\xed\xa0\x80 \xff", env=env)

    assert ran.code == 0
    assert ran.err == ""
    assert "decision: warn" in ran.out


@pytest.mark.parametrize("command", [("check", "-"), ("replay", "-", "--db", "r.db")])
async def test_an_interrupt_ends_it_quietly_with_130(command: tuple[str, ...]) -> None:
    started = await start(*command, stdin=asyncio.subprocess.PIPE)
    assert started.stdin
    assert started.stdout
    started.stdin.write(json.dumps(said("you idiot")).encode() + b"\n")
    assert b"idiot" in await started.stdout.readline()

    started.send_signal(signal.SIGINT)
    out, err = await started.communicate()

    assert (started.returncode, err) == (130, b"")
    assert command[0] != "replay" or b"incidents: 1 new" in out


async def test_what_a_log_says_is_shown_while_it_still_goes_on() -> None:
    started = await start("replay", "-", "--db", "r.db", "--json", stdin=asyncio.subprocess.PIPE)
    assert started.stdin
    assert started.stdout
    for number in (1, 2):
        started.stdin.write(json.dumps(said("you idiot", t=number)).encode() + b"\n")
        assert json.loads(await started.stdout.readline())["id"] == number

    out, _ = await started.communicate(b"")

    assert json.loads(out)["lines"] == 2
    assert started.returncode == 0
