import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.calibrate import Calibration
from classifier.errors import ModelDamaged, ModelError, ModelMissing
from classifier.manifest import MANIFEST, Manifest, Stages, read_manifest, record_file, verify_files
from tests.classifier.tiny_model import TinyModel, manifest_of

Built = Callable[..., Path]


def spoil(folder: Path, **changes: Any) -> Path:
    raw = {**json.loads((folder / MANIFEST).read_text()), **changes}
    (folder / MANIFEST).write_text(json.dumps({key: value for key, value in raw.items() if value != "drop"}))
    return folder


def test_a_manifest_survives_writing_and_reading(built: Built) -> None:
    folder = built()
    manifest = replace(
        manifest_of(folder, TinyModel(Stages.HIERARCHICAL)),
        calibration=Calibration(1.25, -0.5, 0.75),
        training={"seed": 3, "rows": {"toxic": 5}},
        metrics={"f1": 0.5, "note": "Größe"},
    )
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")

    assert read_manifest(folder) == manifest


def test_a_manifest_is_written_the_same_whatever_the_order_of_its_files(built: Built) -> None:
    manifest = manifest_of(built(), TinyModel())
    backwards = replace(manifest, files=dict(sorted(manifest.files.items(), reverse=True)))

    assert backwards.to_json() == manifest.to_json()


def test_a_folder_as_it_was_built_is_verified(built: Built) -> None:
    folder = built()

    verify_files(folder, read_manifest(folder), training=True)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "labels.toml"])
def test_a_changed_byte_is_seen(built: Built, name: str) -> None:
    folder = built()
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)

    with pytest.raises(ModelDamaged, match=f"{name} is not the file that the manifest names"):
        verify_files(folder, read_manifest(folder))


def test_a_truncated_file_is_seen(built: Built) -> None:
    folder = built()
    size = (folder / "model.onnx").stat().st_size
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-1])

    with pytest.raises(ModelDamaged, match=rf"model\.onnx has {size - 1} bytes, not {size}; get the model again"):
        verify_files(folder, read_manifest(folder))


def test_a_missing_file_is_named(built: Built) -> None:
    folder = built()
    (folder / "tokenizer.json").unlink()

    with pytest.raises(ModelMissing, match=r"tokenizer\.json is missing"):
        verify_files(folder, read_manifest(folder))


def test_a_folder_in_place_of_a_file_is_refused(built: Built) -> None:
    folder = built()
    manifest = read_manifest(folder)
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").mkdir()

    with pytest.raises(ModelError):
        verify_files(folder, manifest)


def test_files_for_training_are_verified_for_training_alone(built: Built) -> None:
    folder = built()
    (folder / "weights.bin").write_bytes(b"12345")
    manifest = manifest_of(folder, TinyModel())
    record = record_file(folder / "weights.bin", for_training=True)
    manifest = replace(manifest, files={**manifest.files, "weights.bin": record})
    (folder / "weights.bin").write_bytes(b"12346")

    verify_files(folder, manifest)
    with pytest.raises(ModelDamaged, match=r"weights\.bin"):
        verify_files(folder, manifest, training=True)


def test_a_record_names_size_and_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")

    record = record_file(tmp_path / "x")

    assert record.bytes == 3
    assert record.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert not record.for_training


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/passwd", "a/b", "a\\b", "..", ".", "", ".x", "a\0b", "\ud800", "C:x"]
)
def test_a_manifest_that_names_a_file_elsewhere_is_refused(built: Built, name: str) -> None:
    folder = built()
    files = json.loads((folder / MANIFEST).read_text())["files"]

    with pytest.raises(ModelError, match="must name plain files"):
        read_manifest(spoil(folder, files={**files, name: files["model.onnx"]}))


@pytest.mark.parametrize("name", ["labels.toml", "tokenizer.json"])
def test_a_manifest_that_does_not_name_a_needed_file_is_refused(built: Built, name: str) -> None:
    folder = built()
    files = json.loads((folder / MANIFEST).read_text())["files"]
    del files[name]

    with pytest.raises(ModelError, match=name):
        read_manifest(spoil(folder, files=files))


@pytest.mark.parametrize("form", [0, 2, "1", None, "drop"])
def test_another_format_is_for_another_version(built: Built, form: object) -> None:
    with pytest.raises(ModelError, match="is not of format 1; this model is for another version"):
        read_manifest(spoil(built(), format=form))


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "null", '{"format": 1}', "[" * 100_000, "\udcff", "9" * 5000])
def test_broken_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8", errors="surrogateescape")

    with pytest.raises(ModelError):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="holds no model"):
        read_manifest(tmp_path)


def test_a_folder_that_is_not_there_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        read_manifest(tmp_path / "nowhere")


def test_a_file_in_place_of_the_folder_holds_no_model(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ModelMissing):
        read_manifest(tmp_path / "file")


@pytest.mark.parametrize(
    "calibration",
    [
        {"scale": 0.0},
        {"scale": -1.0},
        {"category_temperature": 0.0},
        {"bias": float("nan")},
        {"scale": float("inf")},
        {"scale": "much"},
        {"heat": 1.0},
        [1.0],
    ],
)
def test_a_calibration_that_would_turn_scores_upside_down_or_into_nothing_is_refused(
    built: Built, calibration: object
) -> None:
    with pytest.raises(ModelError, match="makes no sense"):
        read_manifest(spoil(built(), calibration=calibration))


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
def test_whatever_stands_in_a_manifest_it_is_read_or_refused(
    tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    raw = json.loads((tiny_folder / MANIFEST).read_text())
    raw[data.draw(st.sampled_from(sorted(raw)))] = data.draw(ANY_JSON)
    folder = tmp_path_factory.mktemp("spoilt")
    (folder / MANIFEST).write_text(json.dumps(raw))

    try:
        manifest = read_manifest(folder)
    except ModelError:
        return
    assert isinstance(manifest, Manifest)
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8", errors="surrogatepass")
