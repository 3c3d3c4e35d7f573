import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from classifier import load
from classifier.errors import ModelDamaged, TrainingError
from classifier.manifest import MANIFEST, read_manifest, record_file
from classifier.network import Network
from classifier.training.learning import export
from classifier.training.quiet import quiet_libraries
from classifier.training.reexport import export_again
from tests.classifier.training.conftest import Trained, run_python

TEXTS = ["what a lovely village", "you are an idiot", "the well is deep", "gold for sale"]


@pytest.fixture
def older(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a model that is served with padding, as older versions made them."""
    folder = Path(shutil.copytree(trained.folder, tmp_path / "older"))
    with quiet_libraries(), monkeypatch.context() as patched:
        patched.setattr(export, "packed_model", lambda network: None)
        export_again(folder, tmp_path / "padded")
    return tmp_path / "padded"


def test_an_older_model_becomes_one_without_padding_and_says_the_same(older: Path, tmp_path: Path) -> None:
    assert not Network(older / "model.onnx").packs

    done = export_again(older, tmp_path / "new")

    assert Network(tmp_path / "new" / "model.onnx").packs
    before, after = load(older).score(TEXTS), load(tmp_path / "new").score(TEXTS)
    assert [v.toxic for v in after] == pytest.approx([v.toxic for v in before], abs=0.02)
    assert done.before == load(older).version != load(tmp_path / "new").version


def test_all_but_the_graph_is_taken_over(trained: Trained, tmp_path: Path) -> None:
    export_again(trained.folder, tmp_path / "new", command="referee model export x")

    old, new = read_manifest(trained.folder), read_manifest(tmp_path / "new")
    kept = replace(new, version=old.version, files=old.files, training=old.training)
    assert kept == old
    assert new.training["exported_again"] == [{"command": "referee model export x", "from_version": old.version}]
    for name in set(old.files) - {"model.onnx"}:
        assert (tmp_path / "new" / name).read_bytes() == (trained.folder / name).read_bytes()
    assert (tmp_path / "new" / "MODEL_CARD.md").is_file()


def test_an_exported_model_can_be_exported_and_says_where_it_is_from(trained: Trained, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    one = run_python("-m", "bot", "model", "export", str(trained.folder), "--out", str(first))
    two = run_python("-m", "bot", "model", "export", str(first), "--out", str(second))

    assert (one.code, two.code) == (0, 0)
    assert f"REFEREE_MODEL={second}" in two.out
    assert len(read_manifest(second).training["exported_again"]) == 2


def test_a_folder_that_is_there_is_left_alone(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious", encoding="utf-8")

    with pytest.raises(TrainingError, match="is there already"):
        export_again(trained.folder, tmp_path)

    assert (tmp_path / "mine").read_text(encoding="utf-8") == "precious"


def test_a_damaged_model_is_not_exported_and_leaves_nothing(trained: Trained, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "damaged"))
    (folder / export.WEIGHTS).write_bytes(b"x" * (folder / export.WEIGHTS).stat().st_size)

    with pytest.raises(ModelDamaged):
        export_again(folder, tmp_path / "new")

    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "new.partial").exists()


def test_a_model_without_weights_says_so(trained: Trained, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "bare"))
    (folder / export.WEIGHTS).unlink()
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    del manifest["files"][export.WEIGHTS]
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert record_file(folder / "model.onnx").bytes

    with pytest.raises(TrainingError, match="no weights"):
        export_again(folder, tmp_path / "new")
