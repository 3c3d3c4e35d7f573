import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from classifier.errors import DataError
from classifier.labels import read_labels
from classifier.model import SHIPPED
from classifier.training.data.seeds import SEED_LINES, seed_rows
from classifier.verdict import NON_TOXIC
from tests.classifier.training.tiny_world import write_text

LINES = """
[slots]
noun = ["clown", "potato", "muppet", "donkey"]
[[group]]
category = "rude"
lines = ["you {noun}"]
[[pair]]
category = "rude"
toxic = "quit you {noun}"
clean = "quit the {noun} shop"
"""


def test_every_slot_of_the_shipped_lines_is_filled() -> None:
    assert not [row.text for row in seed_rows() if re.search(r"[{}]", row.text)]


def test_every_category_of_the_shipped_lines_is_one_of_the_shipped_model() -> None:
    names = {row.category for row in seed_rows()} - {None}

    assert names <= set(read_labels(SHIPPED / "labels.toml").names)
    assert {row.category is None for row in seed_rows() if not row.toxic} == {True}


def test_no_shipped_line_stands_under_two_categories() -> None:
    said: dict[str, set[str]] = defaultdict(set)
    for row in seed_rows():
        said[row.text].add(row.category or NON_TOXIC)

    assert {text: names for text, names in said.items() if len(names) > 1} == {}


def test_no_shipped_template_stands_under_two_categories() -> None:
    raw = tomllib.loads(SEED_LINES.read_text(encoding="utf-8"))
    said: dict[str, set[str]] = defaultdict(set)
    for group in raw["group"]:
        for line in group["lines"]:
            said[line].add(group["category"])
    for pair in raw["pair"]:
        said[pair["toxic"]].add(pair["category"])
        said[pair["clean"]].add(NON_TOXIC)

    assert {line: names for line, names in said.items() if len(names) > 1} == {}


def test_the_lines_are_the_same_in_every_run() -> None:
    assert list(seed_rows(tune_share=0.15)) == list(seed_rows(tune_share=0.15))


def test_the_tune_share_is_kept_and_the_rest_trains() -> None:
    splits = [row.split for row in seed_rows(tune_share=0.15)]

    assert splits.count("tune") / len(splits) == pytest.approx(0.15, abs=0.05)
    assert set(splits) == {"train", "tune"}
    assert {row.split for row in seed_rows()} == {"train"}


def test_all_fills_of_a_template_fall_in_one_split(tmp_path: Path) -> None:
    nouns = ", ".join(f'"noun{n}"' for n in range(50))
    lines = ", ".join(f'"template{n} {{noun}}"' for n in range(60))
    path = write_text(
        tmp_path / "lines.toml", f'[slots]\nnoun = [{nouns}]\n[[group]]\ncategory = "rude"\nlines = [{lines}]\n'
    )
    splits: dict[str, list[str]] = defaultdict(list)
    for row in seed_rows(path, tune_share=0.5):
        splits[row.text.split()[0]].append(row.split)

    assert {len(set(found)) for found in splits.values()} == {1}
    assert max(len(found) for found in splits.values()) > 1
    assert {found[0] for found in splits.values()} == {"train", "tune"}


def test_a_pair_gives_a_toxic_and_a_clean_line(tmp_path: Path) -> None:
    rows = list(seed_rows(write_text(tmp_path / "lines.toml", LINES)))

    assert {(row.toxic, row.category) for row in rows if row.text.startswith("quit you")} == {(1.0, "rude")}
    assert {(row.toxic, row.category) for row in rows if row.text.endswith("shop")} == {(0.0, None)}


@pytest.mark.parametrize(
    "text", ["[[group]", "", '[[group]]\nlines = ["a"]', '[[group]]\ncategory = "rude"\nlines = 3']
)
def test_a_file_of_lines_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"lines\.toml"):
        list(seed_rows(write_text(tmp_path / "lines.toml", text)))


def test_a_slot_without_fillers_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="noun"):
        list(seed_rows(write_text(tmp_path / "lines.toml", LINES.replace("noun = ", "other = "))))
