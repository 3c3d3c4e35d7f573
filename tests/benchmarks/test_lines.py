import re
import tomllib
from pathlib import Path

import pytest

from benchmarks.voice.lines import CLEAN, Line, pick, read_lines

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "classifier" / "training" / "data" / "seed_lines.toml"
LABELS = ROOT / "classifier" / "pretrained" / "labels.toml"


def words(text: str) -> str:
    return re.sub(r"[^a-z0-9 ]", "", text.lower())


def test_there_are_two_hundred_lines_half_of_them_clean() -> None:
    lines = read_lines()

    assert (len(lines), sum(line.abusive for line in lines)) == (200, 100)
    assert [line.number for line in lines] == list(range(200))
    assert len({words(line.text) for line in lines}) == 200
    assert all(3 <= len(line.text.split()) <= 15 for line in lines)


def test_every_category_of_the_shipped_model_is_among_the_lines_and_no_other() -> None:
    labels = {label["name"] for label in tomllib.loads(LABELS.read_text(encoding="utf-8"))["label"]}

    assert {line.category for line in read_lines()} == {CLEAN, *labels}


def test_the_model_was_not_trained_on_the_lines() -> None:
    trained_on = {words(text) for text in re.findall(r'"([^"]+)"', SEEDS.read_text(encoding="utf-8"))}

    assert len(trained_on) > 1000
    assert [line.text for line in read_lines() if words(line.text) in trained_on] == []


@pytest.mark.parametrize("count", [0, 2, 40, 200])
def test_a_few_lines_are_half_clean_and_come_from_the_whole_list(count: int) -> None:
    picked = pick(read_lines(), count)

    assert len(set(picked)) == len(picked) == count
    assert sum(line.abusive for line in picked) == count // 2
    assert count < 40 or len({line.category for line in picked}) == 9


def test_more_lines_than_there_are_are_all_of_them() -> None:
    lines = (Line(0, CLEAN, "well played"), Line(1, "insult", "you clown"))

    assert pick(lines, 10) == lines
