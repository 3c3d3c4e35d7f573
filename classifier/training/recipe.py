"""A training recipe: every choice of a run in one TOML file, so that the run can be repeated."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import tomli_w
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from classifier.errors import DataError
from classifier.manifest import Stages
from classifier.training.data.mapping import LabelMap, label_map, to_table

SHIPPED = Path(__file__).parent / "shipped.toml"
"""The recipe of the shipped model."""

STUDIO = Path(__file__).parent / "studio.toml"
"""The recipe for a studio's own lines, a hundred of them or a hundred thousand."""

RUN = "run.toml"
"""The file in a model folder that repeats the run which made it."""

_MOST_BITS = 128
_LONGEST_SHOWN = 200
_STRICT = ConfigDict(extra="forbid")

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, lt=2**63)]
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

Optimizer = Literal["adamw", "adafactor", "sgd", "rmsprop"]
Metric = Literal["score", "auc", "average_precision", "f1", "macro_f1", "loss"]
Imbalance = Literal["none", "weights", "logit_adjustment"]


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """Say how much of one source is used; `about` is for the model card.

    `toxic_rows` is how many of the rows may be toxic. With `extra` every row is for training
    alone, whatever split the file says.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    rows: Whole | None = None
    toxic_rows: Whole | None = None
    weight: Amount = 1.0
    repeat: Count = 1
    tune_share: Share = 0.0
    extra: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hold every choice of a training run; shares are 0..1, lengths in characters or tokens.

    `base` is empty for the shipped checkpoint. `stages` says how the outputs become a verdict. Of rows whose split is
    not stated, `test_share` is kept apart to report on, and `tune_share` of the rest to choose and calibrate by.
    `soup` averages the weights of so many seeds; `base_share` of the weights stay those of the base (Wortsman et al.
    2022). `own_rows` is how many of one's own rows (not extra ones) are trained on, to see what fewer would have given.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    data: tuple[str, ...] = ()
    base: str = ""
    stages: Stages = Stages.HIERARCHICAL
    seed_lines: bool = False
    most_characters: Count = 240
    most_tokens: Annotated[int, Field(ge=8, le=512)] = 64
    test_share: Share = 0.0
    tune_share: Share = 0.0
    split_seed: Whole = 7
    own_rows: Count | None = None
    epochs: Positive = 2.0
    batch_size: Count = 64
    eval_batch_size: Count = 256
    learning_rate: Positive = 1e-4
    optimizer: Optimizer = "adamw"
    metric: Metric = "score"
    patience: Whole = 0
    warmup_share: Share = 0.06
    weight_decay: Amount = 0.01
    category_loss_weight: Amount = 0.5
    imbalance: Imbalance = "weights"
    label_smoothing: Share = 0.0
    r_drop: Amount = 0.0
    adversarial: Amount = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    soup: Count = 1
    base_share: Share = 0.0
    teachers: tuple[str, ...] = ()
    teacher_weight: Share = 0.5
    augment_share: Share = 0.25
    calibrate_on: tuple[str, ...] = ()
    mapping: LabelMap = field(default_factory=LabelMap)
    sources: Mapping[str, SourcePlan] = field(default_factory=dict)

    def plan(self, source: str) -> SourcePlan:
        """Return the plan for a source; one that the recipe does not name is used whole."""
        return self.sources.get(source, SourcePlan())

    def to_toml(self) -> str:
        """Return the recipe as the TOML that `read_recipe` reads."""
        tables: dict[str, Any] = {name: {} for name in _TABLES}
        for name, (table, key) in _PLACES.items():
            value = getattr(self, name)
            if value is not None:
                tables[table][key] = list(value) if isinstance(value, tuple) else value
        tables["run"]["stages"] = self.stages.value
        tables["mapping"] = to_table(self.mapping)
        tables["source"] = {
            name: {f.name: value for f in fields(plan) if (value := getattr(plan, f.name)) is not None}
            for name, plan in self.sources.items()
        }
        return tomli_w.dumps({name: table for name, table in tables.items() if table})


_TABLES: Mapping[str, tuple[str, ...]] = {
    "run": ("data", "base", "stages", "seed_lines"),
    "text": ("most_characters", "most_tokens"),
    "split": ("test_share", "tune_share", "split_seed", "own_rows"),
    "fit": (
        "epochs",
        "batch_size",
        "eval_batch_size",
        "learning_rate",
        "optimizer",
        "metric",
        "patience",
        "warmup_share",
        "weight_decay",
        "category_loss_weight",
        "imbalance",
        "label_smoothing",
        "r_drop",
        "adversarial",
        "seed",
        "soup",
        "base_share",
        "teachers",
        "teacher_weight",
    ),
    "augment": ("augment_share",),
    "calibrate": ("calibrate_on",),
    "mapping": (),
    "source": (),
}
"""The tables of a recipe file and the fields that stand in each."""

_KEYS = {"augment_share": "share", "calibrate_on": "on"}
_PLACES = {name: (table, _KEYS.get(name, name)) for table, names in _TABLES.items() for name in names}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; raise DataError where the file is missing, a name in it is unknown or a value makes no sense."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"the recipe {path} cannot be used: {error}") from error
    try:
        return _recipe(raw)
    except (DataError, ValueError, RecursionError) as error:
        raise DataError(f"the recipe {path} cannot be used: {_reason(error)}") from error


def changed(recipe: Recipe, **values: object) -> Recipe:
    """Return the recipe with the given fields, checked; those that are None stay. Raise DataError."""
    given = {name: value for name, value in values.items() if value is not None}
    kept = {f.name: getattr(recipe, f.name) for f in fields(recipe)}
    try:
        return _checked(kept | given)
    except (DataError, ValueError, RecursionError) as error:
        raise DataError(f"the run cannot be set up so: {_reason(error)}") from error


def _recipe(raw: Mapping[str, Any]) -> Recipe:
    given: dict[str, Any] = {}
    for table, content in raw.items():
        if table not in _TABLES or not isinstance(content, dict):
            raise DataError(f"[{table}] is no table of a recipe; there are {', '.join(_TABLES)}")
        if table not in ("mapping", "source"):
            given |= _fields(table, content)
    given["mapping"] = label_map(raw.get("mapping", {}))
    given["sources"] = raw.get("source", {})
    return _checked(given)


def _fields(table: str, content: Mapping[str, Any]) -> dict[str, Any]:
    names = {_KEYS.get(name, name): name for name in _TABLES[table]}
    if unknown := content.keys() - names.keys():
        raise DataError(f"[{table}] has no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return {names[key]: value for key, value in content.items()}


def _checked(values: Mapping[str, Any]) -> Recipe:
    return TypeAdapter(Recipe).validate_python(dict(values))


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']} (it is {_shown(fault['input'])})"
        for fault in error.errors()
    )


def _shown(value: object) -> str:
    """Return a value for a message; the repr of a deep table or of a number of many digits would raise itself."""
    if isinstance(value, dict | list | tuple):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "a number of very many digits"
    return repr(value)[:_LONGEST_SHOWN]
