"""Lines written for training: templates whose slots are filled by a seeded draw."""

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from classifier.errors import DataError
from classifier.training.data.rows import Row, lot
from classifier.verdict import NON_TOXIC

SEED_LINES = Path(__file__).parent / "seed_lines.toml"
SOURCE = "seed_lines"
_SLOT = re.compile(r"\{(\w+)\}")
_FILLS = 3


def seed_rows(path: Path = SEED_LINES, *, tune_share: float = 0.0) -> Iterator[Row]:
    """Yield the lines of a template file, each template filled a few times.

    All fills of one template fall in one split, so that the tune split holds templates that training never saw.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        slots = raw.get("slots", {})
        templates = [(line, str(group["category"])) for group in raw["group"] for line in group["lines"]]
        for pair in raw.get("pair", []):
            templates += [(pair["toxic"], str(pair["category"])), (pair["clean"], NON_TOXIC)]
        unfilled = {slot for template, _ in templates for slot in _SLOT.findall(template)} - slots.keys()
        if not all(fills and all(isinstance(fill, str) for fill in fills) for fills in slots.values()):
            raise TypeError("a slot is no list of words, or an empty one")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} cannot be used: {error!r}") from error
    if unfilled:
        raise DataError(f"{path} has no fillers for {', '.join(sorted(unfilled))}; add them under [slots]")
    for template, category in templates:
        yield from _filled(template, category, slots, tune_share)


def _filled(template: str, category: str, slots: Mapping[str, Sequence[str]], tune_share: float) -> Iterator[Row]:
    split = "tune" if lot(template, "seeds") < tune_share else "train"
    toxic = category != NON_TOXIC
    draw = random.Random(template)
    texts = {_SLOT.sub(lambda match: draw.choice(slots[match.group(1)]), template) for _ in range(_FILLS)}
    for text in sorted(texts):
        yield Row(text, float(toxic), category if toxic else None, SOURCE, split)
