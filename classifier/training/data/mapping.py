"""From the columns and label names of a file to one's own: which column holds what, and what each label means."""

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from classifier.errors import DataError
from classifier.labels import RESERVED
from classifier.verdict import NON_TOXIC

TOXIC = "toxic"
"""The label that says toxic and not of which category."""

DROP = "drop"
"""The label whose rows are left out."""

SPLITS = ("train", "tune", "test")
GROUP_COLUMNS = ("group", "match", "author", "player")
"""Columns that are read as the group where the mapping names none; the first that a row has counts."""

_WELCOME = frozenset(
    {"non toxic", "nontoxic", "not toxic", "clean", "none", "ok", "neutral", "normal", "benign", "safe"}
)
_USUAL_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("tune", "val", "valid", "validation", "dev", "eval"), "tune"),
    **dict.fromkeys(("test", "testing", "holdout"), "test"),
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_BLANKS = re.compile(r"[\s_]+")
_GAP = re.compile(r"(?<=[^\W_])[ -]+(?=[^\W_])")
_LONGEST_NAME = 40
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Meaning:
    """Say what a label means: toxic or not, and the category (None: not known, or welcome).

    `own_name` is true where nobody mapped the label, so that it names the category itself.
    """

    toxic: bool
    category: str | None = None
    own_name: bool = field(default=False, compare=False)


_CLEAN = Meaning(toxic=False)


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Say which column holds what, and what each foreign label means.

    `label` empty: `category` with `toxic` where a row has them, else `label`. `group` empty: one of GROUP_COLUMNS.
    `flags` are columns of 0 and 1, of which the first that is set names the label. `clean` are labels of welcome text.
    `labels` map foreign labels to own ones, or to non_toxic, toxic (of no known category) or drop. `splits` map foreign
    names of splits. `sources` override all of it for one source. Raise DataError where the parts contradict each other.
    """

    text: str = "text"
    label: str = ""
    group: str = ""
    split: str = "split"
    flags: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, "LabelMap"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.text:
            raise DataError("`text` of the mapping is empty; name the column that holds the text")
        if self.flags and self.label:
            raise DataError("the mapping names both `label` and `flags`; keep the one that says what a text is")
        for foreign, own in self.labels.items():
            if own not in {NON_TOXIC, TOXIC, DROP} and (not _NAME.fullmatch(own) or own in RESERVED):
                raise DataError(
                    f"the mapping turns {foreign!r} into {own!r}, which cannot name a category; use lower-case "
                    f"letters, digits and underscores, or one of {NON_TOXIC}, {TOXIC}, {DROP}"
                )
        for foreign, own in self.splits.items():
            if own not in SPLITS:
                raise DataError(f"the mapping turns the split {foreign!r} into {own!r}; use one of {', '.join(SPLITS)}")

    def for_source(self, name: str) -> "LabelMap":
        """Return the map for the rows of one source."""
        return self.sources.get(name, self)

    def choose(self, cell: str) -> str:
        """Return the one label of a cell such as `toxic|obscene`: the first by the order of `labels`."""
        parts = [part.strip() for part in cell.split("|") if part.strip()]
        if len(parts) < 2 or _folded(cell) in map(_folded, self.labels):
            return cell.strip(" |")
        order = {_folded(name): place for place, name in enumerate(self.labels)}

        def rank(part: str) -> int:
            return order.get(_folded(part), len(order) + (self.read(part) == _CLEAN))

        return min(parts, key=rank)

    def read(self, label: str) -> Meaning | None:
        """Return what one label means, None where its rows are left out; raise DataError for an empty one.

        Names are compared without regard to case, and a space, hyphen or underscore are the same; the name of the
        category that a label would become stands for it too.
        """
        folded = _folded(label)
        for foreign, own in self.labels.items():
            if _folded(foreign) == folded:
                return _own_meaning(own)
        if folded in _WELCOME or folded in map(_folded, self.clean):
            return _CLEAN
        if folded == TOXIC:
            return Meaning(toxic=True)
        name = category_name(label)
        if name in self.labels:
            return _own_meaning(self.labels[name])
        return _CLEAN if name in self.clean else Meaning(True, name, own_name=True)

    def read_split(self, name: str) -> str:
        """Return train, tune or test, or empty for an empty name; raise DataError for an unknown one."""
        folded = _folded(name)
        if not folded:
            return ""
        known = _USUAL_SPLITS | {_folded(foreign): own for foreign, own in self.splits.items()}
        if folded not in known:
            raise DataError(f"the split {name[:40]!r} is none of {', '.join(SPLITS)}; map it under [splits]")
        return known[folded]


def _own_meaning(own: str) -> Meaning | None:
    if own == DROP:
        return None
    if own == NON_TOXIC:
        return _CLEAN
    return Meaning(True, None if own == TOXIC else own)


def _folded(label: str) -> str:
    """Return the label in lower case, its words parted by single spaces; the sign of a number stays."""
    return _GAP.sub(" ", _BLANKS.sub(" ", label.casefold()).strip())


def category_name(label: str) -> str:
    """Return the name of a category for a label as people write it: `Verbal Abuse` becomes verbal_abuse.

    A label that is not in Latin letters gets a name that tells it from others and stays the same in every run. Raise
    DataError for an empty one.
    """
    folded = _folded(label)
    if not folded:
        raise DataError("the label is empty; name it, or leave the row out")
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    digest = hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    name = re.sub(r"[^a-z0-9]+", "_", bare).strip("_")
    if not name or any(c.isalpha() and not c.isascii() for c in bare):
        name = f"{name or 'label'}_{digest}"
    if not name[0].isalpha() or name in RESERVED:
        name = f"label_{name}"
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - _DIGITS - 1]}_{digest}"


class CategoryNames:
    """Remember which label gave each category its name, so that two labels never become one unseen."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, label: str) -> str:
        """Return how the label was spelled when it came first, empty where it was not spelled otherwise.

        Raise DataError where another label has the same name.
        """
        first = self._labels.setdefault(category_name(label), label)
        if _folded(first) != _folded(label):
            raise DataError(
                f"the labels {first[:60]!r} and {label[:60]!r} would both be called {category_name(label)}; "
                "give each a name under [labels] of a mapping file"
            )
        return first if first != label else ""


