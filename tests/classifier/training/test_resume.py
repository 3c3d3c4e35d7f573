"""A fine-tuning of the trained model to other categories, killed on its way and resumed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from classifier import load
from classifier.training.run import Job, train
from tests.classifier.training.conftest import Ran, Trained, World, run_python
from tests.classifier.training.tiny_world import OTHER_LABELS, village_rows, write_rows, write_text

KILLED_AFTER = 15
"""Optimiser steps; the whole run takes 30."""

DIES_AT_A_CHECKPOINT = f"""
import os, signal
from transformers import TrainerCallback

def die(self, args, state, control, **kwargs):
    if state.global_step >= {KILLED_AFTER}:
        os.kill(os.getpid(), signal.SIGKILL)

TrainerCallback.on_save = die
from bot.cli import main
main()
"""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Hold a run that was killed and gone on with."""

    killed: Ran
    checkpoints: tuple[str, ...]
    steps: tuple[tuple[int, int], ...]
    out: Path

    @property
    def training(self) -> Mapping[str, Any]:
        training = json.loads((self.out / "manifest.json").read_text(encoding="utf-8"))["training"]
        assert isinstance(training, dict)
        return training


@pytest.fixture(scope="module")
def resumed(world: World, trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    folder = tmp_path_factory.mktemp("resumed")
    work, out = folder / "model.work", folder / "model"
    other = World(
        base=trained.folder,
        data=write_rows(folder / "village.jsonl", village_rows(rude="mockery", advert="trade")),
        labels=write_text(folder / "labels.toml", OTHER_LABELS),
        recipe_file=world.recipe_file,
    )
    killed = run_python("-c", DIES_AT_A_CHECKPOINT, *other.arguments(out))
    checkpoints = tuple(sorted(path.name for path in (work / "model-0").iterdir()))
    # A kill while a checkpoint is written leaves a folder without its last file.
    (work / "model-0" / "checkpoint-999").mkdir()
    (work / "model-0" / "checkpoint-999" / "model.safetensors").write_bytes(b"torn")
    steps: list[tuple[int, int]] = []
    train(
        Job(out, other.chosen, other.labels, name="village", command="again", resume=True),
        progress=lambda done, of, figures: steps.append((done, of)),
    )
    return Resumed(killed, checkpoints, tuple(steps), out)


def test_a_killed_run_leaves_its_checkpoints(resumed: Resumed) -> None:
    assert resumed.killed.code == -9
    assert f"checkpoint-{KILLED_AFTER}" in resumed.checkpoints


def test_a_resumed_run_goes_on_from_the_newest_whole_checkpoint(resumed: Resumed) -> None:
    first, _ = resumed.steps[0]
    last, of = resumed.steps[-1]

    assert KILLED_AFTER < first < of
    assert last == of


def test_a_model_trained_from_another_one_names_its_lineage(resumed: Resumed, trained: Trained) -> None:
    parent = json.loads((trained.folder / "manifest.json").read_text(encoding="utf-8"))

    assert resumed.training["base"] == "tiny-bert"
    assert resumed.training["parent"] == f"village-{parent['version']}"
    assert resumed.training["earlier_commands"] == [parent["training"]["command"]]
    card = (resumed.out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"1. `{parent['training']['command']}`\n2. `again`" in card


def test_a_model_learns_other_categories_from_a_model_folder(resumed: Resumed) -> None:
    classifier = load(resumed.out, threads=1)

    nice, mocked, sold = classifier.score(["great save", "you lazy potato", "sell boost now"])

    assert classifier.labels.names == ("mockery", "boasting", "trade")
    assert nice.toxic < 0.5 < min(mocked.toxic, sold.toxic)
    assert (mocked.top[0], sold.top[0]) == ("mockery", "trade")


def test_checkpoints_are_gone_once_the_model_is_there(resumed: Resumed) -> None:
    assert not resumed.out.with_name("model.work").exists()
