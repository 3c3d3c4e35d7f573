"""The same model without quantisation, to see what int8 costs."""

import shutil
from dataclasses import replace
from pathlib import Path

from classifier.labels import read_labels
from classifier.manifest import MANIFEST, read_manifest, record_file
from classifier.training.bases.start import start_from
from classifier.training.learning.export import export_onnx
from classifier.training.learning.network import PARTS
from classifier.training.quiet import quiet_libraries

_COPIED = ("labels.toml", "tokenizer.json")


def write_full_precision(model: Path, folder: Path) -> Path:
    """Write a model folder's networks into `folder` as fp32 ONNX, with the same calibration, and return it.

    The weights are those kept for training, which are rounded to fp16. Raise TrainingError where the model keeps none.
    """
    manifest = read_manifest(model)
    start = start_from(str(model), read_labels(model / "labels.toml"))
    parts = PARTS[manifest.stages]
    with quiet_libraries():
        for part in parts:
            export_onnx(start.network(part), folder / part.onnx)
    for name in _COPIED:
        shutil.copyfile(model / name, folder / name)
    files = {name: record_file(folder / name) for name in (*_COPIED, *(part.onnx for part in parts))}
    (folder / MANIFEST).write_text(replace(manifest, files=files).to_json(), encoding="utf-8")
    return folder