def with_options(mapping: LabelMap, *, clean: Sequence[str] = (), **columns: str | None) -> LabelMap:
    """Return a map with other columns (`text`, `label`, `group`; None: as they are) and more labels of welcome text.

    A source that says otherwise keeps to what it says. A `label` takes the place of `flags`.
    """
    given: dict[str, Any] = {name: column for name, column in columns.items() if column is not None}
    given |= {"flags": ()} if "label" in given else {}

    def changed(old: LabelMap) -> LabelMap:
        inherited = {name: new for name, new in given.items() if getattr(old, name) == getattr(mapping, name)}
        if (old.label, old.flags) != (mapping.label, mapping.flags):
            inherited = {name: new for name, new in inherited.items() if name not in {"label", "flags"}}
        return replace(old, clean=(*old.clean, *clean), **inherited)

    return replace(changed(mapping), sources={name: changed(source) for name, source in mapping.sources.items()})


AS_THEY_ARE = LabelMap()
"""The map that takes columns and labels as they are named."""


def read_label_map(path: Path) -> LabelMap:
    """Read a mapping file; raise DataError where it is missing, is no TOML or holds what is not known."""
    try:
        return label_map(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise DataError(f"the mapping {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError, DataError) as error:
        raise DataError(f"the mapping {path} cannot be used: {error}") from error


def label_map(raw: Mapping[str, Any]) -> LabelMap:
    """Return the map of a TOML table; raise DataError for an unknown key or a value of the wrong kind.

    A [source.NAME] takes over what it does not say itself, and its [labels] and [splits] come before the common ones.
    """
    common = _read_table({key: value for key, value in raw.items() if key != "source"}, AS_THEY_ARE, "")
    tables = raw.get("source", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise DataError(f"`source` is {tables!r}; write a table [source.NAME] for each source")
    sources = {name: _read_table(table, common, f"[source.{name}] ") for name, table in tables.items()}
    return replace(common, sources=sources)


def to_table(mapping: LabelMap) -> dict[str, Any]:
    """Return the TOML table that `label_map` reads back; what is left at its default is not in it."""
    sources = {name: _written(source, mapping) for name, source in mapping.sources.items()}
    return _written(mapping, AS_THEY_ARE) | ({"source": sources} if sources else {})


_KEYS = tuple(each.name for each in fields(LabelMap) if each.name != "sources")


def _read_table(raw: Mapping[str, Any], common: LabelMap, where: str) -> LabelMap:
    if unknown := sorted(raw.keys() - set(_KEYS)):
        raise DataError(f"{where}{unknown[0]!r} is not known; use {', '.join(_KEYS)} or [source.NAME]")
    given: dict[str, Any] = {}
    for key, value in raw.items():
        if key in {"labels", "splits"}:
            own = _renamed(value, where + key)
            given[key] = own | {name: to for name, to in getattr(common, key).items() if name not in own}
        elif key in {"flags", "clean"}:
            given[key] = _names(value, where + key)
        elif isinstance(value, str):
            given[key] = value
        else:
            raise DataError(f"{where}{key} is {value!r}; give the name of a column")
    if given.get("flags"):
        given.setdefault("label", "")
    elif given.get("label"):
        given.setdefault("flags", ())
    return replace(common, **given)


def _names(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise DataError(f'{where} is {value!r}; give a list of names, as in ["one", "two"]')
    return tuple(value)


def _renamed(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(own, str) for own in value.values()):
        raise DataError(f'{where} is {value!r}; give a table of names, as in obscene = "profanity"')
    return dict(value)


def _written(mapping: LabelMap, beside: LabelMap) -> dict[str, Any]:
    given = {key: getattr(mapping, key) for key in _KEYS if getattr(mapping, key) != getattr(beside, key)}
    return {
        key: list(value) if isinstance(value, tuple) else value if isinstance(value, str) else dict(value)
        for key, value in given.items()
    }
