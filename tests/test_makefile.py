"""Run the Makefile for real against stand-ins for Python, and see what it says and installs."""

import asyncio
import os
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CANDIDATES = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")

# Answers like a Python of any version: runs `-c` code under that version, and only notes `-m venv` and `-m pip`.
STAND_IN = """
import os, shutil, signal, sys
from pathlib import Path

here, name, version, venv, pip, *arguments = sys.argv[1:]
if arguments[0] == "-c":
    sys.version_info = tuple(map(int, version.split(".")))
    if venv == "missing":
        sys.modules["ensurepip"] = None
    exec(arguments[1])
else:
    with (Path(here) / "calls").open("a") as calls:
        print(Path(name).name, *arguments, file=calls)
    if arguments[1] == "venv":
        environment = Path(arguments[-1])
        (environment / "bin").mkdir(parents=True)
        (environment / "pyvenv.cfg").touch()
        shutil.copy(name, environment / "bin" / "python")
    elif pip == "offline":
        sys.exit("WARNING: Retrying\\n  ERROR: No distribution for numpy\\nerror: subprocess-exited-with-error")
    elif pip == "interrupted":
        os.killpg(0, signal.SIGINT)
    else:
        refused = "exit 1" if pip == "licence" else ""
        programs = {
            "referee": "echo referee $@",
            "pip-licenses": f"{refused}\\necho Name Version License; echo one 1 MIT; echo two 2 MIT",
            "pip-audit": "echo pip-audit $@",
        }
        for program, what in programs.items():
            made = Path(name).with_name(program)
            made.write_text(f"#!/bin/sh\\n{what}\\n")
            made.chmod(0o755)
"""


@dataclass(frozen=True, slots=True)
class Finished:
    code: int
    lines: list[str]

    @property
    def own_lines(self) -> list[str]:
        """Return what was said, less the line that make adds when a command has failed."""
        return [line for line in self.lines if not line.startswith("make: *** [")]


