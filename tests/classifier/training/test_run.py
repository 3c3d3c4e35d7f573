import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from classifier import load
from classifier.errors import TrainingError
from classifier.labels import read_labels
from classifier.training.run import Job, train
from tests.classifier.training.conftest import Trained, World
from tests.classifier.training.tiny_world import village_rows, write_rows


def job_of(world: World, out: Path, **more: Any) -> Job:
    given: dict[str, Any] = {"files": (world.data,), "recipe": world.recipe, "base": str(world.base)}
    return Job(out=out, labels=world.labels, **given | more)


@pytest.fixture(scope="module")
def manifest(trained: Trained) -> Mapping[str, Any]:
    manifest = json.loads((trained.folder / "manifest.json").read_text(encoding="utf-8"))
    assert isinstance(manifest, dict)
    return manifest


def test_a_trained_folder_loads_and_tells_rude_from_nice(trained: Trained) -> None:
    nice, rude, advert = load(trained.folder, threads=1).score(["great save", "you lazy potato", "sell boost now"])

    assert nice.toxic < 0.5 < min(rude.toxic, advert.toxic)
    assert (rude.top[0], advert.top[0]) == ("rude", "advert")


def test_the_manifest_has_the_hash_of_every_file(trained: Trained, manifest: Mapping[str, Any]) -> None:
    described = {path.name for path in trained.folder.iterdir()} - {"manifest.json", "MODEL_CARD.md"}

    assert manifest["files"].keys() == described
    for name, record in manifest["files"].items():
        assert record["sha256"] == hashlib.sha256((trained.folder / name).read_bytes()).hexdigest()
    assert manifest["version"] == manifest["files"]["model.onnx"]["sha256"][:8]


def test_the_manifest_says_how_the_model_was_made(trained: Trained, world: World, manifest: Mapping[str, Any]) -> None:
    training = manifest["training"]

    assert training["command"].split() == ["referee", *world.arguments(trained.folder)]
    assert training["base"] == "tiny-bert"
    assert "earlier_commands" not in training
    assert training["recipe"]["learning_rate"] == world.recipe.learning_rate
    assert training["recipe"]["sources"]["market"]["weight"] == 0.9
    assert {name: version(name) for name in training["versions"]} == training["versions"]
    assert training["versions"].keys() >= {"torch", "transformers", "onnxruntime"}
    assert training["rows"].keys() == {"village", "market"}
    assert manifest["labels_digest"] == read_labels(world.labels).digest()


def test_the_manifest_holds_what_was_measured(manifest: Mapping[str, Any]) -> None:
    held = sum(row["split"] == "tune" for row in village_rows())

    assert manifest["metrics"]["unseen"]["all"]["rows"] == held
    assert manifest["metrics"]["unseen"]["all"]["auc"] > 0.9
    assert manifest["metrics"]["int8_beside_fp32"]["same_side_of_half"] > 0.9
    assert manifest["curves"].keys() == {"toxic", "rude", "advert"}
    assert manifest["overlap"] < manifest["window"] == 16


def test_the_card_names_every_source_and_every_category(trained: Trained, world: World) -> None:
    card = (trained.folder / "MODEL_CARD.md").read_text(encoding="utf-8")

    for about in ("The village's own chat. Public domain.", "Cries of the market. CC0."):
        assert about in card
    for label in read_labels(world.labels).labels:
        assert f"| {label.name} | {label.description} |" in card
    assert "`advert`: the training data holds few examples" in card
    assert "referee model train" in card


def test_nothing_but_the_model_is_left_behind(trained: Trained) -> None:
    assert [path.name for path in trained.folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_output_that_is_there_is_refused_before_the_training(world: World, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "model"
    if kind == "folder":
        out.mkdir()
        (out / "notes.txt").write_text("mine")
    else:
        out.write_text("mine")

    with pytest.raises(TrainingError, match=r"model is there already; .*--out"):
        train(job_of(world, out, files=(tmp_path / "no data",)))


def test_checkpoints_of_an_earlier_run_are_not_written_over(world: World, tmp_path: Path) -> None:
    (tmp_path / "model.work" / "checkpoint-5").mkdir(parents=True)

    with pytest.raises(TrainingError, match=r"model\.work holds checkpoints .*--resume"):
        train(job_of(world, tmp_path / "model"))


@pytest.mark.parametrize("label", ["non_toxic", "rude"])
def test_data_of_one_kind_is_refused(world: World, tmp_path: Path, label: str) -> None:
    data = write_rows(tmp_path / "one.jsonl", [{"text": f"line {n}", "label": label} for n in range(20)])

    with pytest.raises(TrainingError, match="only one of toxic and non_toxic; training needs rows of both"):
        train(job_of(world, tmp_path / "model", files=(data,)))


@pytest.mark.parametrize("split", ["none", "clean"])
def test_data_without_tune_rows_of_both_kinds_is_refused_with_advice(world: World, tmp_path: Path, split: str) -> None:
    rows = village_rows()
    for row in rows:
        row["split"] = "tune" if split == "clean" and row["split"] == "tune" and "label" in row else "train"
        if row.get("label") == "rude":
            row["split"] = "train"
    data = write_rows(tmp_path / "village.jsonl", rows)

    with pytest.raises(TrainingError, match=r"no rows to choose by; mark some .* `split: tune`"):
        train(job_of(world, tmp_path / "model", files=(data,)))


@pytest.mark.parametrize("spoil", ["missing", "empty", "damaged"])
def test_a_base_that_cannot_be_loaded_is_named(world: World, tmp_path: Path, spoil: str) -> None:
    base = tmp_path / "base"
    if spoil != "missing":
        base.mkdir()
    if spoil == "damaged":
        for path in world.base.iterdir():
            (base / path.name).write_bytes(path.read_bytes()[:40])

    with pytest.raises(TrainingError, match="base"):
        train(job_of(world, tmp_path / "model", base=str(base)))


def test_a_model_that_learned_the_wrong_way_round_is_told(world: World, tmp_path: Path) -> None:
    rows = village_rows()
    for row in rows:
        if row["split"] == "tune":
            clean = row.get("label") == "non_toxic"
            row.pop("label", None)
            row |= {"category": None, "toxic": clean}
    data = write_rows(tmp_path / "village.jsonl", rows)
    recipe = replace(world.recipe, epochs=4)

    with pytest.raises(TrainingError, match="learned nothing"):
        train(job_of(world, tmp_path / "model", files=(data,), recipe=recipe))
