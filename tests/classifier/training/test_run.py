import errno
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from classifier import load
from classifier.errors import DataError, TrainingError
from classifier.labels import read_labels
from classifier.training.data.rows import lot
from classifier.training.recipe import changed, read_recipe
from classifier.training.run import Job, train
from tests.classifier.training.conftest import Trained, World
from tests.classifier.training.tiny_bertweet import build_bertweet
from tests.classifier.training.tiny_world import village_rows, write_rows


def job_of(world: World, out: Path, **more: Any) -> Job:
    """Return a job of the world; `more` are choices of the recipe."""
    return Job(out, changed(world.recipe, **{"data": (str(world.data),), "base": str(world.base)} | more), world.labels)


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
    described = {path.name for path in trained.folder.iterdir()} - {"manifest.json", "MODEL_CARD.md", "policy.toml"}

    assert manifest["files"].keys() == described
    for name, record in manifest["files"].items():
        assert record["sha256"] == hashlib.sha256((trained.folder / name).read_bytes()).hexdigest()
    assert manifest["version"] == manifest["files"]["model.onnx"]["sha256"][:8]


def test_the_manifest_says_how_the_model_was_made(trained: Trained, world: World, manifest: Mapping[str, Any]) -> None:
    training = manifest["training"]

    assert training["command"].split() == ["referee", *world.arguments(trained.folder)]
    assert training["base"] == "tiny-bert"
    assert "earlier_commands" not in training
    assert training["recipe"]["fit"]["learning_rate"] == world.recipe.learning_rate
    assert training["recipe"]["source"]["market"]["weight"] == 0.9
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
        train(job_of(world, out, data=(str(tmp_path / "no data"),)))


def test_checkpoints_of_an_earlier_run_are_not_written_over(world: World, tmp_path: Path) -> None:
    (tmp_path / "model.work" / "checkpoint-5").mkdir(parents=True)

    with pytest.raises(TrainingError, match=r"model\.work holds checkpoints .*--resume"):
        train(job_of(world, tmp_path / "model"))


@pytest.mark.parametrize(
    ("label", "told"), [("non_toxic", "every row is non_toxic"), ("rude", r"every row is rude.*--clean")]
)
def test_data_of_one_kind_is_refused(world: World, tmp_path: Path, label: str, told: str) -> None:
    data = write_rows(tmp_path / "one.jsonl", [{"text": f"line {n}", "label": label} for n in range(20)])

    with pytest.raises(DataError, match=told):
        train(job_of(world, tmp_path / "model", data=(str(data),)))


@pytest.mark.parametrize("split", ["none", "clean"])
def test_data_without_tune_rows_of_both_kinds_is_refused_with_advice(world: World, tmp_path: Path, split: str) -> None:
    rows = village_rows()
    for row in rows:
        row["split"] = "tune" if split == "clean" and row["split"] == "tune" and "label" in row else "train"
        if row.get("label") == "rude":
            row["split"] = "train"
    data = write_rows(tmp_path / "village.jsonl", rows)

    with pytest.raises(TrainingError, match=r"no rows to choose by; mark some .* `split: tune`"):
        train(job_of(world, tmp_path / "model", data=(str(data),)))


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

    with pytest.raises(TrainingError, match="learned nothing"):
        train(job_of(world, tmp_path / "model", data=(str(data),), epochs=4.0))