def age(path: Path, *, hours: int) -> None:
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls_file = folder / "calls"
        (folder / "stand_in.py").write_text(STAND_IN)
        (folder / "bin").mkdir()
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copyfile(ROOT / name, folder / name)
            age(folder / name, hours=2)
        for name in CANDIDATES:
            self.has(name, "3.9.2")

    def has(self, name: str, version: str, *, venv: str = "there", pip: str = "works") -> None:
        """Put a stand-in of that version on the PATH."""
        stand_in = self.folder / "bin" / name
        stand_in.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -I -S "{self.folder}/stand_in.py" "{self.folder}" "$0"'
            f' {version} {venv} {pip} "$@"\n'
        )
        stand_in.chmod(0o755)

    def make(self, *arguments: str) -> Finished:
        return asyncio.run(self._make(arguments))

    async def _make(self, arguments: tuple[str, ...]) -> Finished:
        process = await asyncio.create_subprocess_exec(
            "make",
            *arguments,
            cwd=self.folder,
            env={"PATH": f"{self.folder}/bin:/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"},
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        output, _ = await process.communicate()
        return Finished(process.returncode or 0, output.decode().splitlines())

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_make_alone_lists_every_target_in_a_line_each(checkout: Checkout) -> None:
    listed = checkout.make().lines

    assert [line.split()[1] for line in listed] == ["help", "demo", "test", "check", "soak", "audit", "clean"]
    assert all(len(line.split()) > 3 for line in listed)


@pytest.mark.parametrize("target", ["demo", "test", "check", "soak", "audit"])
def test_a_python_that_is_too_old_stops_make_with_one_line(checkout: Checkout, target: str) -> None:
    finished = checkout.make(target)

    assert finished.code != 0
    assert len(finished.lines) == 1
    assert "needs Python 3.11 or newer" in finished.lines[0]
    assert "python3 is 3.9" in finished.lines[0]
    assert not checkout.calls


def test_the_audit_compares_licences_and_asks_for_known_holes_in_every_pin(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.7")

    finished = checkout.make("audit")

    assert finished.code == 0
    assert finished.own_lines[-2].startswith("Licences: those of 2 packages are fit")
    assert finished.own_lines[-1] == "pip-audit --strict --disable-pip --no-deps -r constraints.txt"


def test_a_licence_that_does_not_fit_fails_the_audit(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.7", pip="licence")

    assert checkout.make("audit").code != 0


def test_a_missing_python_stops_make_with_one_line(checkout: Checkout) -> None:
    finished = checkout.make("demo", "PYTHON=python-nowhere")

    assert finished.code != 0
    assert len(finished.lines) == 1
    assert "needs Python 3.11 or newer" in finished.lines[0]
    assert "python-nowhere" in finished.lines[0]


def test_a_python_without_venv_stops_make_with_one_line_that_names_the_package(checkout: Checkout) -> None:
    checkout.has("python3", "3.13.1", venv="missing")

    finished = checkout.make("demo")

    assert finished.code != 0
    assert len(finished.lines) == 1
    assert "apt install python3.13-venv" in finished.lines[0]
    assert not checkout.calls


def test_a_newer_python_beside_an_old_one_is_found(checkout: Checkout) -> None:
    checkout.has("python3.13", "3.13.1")

    assert checkout.make("demo").code == 0
    assert checkout.calls[0] == "python3.13 -m venv .venv"


def test_the_python_that_is_named_is_the_one_used(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.2")
    checkout.has("python-of-mine", "3.12.0")

    assert checkout.make("demo", "PYTHON=python-of-mine").code == 0
    assert checkout.calls[0] == "python-of-mine -m venv .venv"


def test_the_demo_announces_the_install_and_leaves_training_out(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.2")

    finished = checkout.make("demo")

    assert finished.code == 0
    assert len(finished.lines) == 2
    assert finished.lines[0].startswith("Installing the runtime into .venv")
    assert finished.lines[1] == "referee demo"
    assert "-c constraints.txt -e .[speech-model]" in checkout.calls[-1]


def test_a_second_demo_installs_nothing(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.2")
    checkout.make("demo")
    before = checkout.calls

    finished = checkout.make("demo")

    assert finished.lines == ["referee demo"]
    assert checkout.calls == before


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_dependency_installs_again_into_the_same_environment(checkout: Checkout, name: str) -> None:
    checkout.has("python3", "3.11.2")
    checkout.make("demo")
    age(checkout.folder / ".venv" / ".installed", hours=1)
    (checkout.folder / name).touch()

    assert checkout.make("demo").code == 0
    assert ["venv" in call for call in checkout.calls] == [True, False, False]


def test_a_failed_install_is_told_in_one_line_and_tried_afresh(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.2", pip="offline")

    finished = checkout.make("demo")

    assert finished.code != 0
    assert finished.own_lines[0].startswith("Installing")
    assert len(finished.own_lines) == 2
    assert "No distribution for numpy" in finished.own_lines[1]
    assert "network" in finished.own_lines[1]

    checkout.has("python3", "3.11.2")
    assert checkout.make("demo").code == 0
    assert ["venv" in call for call in checkout.calls] == [True, False, True, False]


def test_an_interrupted_install_does_not_count_as_done(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.2", pip="interrupted")

    assert checkout.make("demo").code in {2, -signal.SIGINT}
    assert not (checkout.folder / ".venv" / ".installed").exists()

    checkout.has("python3", "3.11.2")
    assert checkout.make("demo").code == 0
    assert ["venv" in call for call in checkout.calls] == [True, False, True, False]


def test_cleaning_removes_what_make_made_and_nothing_else(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.2")
    checkout.make("demo")
    foreign = checkout.folder / ".venv-test" / "pyvenv.cfg"
    cache = checkout.folder / "bot" / "__pycache__"
    cache.mkdir(parents=True)
    foreign.parent.mkdir()
    foreign.touch()

    assert checkout.make("clean").lines == []
    assert not (checkout.folder / ".venv").exists()
    assert not cache.exists()
    assert foreign.exists()


def test_an_environment_that_make_did_not_make_survives_a_failed_install(checkout: Checkout) -> None:
    checkout.has("python3", "3.11.2", pip="offline")
    environment = checkout.folder / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").touch()
    (environment / "mine").touch()
    shutil.copy(checkout.folder / "bin" / "python3", environment / "bin" / "python")

    for _ in range(2):
        assert checkout.make("demo").code != 0

    assert (environment / "mine").exists()
