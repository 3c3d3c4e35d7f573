import re
from pathlib import Path
from typing import Any

import pytest

from classifier.errors import DataError
from classifier.labels import RESERVED, Label, LabelSet
from classifier.training.data.mapping import (
    AS_THEY_ARE,
    CategoryNames,
    LabelMap,
    Meaning,
    category_name,
    label_map,
    read_label_map,
    to_table,
    with_options,
)
from tests.classifier.training.tiny_world import write_text

JIGSAW: dict[str, Any] = {
    "text": "message",
    "clean": ["fine"],
    "labels": {"severe": "insult", "rude": "insult", "odd": "drop"},
    "splits": {"gold": "test"},
    "source": {"jigsaw": {"text": "comment_text", "flags": ["obscene", "toxic"], "labels": {"rude": "profanity"}}},
}
WELCOME = ("non_toxic", "non-toxic", "Not Toxic", "CLEAN", "none", "ok", "neutral", "normal", "benign", " safe ")


@pytest.mark.parametrize("label", WELCOME)
def test_the_usual_names_of_welcome_text_need_no_mapping(label: str) -> None:
    assert AS_THEY_ARE.read(label) == Meaning(toxic=False)


def test_a_label_means_what_the_map_says_before_anything_else() -> None:
    labels = LabelMap(clean=("fine",), labels={"none": "rude", "Bad": "toxic", "gg": "non_toxic", "??": "drop"})

    meanings = [labels.read(label) for label in ("None", "bad", "gg", "??", "Fine", "toxic", "New One")]

    assert meanings == [
        Meaning(True, "rude"),
        Meaning(True, None),
        Meaning(toxic=False),
        None,
        Meaning(toxic=False),
        Meaning(True, None),
        Meaning(True, "new_one"),
    ]


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("toxic|obscene|insult", "insult"),
        ("obscene | other", "obscene"),
        ("none|other", "other"),
        ("none|ok", "none"),
        ("a|b", "a|b"),
        ("insult", "insult"),
        ("|", ""),
        ("", ""),
    ],
)
def test_of_several_labels_the_first_in_the_order_of_the_map_counts(cell: str, label: str) -> None:
    labels = LabelMap(labels={"insult": "insult", "obscene": "profanity", "a|b": "both", "toxic": "toxic"})

    assert labels.choose(cell) == label


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Verbal Abuse", "verbal_abuse"),
        ("Hate Speech/Offensive", "hate_speech_offensive"),
        ("3", "label_3"),
        ("Über-Böse", "uber_bose"),
        ("clean", "label_clean"),
        ("unchecked", "label_unchecked"),
    ],
)
def test_a_label_becomes_the_name_that_people_expect(label: str, name: str) -> None:
    assert category_name(label) == name


@pytest.mark.parametrize(
    "label", ["оскорбление", "угроза", "!!!", "😡", "x" * 90, "x" * 91, "hate речь", "9" * 50, "None"]
)
def test_any_label_becomes_a_name_that_a_label_set_takes_and_that_stays(label: str) -> None:
    name = category_name(label)

    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name)
    assert name not in RESERVED
    assert LabelSet((Label(name, "", 1),)).names == (name,)
    assert name == category_name(label.upper()) == category_name(f" {label}\t")


def test_labels_that_are_not_latin_keep_apart() -> None:
    assert (
        len({category_name(label) for label in ("оскорбление", "угроза", "спам", "!!!", "???", "x" * 90, "x" * 91)})
        == 7
    )


def test_a_label_may_be_named_by_the_category_that_it_would_become() -> None:
    labels = LabelMap(clean=("label_0",), labels={"label_1": "rude"})

    assert (labels.read("0"), labels.read("1")) == (Meaning(toxic=False), Meaning(True, "rude"))


def test_an_empty_label_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        category_name(" _ ")


def test_two_labels_never_become_one_unseen() -> None:
    names = CategoryNames()

    assert [names.add(label) for label in ("Hate Speech", "Hate Speech", "hate-speech")] == ["", "", "Hate Speech"]
    with pytest.raises(DataError, match=r"'Hate Speech' and 'hate/speech'.*hate_speech.*\[labels\]"):
        names.add("hate/speech")
    with pytest.raises(DataError, match="'-1' and '1'"):
        [names.add(label) for label in ("-1", "1")]


