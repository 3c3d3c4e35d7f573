from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import LabelError, ModelMissing
from classifier.labels import RESERVED, Evidence, Label, LabelSet, read_labels
from tests.classifier.tiny_model import LABELS, labels_toml

INSULT = Label("insult", "Names a person something low.", 2)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert read_labels(written(tmp_path / "labels.toml", labels_toml(LABELS))) == LABELS


def test_evidence_is_fair_where_the_file_says_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "labels.toml", '[[label]]\nname = "insult"\ndescription = "x"\nseverity = 2')

    assert read_labels(path)["insult"].evidence is Evidence.FAIR


def test_a_label_is_found_by_name() -> None:
    assert LABELS["threat"].severity == 5
    assert LABELS.names == ("insult", "threat", "spam")


def test_an_unknown_label_names_the_ones_there_are() -> None:
    with pytest.raises(LabelError, match="'flood'; there are insult, threat, spam"):
        LABELS["flood"]


@pytest.mark.parametrize("name", [*sorted(RESERVED), "", "Insult", "two words", "9lives", "_x", "é", "a" * 41, "a\n"])
def test_a_name_that_means_something_else_or_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(LabelError, match="cannot name a category"):
        LabelSet((replace(INSULT, name=name),))


@pytest.mark.parametrize("name", ["a", "a" * 40, "ban_evasion_2"])
def test_plain_names_are_taken(name: str) -> None:
    assert LabelSet((replace(INSULT, name=name),)).names == (name,)


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(LabelError, match="named twice"):
        LabelSet((INSULT, replace(INSULT, severity=9)))


def test_a_label_set_without_labels_is_refused() -> None:
    with pytest.raises(LabelError, match="empty"):
        LabelSet(())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "label = 3",
        'label = "insult"',
        "label = [1]",
        '[label]\nname = "insult"',
        '[[label]]\nname = "insult"\nseverity = 2',
        '[[label]]\nname = "insult"\ndescription = "x"',
        '[[label]]\nname = "insult"\ndescription = "x"\nseverity = "high"',
        '[[label]]\nname = "insult"\ndescription = "x"\nseverity = 1.5',
        '[[label]]\nname = "insult"\ndescription = "x"\nseverity = 1\nevidence = "some"',
        '[[label]]\nname = "toxic"\ndescription = "x"\nseverity = 1',
        "label = [",
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(LabelError):
        read_labels(written(tmp_path / "labels.toml", text))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.toml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(LabelError, match="not valid TOML"):
        read_labels(tmp_path / "labels.toml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"labels\.toml is not there"):
        read_labels(tmp_path / "labels.toml")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="cannot be read"):
        read_labels(tmp_path)


def test_equal_label_sets_have_equal_digests() -> None:
    assert LabelSet(tuple(LABELS.labels)).digest() == LABELS.digest()


@given(st.sampled_from(LABELS.names), st.sampled_from(["name", "description", "severity", "evidence", "order"]))
def test_the_digest_changes_with_every_part(name: str, part: str) -> None:
    labels = list(LABELS.labels)
    place = LABELS.names.index(name)
    label = labels[place]
    if part == "order":
        labels.append(labels.pop(0))
    else:
        value: dict[str, Any] = {
            "name": "flood",
            "description": label.description + " ",
            "severity": label.severity + 10,
            "evidence": next(e for e in Evidence if e is not label.evidence),
        }
        labels[place] = replace(label, **{part: value[part]})

    assert LabelSet(tuple(labels)).digest() != LABELS.digest()
