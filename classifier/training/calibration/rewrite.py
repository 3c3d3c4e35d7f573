"""A model folder with another manifest: a copy, or the folder itself."""

import shutil
from pathlib import Path

from classifier.errors import TrainingError
from classifier.manifest import MANIFEST, Manifest, read_manifest, verify_files
from classifier.model import SHIPPED, load
from classifier.training.calibration.recalibrate import Recalibrated, in_words
from classifier.training.calibration.reliability import Quality
from classifier.training.recipe import RUN

CARD = "MODEL_CARD.md"
BACKUP = f"{MANIFEST}.bak"
"""What the manifest that was replaced is called."""


def require_room(out: Path) -> None:
    """Raise TrainingError where a folder to be made is there already."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise TrainingError(f"{out} is there already; name another folder with --out")


def write_copy(model: Path, out: Path, recalibrated: Recalibrated) -> None:
    """Copy a model folder, with its new manifest and a note in its card; `out` appears whole or not at all.

    Raise TrainingError where `out` is there already, and ModelMissing or ModelDamaged where a file is not the one that
    the manifest names.
    """
    out = out.resolve()
    require_room(out)
    manifest = read_manifest(model)
    verify_files(model, manifest, training=True)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in {*manifest.files, *({RUN} if (model / RUN).is_file() else ())}:
        shutil.copyfile(model / name, partial / name)
    (partial / CARD).write_text(_card(model, recalibrated), encoding="utf-8")
    (partial / MANIFEST).write_text(recalibrated.manifest.to_json(), encoding="utf-8")
    load(partial)
    partial.replace(out)


def write_in_place(model: Path, recalibrated: Recalibrated) -> None:
    """Replace the manifest of a model folder in one step; the old one stays beside it as `BACKUP`.

    Raise TrainingError for the shipped model, which the next upgrade would replace.
    """
    require_own(model)
    _replace(model / BACKUP, (model / MANIFEST).read_text(encoding="utf-8"))
    _replace(model / MANIFEST, recalibrated.manifest.to_json())
    _replace(model / CARD, _card(model, recalibrated))


def require_own(model: Path) -> None:
    """Raise TrainingError for the shipped model."""
    if model.resolve() == SHIPPED.resolve():
        raise TrainingError("the shipped model stays as it is; make a copy with --out FOLDER")


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _card(model: Path, recalibrated: Recalibrated) -> str:
    """Return the model's card with a section on what was done; a model without a card gets one of that section."""
    path = model / CARD
    manifest = recalibrated.manifest
    old = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else f"# Model card: {manifest.name}\n"
    return f"{old.rstrip()}\n\n{_section(recalibrated)}\n"


def _section(recalibrated: Recalibrated) -> str:
    manifest = recalibrated.manifest
    account = manifest.training["recalibrated"][-1]
    sources = ", ".join(f"{name} ({rows:,})" for name, rows in account["rows"].items())
    return "\n\n".join(
        (
            f"## Calibrated again: {manifest.name}-{manifest.version}",
            f"On {account['clean']:,} clean and {account['toxic']:,} toxic rows: {sources}. Probabilities and "
            f"thresholds above are those of {manifest.name}-{account['from_version']}.",
            "\n".join(
                (
                    "| | calibration error | log loss | log loss of the category |",
                    "| --- | ---: | ---: | ---: |",
                    _line("before", recalibrated.before),
                    _line("after, on rows that the fit did not see", recalibrated.after),
                )
            ),
            _thresholds(manifest),
            f"Made by `{account['command']}`.",
        )
    )


def _line(name: str, quality: Quality) -> str:
    category = "-" if quality.category_log_loss is None else f"{quality.category_log_loss:.3f}"
    return f"| {name} | {quality.calibration_error:.3f} | {quality.log_loss:.3f} | {category} |"


def _thresholds(manifest: Manifest) -> str:
    if "toxic" not in manifest.curves:
        return "There were too few clean rows to measure thresholds."
    points = manifest.curves["toxic"].points
    return "\n".join(
        (
            "| wrongly flagged at most | P(toxic) from |",
            "| --- | ---: |",
            *(f"| {in_words(rate)} | {threshold:.3f} |" for rate, threshold in points),
        )
    )
