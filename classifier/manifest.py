"""The manifest of a model folder: what is in it, how it was made, and proof that nothing was changed."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from classifier.calibrate import Calibration, ThresholdCurve, curves_from_json, curves_to_json
from classifier.errors import ClassifierError, ModelDamaged, ModelError, ModelMissing

MANIFEST = "manifest.json"
FORMAT = 1
_NEEDED = frozenset({"labels.toml", "tokenizer.json"})
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CHUNK = 1 << 20


class Stages(StrEnum):
    """How a model's outputs become a verdict."""

    ONE = "one"
    TWO = "two"
    HIERARCHICAL = "hierarchical"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Hold what a file of the model must be; serving needs only the files that are not `for_training`."""

    sha256: str
    bytes: int
    for_training: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """Describe a model folder. Lengths are in tokens; `training` and `metrics` are for the reader.

    `class_weights` are what `verdict.most_likely` multiplies with, chosen for the best macro-F1 on tune rows.
    """

    name: str
    version: str
    stages: Stages
    files: Mapping[str, FileRecord]
    labels_digest: str
    window: int
    overlap: int
    calibration: Calibration
    curves: Mapping[str, ThresholdCurve]
    class_weights: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the manifest as JSON text."""
        plain = {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "stages": self.stages.value,
            "files": {name: asdict(record) for name, record in sorted(self.files.items())},
            "labels_digest": self.labels_digest,
            "window": self.window,
            "overlap": self.overlap,
            "calibration": asdict(self.calibration),
            "curves": curves_to_json(self.curves),
            "class_weights": dict(self.class_weights),
            "training": dict(self.training),
            "metrics": dict(self.metrics),
        }
        text = json.dumps(plain, indent=1, ensure_ascii=False) + "\n"
        # Half a character has no UTF-8, but JSON has an escape for it.
        return text.encode("utf-8", "backslashreplace").decode()


def read_manifest(folder: Path) -> Manifest:
    """Read a model folder's manifest; raise ModelMissing, or ModelError where it makes no sense."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelMissing(
            f"{folder} holds no model ({MANIFEST} is missing); name a folder made by training"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}; get the model again") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise ModelError(f"{path} is not of format {FORMAT}; this model is for another version of Referee")
    try:
        return _manifest(raw)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, ClassifierError) as error:
        raise ModelError(f"{path} makes no sense: {error!r}; get the model again") from error


def _manifest(raw: Mapping[str, Any]) -> Manifest:
    files = {str(name): FileRecord(**record) for name, record in raw["files"].items()}
    if not all(_FILE_NAME.fullmatch(name) for name in files) or not files.keys() >= _NEEDED:
        raise ValueError(f"`files` must name plain files, {', '.join(sorted(_NEEDED))} among them")
    return Manifest(
        name=str(raw["name"]),
        version=str(raw["version"]),
        stages=Stages(raw["stages"]),
        files=files,
        labels_digest=str(raw["labels_digest"]),
        window=int(raw["window"]),
        overlap=int(raw["overlap"]),
        calibration=_calibration(raw["calibration"]),
        curves=curves_from_json(raw["curves"]),
        class_weights=_weights(raw.get("class_weights", {})),
        training=_training(raw.get("training", {})),
        metrics=dict(raw.get("metrics", {})),
    )


def _weights(raw: Mapping[str, Any]) -> dict[str, float]:
    weights = {str(name): float(value) for name, value in raw.items()}
    if not all(math.isfinite(weight) and weight > 0 for weight in weights.values()):
        raise ValueError(f"`class_weights` {weights} must be numbers above 0")
    return weights


def _training(raw: Mapping[str, Any]) -> dict[str, Any]:
    training = dict(raw)
    kinds = {"rows": dict, "recalibrated": list, "earlier_commands": list}
    if odd := [name for name, kind in kinds.items() if not isinstance(training.get(name, kind()), kind)]:
        raise ValueError(f"`training` has a `{odd[0]}` of another kind than training writes")
    return training


def _calibration(raw: Mapping[str, Any]) -> Calibration:
    calibration = Calibration(**{name: float(value) for name, value in raw.items()})
    numbers = (calibration.scale, calibration.bias, calibration.category_temperature)
    if not all(math.isfinite(number) for number in numbers) or min(numbers[0], numbers[2]) <= 0:
        raise ValueError(f"{calibration} needs finite numbers, and a scale and a temperature above 0")
    return calibration


def verify_files(folder: Path, manifest: Manifest, *, training: bool = False) -> None:
    """Compare the folder's files with the manifest; raise ModelMissing or ModelDamaged for the first that differs.

    Files for training are checked only when `training` is set, so that serving does not read what it does not use.
    """
    for name, record in manifest.files.items():
        if training or not record.for_training:
            _verify(folder / name, record)


def _verify(path: Path, record: FileRecord) -> None:
    try:
        size = path.stat().st_size
        if size != record.bytes:
            raise ModelDamaged(f"{path} has {size} bytes, not {record.bytes}; get the model again")
        if record_file(path).sha256 != record.sha256:
            raise ModelDamaged(f"{path} is not the file that the manifest names (other hash); get the model again")
    except FileNotFoundError as error:
        raise ModelMissing(f"{path} is missing; get the model again") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error


def record_file(path: Path, *, for_training: bool = False) -> FileRecord:
    """Return the record of a file as it is now."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return FileRecord(digest.hexdigest(), path.stat().st_size, for_training)