def test_a_table_is_read_and_written_back_the_same() -> None:
    labels = label_map(JIGSAW)

    assert label_map(to_table(labels)) == labels
    assert list(label_map(to_table(labels)).labels) == ["severe", "rude", "odd"]
    assert to_table(AS_THEY_ARE) == {}


def test_a_source_takes_over_what_it_does_not_say_itself() -> None:
    source = label_map(JIGSAW).for_source("jigsaw")

    assert (source.text, source.flags, source.clean) == ("comment_text", ("obscene", "toxic"), ("fine",))
    assert list(source.labels.items()) == [("rude", "profanity"), ("severe", "insult"), ("odd", "drop")]
    assert label_map(JIGSAW).for_source("other").text == "message"


def test_a_source_of_flags_under_a_common_label_and_the_reverse() -> None:
    flags = label_map({"label": "kind", "source": {"a": {"flags": ["bad"]}}}).for_source("a")
    label = label_map({"flags": ["bad"], "source": {"a": {"label": "kind"}}}).for_source("a")

    assert (flags.flags, flags.label) == (("bad",), "")
    assert (label.flags, label.label) == ((), "kind")
    assert (
        label_map(to_table(label_map({"flags": ["bad"], "source": {"a": {"label": "kind"}}}))).for_source("a") == label
    )


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"lables": {}}, "'lables' is not known"),
        ({"source": {"a": {"txt": "b"}}}, r"\[source.a\] 'txt' is not known"),
        ({"source": {"a": {"source": {}}}}, "'source' is not known"),
        ({"source": {"a": 1}}, "table"),
        ({"source": []}, "table"),
        ({"text": 1}, "text is 1"),
        ({"text": ""}, "`text` of the mapping is empty"),
        ({"flags": "toxic"}, "list of names"),
        ({"clean": [1]}, "list of names"),
        ({"labels": ["a"]}, "table of names"),
        ({"labels": {"a": 1}}, "table of names"),
        ({"labels": {"a": "Verbal Abuse"}}, "'a' into 'Verbal Abuse'.*lower-case"),
        ({"labels": {"a": "clean"}}, "'clean'.*non_toxic"),
        ({"splits": {"a": "dev"}}, "'a' into 'dev'.*train, tune, test"),
        ({"label": "a", "flags": ["b"]}, "both"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_with_the_key(raw: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        label_map(raw)


def test_a_mapping_file_is_read_and_a_bad_one_named(tmp_path: Path) -> None:
    path = write_text(tmp_path / "map.toml", '\ufefftext = "message"\n[labels]\nobscene = "profanity"\n3 = "drop"\n')

    assert read_label_map(path) == LabelMap(text="message", labels={"obscene": "profanity", "3": "drop"})
    for text in ("text = ", "lables = 1", 'clean = "a"'):
        with pytest.raises(DataError, match=r"bad\.toml"):
            read_label_map(write_text(tmp_path / "bad.toml", text))
    with pytest.raises(DataError, match=r"none\.toml"):
        read_label_map(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "split"), [("Train", "train"), ("DEV", "tune"), ("test", "test"), ("", ""), ("x", "tune")]
)
def test_a_split_is_read_by_its_usual_and_its_mapped_names(name: str, split: str) -> None:
    assert LabelMap(splits={"x": "tune"}).read_split(name) == split


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match=r"'fold 3'.*\[splits\]"):
        AS_THEY_ARE.read_split("fold 3")


def test_options_change_what_the_sources_inherited_and_not_what_they_say() -> None:
    changed = with_options(label_map(JIGSAW), text="line", label="kind", clean=("gg",))

    assert (changed.text, changed.label, changed.clean) == ("line", "kind", ("fine", "gg"))
    source = changed.for_source("jigsaw")
    assert (source.text, source.flags, source.clean) == ("comment_text", ("obscene", "toxic"), ("fine", "gg"))
    assert with_options(LabelMap(flags=("a",)), label="kind").flags == ()
    assert with_options(AS_THEY_ARE, text=None, label=None, group=None) == AS_THEY_ARE
