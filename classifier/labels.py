"""The categories of a model: names, meanings, severity."""

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from classifier.errors import LabelError, ModelMissing

RESERVED = frozenset({"non_toxic", "toxic", "unchecked", "reported", "clean", "none"})
"""Names with a meaning of their own, which no category may take."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Evidence(StrEnum):
    """How much labelled text stands behind a category."""

    GOOD = "good"
    FAIR = "fair"
    LITTLE = "little"


@dataclass(frozen=True, slots=True)
class Label:
    """Describe one category; a higher `severity` wins where several categories apply."""

    name: str
    description: str
    severity: int
    evidence: Evidence = Evidence.FAIR


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Hold the categories in the order of the model's outputs."""

    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        names = [label.name for label in self.labels]
        if not names:
            raise LabelError("the label set is empty; name at least one category")
        for name in names:
            if not _NAME.fullmatch(name) or name in RESERVED:
                raise LabelError(
                    f"{name!r} cannot name a category; use lower-case letters, digits and underscores, "
                    f"and none of {', '.join(sorted(RESERVED))}"
                )
        if len(set(names)) < len(names):
            raise LabelError(f"a category is named twice in {names}; give each its own name")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the category names in order."""
        return tuple(label.name for label in self.labels)

    def __getitem__(self, name: str) -> Label:
        """Return one category; raise LabelError where there is none of that name."""
        for label in self.labels:
            if label.name == name:
                return label
        raise LabelError(f"there is no category {name!r}; there are {', '.join(self.names)}")

    def digest(self) -> str:
        """Return a SHA-256 of names, order and meanings, in hex."""
        plain = json.dumps([asdict(label) for label in self.labels], sort_keys=True)
        return hashlib.sha256(plain.encode()).hexdigest()


def read_labels(path: Path) -> LabelSet:
    """Read a label set from TOML; raise ModelMissing or LabelError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelMissing(f"{path} is not there; reinstall Referee or train the model again") from error
    except OSError as error:
        raise LabelError(f"{path} cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:
        raise LabelError(f"{path} is not valid TOML: {error}") from error
    try:
        return LabelSet(tuple(_label(entry) for entry in raw["label"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise LabelError(f"{path}: each [[label]] needs name, description and severity ({error})") from error


def _label(entry: dict[str, object]) -> Label:
    return Label(
        name=str(entry["name"]),
        description=str(entry["description"]),
        severity=int(str(entry["severity"])),
        evidence=Evidence(str(entry.get("evidence", Evidence.FAIR))),
    )
