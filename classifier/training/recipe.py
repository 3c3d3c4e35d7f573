"""A training recipe: every choice of a run in one TOML file, so that the run can be repeated."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from classifier.errors import DataError

SHIPPED = Path(__file__).parent / "shipped.toml"
"""The recipe of the shipped model."""

_TABLES = ("text", "fit", "augment", "calibrate", "source")


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """Say how much of one source is used; `about` is for the model card."""

    rows: int | None = None
    weight: float = 1.0
    repeat: int = 1
    tune_share: float = 0.0
    about: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hold every choice of a training run; shares are 0..1, lengths in characters or tokens."""

    most_characters: int = 240
    most_tokens: int = 64
    epochs: float = 2.0
    batch_size: int = 64
    learning_rate: float = 1e-4
    warmup_share: float = 0.06
    weight_decay: float = 0.01
    category_loss_weight: float = 0.5
    seed: int = 7
    augment_share: float = 0.25
    calibrate_on: tuple[str, ...] = ()
    sources: Mapping[str, SourcePlan] = field(default_factory=dict)

    def plan(self, source: str) -> SourcePlan:
        """Return the plan for a source; one that the recipe does not name is used whole."""
        return self.sources.get(source, SourcePlan())


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; raise DataError where the file is missing or a name in it is unknown."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        if unknown := raw.keys() - _TABLES:
            raise DataError(f"the recipe {path} has an unknown table {sorted(unknown)}; use {', '.join(_TABLES)}")
        sources = {name: SourcePlan(**plan) for name, plan in raw.get("source", {}).items()}
        augment = {f"augment_{name}": value for name, value in raw.get("augment", {}).items()}
        calibrate = tuple(raw.get("calibrate", {}).get("on", ()))
        fields = {**raw.get("text", {}), **raw.get("fit", {}), **augment}
        return Recipe(**fields, calibrate_on=calibrate, sources=sources)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
        raise DataError(f"the recipe {path} cannot be used: {error}") from error
