"""The sentences that every model is measured with, read from `probes.toml`."""

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.errors import DataError

PROBES = Path(__file__).parent / "probes.toml"
"""The sentences that come with the package."""

CONTROL = "control"
"""The kind of the groups that the others are compared with."""

_MARKED = re.compile(r"\[([^\[\]]+)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_FILLS = 2


@dataclass(frozen=True, slots=True)
class Marked:
    """Hold a text and the words of it, in lower case, that a writer would disguise; none where it is not known."""

    text: str
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Line:
    """Hold a line and what it is one of: a genre."""

    text: str
    genre: str


@dataclass(frozen=True, slots=True)
class GroupSentence:
    """Hold an innocent sentence that names a group, the template it was made of and that one's tone."""

    text: str
    group: str
    kind: str
    template: str
    tone: str


@dataclass(frozen=True, slots=True)
class Probes:
    """Hold the sentences by what they measure; `identity_terms` are single words in lower case."""

    toxic: tuple[Marked, ...]
    near_misses: tuple[Marked, ...]
    violent: tuple[Line, ...]
    naming_groups: tuple[GroupSentence, ...]
    identity_terms: frozenset[str]

    @property
    def offensive(self) -> frozenset[str]:
        """Return the words that are marked in the toxic lines."""
        return frozenset().union(*(line.words for line in self.toxic))


def read_probes(path: Path = PROBES) -> Probes:
    """Read the sentences, templates filled; raise DataError where the file makes no sense."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return Probes(
            toxic=tuple(_marked(line) for lines in raw["toxic"].values() for line in lines),
            near_misses=tuple(_marked(line) for line in raw["near_misses"]["lines"]),
            violent=tuple(line for genre in raw["violent"] for line in _of_genre(genre)),
            naming_groups=tuple(_naming_groups(raw["group"], raw["sentence"])),
            identity_terms=frozenset(raw["identity"]["terms"]),
        )
    except (OSError, ValueError, AttributeError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"{path} cannot be used: {error!r}; install Referee again") from error


def _marked(line: str) -> Marked:
    words = (word for mark in _MARKED.findall(line) for word in mark.lower().split())
    return Marked(_MARKED.sub(r"\1", line), frozenset(words))


def _of_genre(genre: Mapping[str, Any]) -> Iterator[Line]:
    for template in genre["lines"]:
        for text in _filled(template, genre["slots"]):
            yield Line(text, str(genre["genre"]))


def _filled(template: str, slots: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the template filled twice, differently, by a draw that depends on the template alone."""
    draw = random.Random(template)
    orders = {name: draw.sample(slots[name], _FILLS) for name in dict.fromkeys(_SLOT.findall(template))}
    texts = [template.format(**{name: order[i] for name, order in orders.items()}) for i in range(_FILLS)]
    return list(dict.fromkeys(texts))


def _naming_groups(groups: Sequence[Mapping[str, str]], tones: Sequence[Mapping[str, Any]]) -> Iterator[GroupSentence]:
    for tone in tones:
        for template in tone["lines"]:
            for group in groups:
                text = template.format(**{form: group[form] for form in ("adjective", "person", "people")})
                yield GroupSentence(text, group["name"], group["kind"], template, str(tone["tone"]))