@pytest.mark.parametrize("stages", ["one", "two"])
def test_every_stage_setting_is_trained_served_and_trained_further(world: World, tmp_path: Path, stages: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    manifest = train(job_of(world, first, stages=stages))
    train(Job(second, changed(read_recipe(first / "run.toml"), base=str(first), epochs=1.0), world.labels))

    assert manifest.stages == stages
    for folder in (first, second):
        nice, rude, advert = load(folder, threads=1).score(["great save", "you lazy potato", "sell boost now"])
        assert nice.toxic < 0.5 < min(rude.toxic, advert.toxic)
        assert (rude.top[0], advert.top[0]) == ("rude", "advert")


def test_the_run_file_repeats_the_run(world: World, trained: Trained, tmp_path: Path) -> None:
    recipe = read_recipe(trained.folder / "run.toml")

    manifest = train(Job(tmp_path / "again", recipe, world.labels))

    assert recipe == changed(world.recipe, data=(str(world.data),), base=str(world.base))
    assert manifest.version == load(trained.folder).manifest.version


def test_a_stopped_run_of_other_data_is_not_gone_on_with(world: World, tmp_path: Path) -> None:
    work = tmp_path / "model.work"
    work.mkdir()
    (work / "begun.sha256").write_text("of something else")

    with pytest.raises(TrainingError, match=r"model\.work was begun with other data.*remove it"):
        train(replace(job_of(world, tmp_path / "model"), resume=True))


def test_two_seeds_are_averaged_into_one_model(world: World, tmp_path: Path) -> None:
    heard: list[str] = []

    train(job_of(world, tmp_path / "model", soup=2), say=heard.append)

    assert [line for line in heard if line.startswith("training")] == [
        "training model, 1 of 2",
        "training model, 2 of 2",
    ]
    nice, rude = load(tmp_path / "model", threads=1).score(["great save", "you lazy potato"])
    assert nice.toxic < 0.5 < rude.toxic


def test_a_teacher_is_asked_what_the_rows_are(world: World, trained: Trained, tmp_path: Path) -> None:
    train(job_of(world, tmp_path / "model", teachers=[str(trained.folder)], teacher_weight=0.9))

    nice, rude = load(tmp_path / "model", threads=1).score(["great save", "you lazy potato"])
    assert nice.toxic < 0.5 < rude.toxic


def test_labels_of_ones_own_need_no_file_of_categories(world: World, tmp_path: Path) -> None:
    rows = village_rows(rude="Player Abuse", advert="Gold-Selling!")
    data = write_rows(tmp_path / "own.jsonl", rows)

    train(Job(tmp_path / "model", changed(world.recipe, data=(str(data),), base=str(world.base))))

    assert set(load(tmp_path / "model").labels.names) == {"player_abuse", "gold_selling"}


def test_rows_kept_apart_are_reported_on(world: World, tmp_path: Path) -> None:
    rows = [row | {"split": ""} for row in village_rows()]
    data = write_rows(tmp_path / "own.jsonl", rows)

    manifest = train(job_of(world, tmp_path / "model", data=(str(data),), test_share=0.3, tune_share=0.3))

    assert manifest.metrics["test"]["all"]["rows"] == pytest.approx(0.3 * len(rows), abs=3)
    assert "kept apart" in (tmp_path / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_a_full_disk_is_told_before_the_training(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: used._replace(free=1000))

    with pytest.raises(TrainingError, match=r"0 MB free and checkpoints need .*--out"):
        train(job_of(world, tmp_path / "model"))
    assert not (tmp_path / "model").exists()


def test_a_checkpoint_that_finds_no_room_leaves_the_earlier_ones(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.save

    def full(state: object, path: object, *rest: Any, **more: Any) -> None:
        if "optimizer" in str(path) and "checkpoint-10" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(state, path, *rest, **more)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"could not be written .*earlier ones are kept.*--resume"):
        train(job_of(world, tmp_path / "model"))
    assert (tmp_path / "model.work" / "model-0" / "checkpoint-5" / "trainer_state.json").exists()

    monkeypatch.undo()
    train(replace(job_of(world, tmp_path / "model"), resume=True))
    assert (tmp_path / "model" / "manifest.json").exists()


def test_a_base_of_bertweets_format_is_trained_and_served(world: World, tmp_path: Path) -> None:
    kinds = {"non_toxic": ("nice", "best", "gg"), "rude": ("noob", "not", "cannot")}
    texts = [
        {"text": f"{first} {second} {third}", "label": label}
        for label, words in kinds.items()
        for first, second, third in itertools.product(words, ("team", "shot", "game", "heal"), ("me", "you", "the"))
    ]
    rows = [row | {"split": "tune" if lot(row["text"], "bertweet") < 0.3 else "train"} for row in texts]
    data = write_rows(tmp_path / "tweets.jsonl", rows)
    base = build_bertweet(tmp_path / "bertweet")

    train(job_of(world, tmp_path / "model", data=(str(data),), base=str(base), epochs=8.0, augment_share=0.0))

    nice, rude = load(tmp_path / "model", threads=1).score(["nice team you", "noob team you"])
    assert nice.toxic < 0.5 < rude.toxic
    assert load(tmp_path / "model").manifest.training["base"] == "bertweet"
