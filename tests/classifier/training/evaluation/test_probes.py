import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from classifier.errors import DataError
from classifier.normalize import normalize
from classifier.training.data.seeds import SEED_LINES
from classifier.training.evaluation.probes import CONTROL, PROBES, Probes, read_probes
from classifier.training.evaluation.robustness import make_trials
from tests.classifier.training.tiny_world import write_text

MOST_SCORINGS = 3500


@pytest.fixture(scope="module")
def probes() -> Probes:
    return read_probes()


def clean_texts(probes: Probes) -> list[str]:
    return [*(p.text for p in (*probes.near_misses, *probes.violent, *probes.naming_groups))]


def seed_templates() -> Iterator[str]:
    raw = tomllib.loads(SEED_LINES.read_text(encoding="utf-8"))
    for group in raw["group"]:
        yield from group["lines"]
    for pair in raw["pair"]:
        yield from (pair["toxic"], pair["clean"])


def shape(template: str) -> str:
    return re.sub(r"\{\w+\}", "{}", template).lower()


def test_no_sentence_can_come_out_of_a_template_that_is_trained_on(probes: Probes) -> None:
    slots = tomllib.loads(SEED_LINES.read_text(encoding="utf-8"))["slots"]
    texts = {normalize(text).text for text in (*clean_texts(probes), *(p.text for p in probes.toxic))}
    fixed = {normalize(line).text for line in seed_templates() if "{" not in line}
    options = {name: "(?:" + "|".join(map(re.escape, fillers)) + ")" for name, fillers in slots.items()}
    patterns = [
        re.sub(r"\\\{(\w+)\\\}", lambda match: options[match.group(1)], re.escape(line))
        for line in seed_templates()
        if "{" in line
    ]
    trained = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))

    assert texts & fixed == set()
    assert [text for text in texts if trained.fullmatch(text)] == []


def test_no_template_is_one_that_is_trained_on() -> None:
    raw = tomllib.loads(PROBES.read_text(encoding="utf-8"))
    templates = {shape(line) for part in (*raw["violent"], *raw["sentence"]) for line in part["lines"]}

    assert templates & set(map(shape, seed_templates())) == set()


def test_there_are_enough_sentences_of_each_probe_and_none_twice(probes: Probes) -> None:
    sentences = probes.naming_groups

    assert len(probes.near_misses) >= 120
    assert len(probes.violent) >= 200
    assert len({line.genre for line in probes.violent}) >= 7
    assert len({s.template for s in sentences}) >= 25
    assert len({s.group for s in sentences if s.kind != CONTROL}) >= 24
    assert len({s.kind for s in sentences}) == 8
    assert len(set(clean_texts(probes))) == len(clean_texts(probes))


def test_all_that_is_built_in_is_scored_in_seconds(probes: Probes) -> None:
    texts = make_trials(probes.toxic, probes.near_misses).texts() | set(clean_texts(probes))

    assert len(texts) < MOST_SCORINGS


def test_every_group_stands_in_the_same_sentences(probes: Probes) -> None:
    by_group: dict[str, set[str]] = {}
    for sentence in probes.naming_groups:
        by_group.setdefault(sentence.group, set()).add(sentence.template)

    assert len({frozenset(templates) for templates in by_group.values()}) == 1


def test_no_mark_or_slot_is_left_in_a_sentence(probes: Probes) -> None:
    texts = [*clean_texts(probes), *(line.text for line in probes.toxic)]

    assert [text for text in texts if re.search(r"[\[\]{}]", text)] == []
    assert [line.text for line in (*probes.toxic, *probes.near_misses) if not line.words] == []
    assert all(word in line.text.lower() for line in (*probes.toxic, *probes.near_misses) for word in line.words)


def test_the_sentences_are_the_same_in_every_run(probes: Probes) -> None:
    assert read_probes() == probes


def test_terms_for_groups_are_single_words_in_lower_case(probes: Probes) -> None:
    assert [term for term in probes.identity_terms if not re.fullmatch(r"[a-z]+", term)] == []


@pytest.mark.parametrize("text", ["", "[toxic", "[toxic]\na = 3", "toxic = 3"])
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"probes\.toml"):
        read_probes(write_text(tmp_path / "probes.toml", text))
