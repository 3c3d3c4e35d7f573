"""A finished model exported once more, as this version of Referee serves it; its weights stay as they are."""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from classifier.labels import read_labels
from classifier.manifest import MANIFEST, Manifest, read_manifest, record_file, verify_files
from classifier.model import load
from classifier.training.bases.start import Start, start_from
from classifier.training.calibration.rewrite import CARD, require_room
from classifier.training.learning.export import export_onnx, quantize
from classifier.training.learning.network import PARTS, Part
from classifier.training.quiet import quiet_libraries
from classifier.training.recipe import RUN


@dataclass(frozen=True, slots=True)
class Exported:
    """Hold the manifest of the new folder, and what the model was called before."""

    manifest: Manifest
    before: str


def export_again(model: Path, out: Path, *, command: str = "referee model export") -> Exported:
    """Write a model folder anew from its weights; `out` appears whole or not at all.

    Calibration, thresholds and figures are taken over: rounding to int8 differs a little from version to version, and
    `referee model calibrate` fits them again. Raise TrainingError where `out` is there already or the model keeps no
    weights, and ModelMissing or ModelDamaged where a file is not the one that the manifest names.
    """
    out = out.resolve()
    require_room(out)
    old = read_manifest(model)
    verify_files(model, old, training=True)
    start = start_from(str(model), read_labels(model / "labels.toml"))
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    parts = PARTS[old.stages]
    drawn = {part.onnx for part in parts}
    for name in {*(set(old.files) - drawn), *(each for each in (RUN, CARD) if (model / each).is_file())}:
        shutil.copyfile(model / name, partial / name)
    _draw(start, parts, partial)
    manifest = _manifest(old, partial, drawn, command)
    (partial / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    load(partial)
    partial.replace(out)
    return Exported(manifest, f"{old.name}-{old.version}")


def _draw(start: Start, parts: tuple[Part, ...], folder: Path) -> None:
    with quiet_libraries(), tempfile.TemporaryDirectory(prefix="referee-export-") as place:
        for part in parts:
            export_onnx(start.network(part), Path(place) / part.onnx)
            quantize(Path(place) / part.onnx, folder / part.onnx)


def _manifest(old: Manifest, folder: Path, drawn: set[str], command: str) -> Manifest:
    files = {name: record_file(folder / name, for_training=each.for_training) for name, each in old.files.items()}
    hashes = "".join(files[name].sha256 for name in sorted(drawn))
    # The calibration is part of what a model says, and so of its name.
    named = hashlib.sha256(f"{hashes}{old.calibration}{old.version}".encode()).hexdigest()
    account = {"command": command, "from_version": old.version}
    exported = [*old.training.get("exported_again", []), account]
    return replace(old, version=named[:8], files=files, training={**old.training, "exported_again": exported})
