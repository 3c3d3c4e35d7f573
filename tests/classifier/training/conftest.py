import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cli import main
from classifier.training.recipe import Recipe, changed, read_recipe
from tests.classifier.training.tiny_world import LABELS, RECIPE, build_base, village_rows, write_rows, write_text

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Ran:
    """Hold what a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class World:
    """Hold the files that a training run of the tests starts from."""

    base: Path
    data: Path
    labels: Path
    recipe_file: Path

    @property
    def recipe(self) -> Recipe:
        return read_recipe(self.recipe_file)

    @property
    def chosen(self) -> Recipe:
        """Return the recipe with the data and the base that the command line names."""
        return changed(self.recipe, data=(str(self.data),), base=str(self.base))

    def arguments(self, out: Path) -> tuple[str, ...]:
        """Return the command line that trains here."""
        given = {"--base": self.base, "--labels": self.labels, "--recipe": self.recipe_file, "--out": out}
        options = [part for name, path in given.items() for part in (name, str(path))]
        return ("model", "train", str(self.data), *options, "--name", "village")


def run_python(*arguments: str) -> Ran:
    """Run Python in a process of its own, with no colours and this checkout."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True)  # noqa: S603  our own interpreter
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    return World(
        base=build_base(folder / "tiny-bert"),
        data=write_rows(folder / "village.jsonl", village_rows()),
        labels=write_text(folder / "labels.toml", LABELS),
        recipe_file=write_text(folder / "recipe.toml", RECIPE),
    )


@dataclass(frozen=True, slots=True)
class Trained:
    """Hold a model folder made by the command line, and what the command said."""

    folder: Path
    ran: Ran


@pytest.fixture(scope="session")
def trained(world: World, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("trained") / "model"
    ran = run_python("-m", "bot", *world.arguments(out))
    assert ran.code == 0, ran.err
    return Trained(out, ran)


@pytest.fixture
def referee(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command in this process."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["referee", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfd.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    return run
