from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from classifier.errors import DataError
from classifier.labels import LabelSet, read_labels
from classifier.normalize import normalize
from classifier.training.data.corpus import Corpus, build_corpus, data_files
from classifier.training.data.rows import lot
from classifier.training.recipe import Recipe, SourcePlan
from tests.classifier.training.tiny_world import LABELS, write_rows, write_text

PLAIN = Recipe(augment_share=0.0)


@pytest.fixture
def labels(tmp_path: Path) -> LabelSet:
    return read_labels(write_text(tmp_path / "labels.toml", LABELS))


@pytest.fixture
def build(tmp_path: Path, labels: LabelSet) -> Any:
    def build(rows: Iterable[Mapping[str, Any]], recipe: Recipe = PLAIN) -> Corpus:
        return build_corpus([write_rows(tmp_path / "chat.jsonl", rows)], recipe, labels)

    return build


def lines(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"text": f"line number {n}", "label": "non_toxic", **more} for n in range(count)]


def planned(**plan: Any) -> Recipe:
    return replace(PLAIN, sources={"chat": SourcePlan(**plan)})


def test_a_cap_draws_the_same_rows_every_time_and_not_the_first_ones(build: Any) -> None:
    corpus = build(lines(50), planned(rows=10))

    assert len(corpus.train) == 10
    assert corpus == build(reversed(lines(50)), planned(rows=10))
    assert {row.text for row in corpus.train} != {line["text"] for line in lines(10)}


def test_repeat_and_weight_make_a_source_count_more(build: Any) -> None:
    corpus = build(lines(5), planned(repeat=3, weight=0.5))

    assert len(corpus.train) == 15
    assert {row.weight for row in corpus.train} == {0.5}
    assert corpus.sources() == {"chat": 15}


def test_a_source_without_a_tune_part_gets_one_by_lot(build: Any) -> None:
    corpus = build(lines(400), planned(tune_share=0.25))

    assert len(corpus.tune) == pytest.approx(100, abs=30)
    assert len(corpus.train) + len(corpus.tune) == 400
    assert all(lot(row.text, "tune") < 0.25 for row in corpus.tune)


def test_a_source_that_has_a_tune_part_keeps_it(build: Any) -> None:
    rows = [*lines(40), *({**line, "text": f"held {n}", "split": "tune"} for n, line in enumerate(lines(3)))]

    corpus = build(rows, planned(tune_share=0.5))

    assert {row.text for row in corpus.tune} == {"held 0", "held 1", "held 2"}
    assert len(corpus.train) == 40


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_test_rows_of_a_source_are_kept_apart_from_everything(build: Any, share: float) -> None:
    corpus = build(lines(20, split="test"), planned(tune_share=share))

    assert (corpus.train, corpus.tune, corpus.unseen) == ((), (), ())
    assert len(corpus.test) == 20


def test_rows_of_no_stated_split_are_cut_as_the_recipe_says(build: Any) -> None:
    corpus = build(lines(100), replace(PLAIN, test_share=0.2, tune_share=0.25))

    assert (len(corpus.train), len(corpus.tune), len(corpus.test)) == (60, 20, 20)


def test_a_source_with_test_rows_is_cut_for_tune_rows_alone(build: Any) -> None:
    rows = [*lines(80), *({**line, "text": f"held {n}", "split": "test"} for n, line in enumerate(lines(9)))]

    corpus = build(rows, replace(PLAIN, test_share=0.5, tune_share=0.25))

    assert (len(corpus.train), len(corpus.tune), len(corpus.test)) == (60, 20, 9)


def test_extra_rows_are_for_training_alone(build: Any) -> None:
    recipe = replace(planned(extra=True), test_share=0.2, tune_share=0.25)

    corpus = build([*lines(30), *lines(9, split="test")], recipe)

    assert (len(corpus.train), corpus.tune, corpus.test) == (30, (), ())


def test_a_cap_can_say_how_many_rows_are_toxic(build: Any) -> None:
    rows = [*lines(50), *({"text": f"you clown {n}", "label": "rude"} for n in range(50))]

    corpus = build(rows, planned(rows=30, toxic_rows=10))

    assert (len(corpus.train), sum(row.toxic for row in corpus.train)) == (30, 10)


def test_fewer_rows_of_ones_own_keep_every_class_and_all_extra_rows(tmp_path: Path, labels: LabelSet) -> None:
    own = [
        *lines(60),
        *({"text": f"you clown {n}", "label": "rude"} for n in range(30)),
        *({"text": f"gold shop {n}", "label": "advert"} for n in range(10)),
    ]
    files = [write_rows(tmp_path / "own.jsonl", own), write_rows(tmp_path / "more.jsonl", lines(7, source="more"))]
    recipe = replace(PLAIN, own_rows=20, sources={"more": SourcePlan(extra=True)})

    train = build_corpus(files, recipe, labels).train

    assert sum(row.source == "more" for row in train) == 7
    kept = [row.category for row in train if row.source == "own"]
    assert len(kept) == 20
    assert (kept.count(None), kept.count("rude"), kept.count("advert")) == (12, 6, 2)


def test_a_source_of_no_rows_is_left_out_entirely(build: Any) -> None:
    rows = [*lines(5), *lines(5, split="tune"), {"text": "a", "label": "of_no_model"}]

    assert build(rows, planned(rows=0)) == Corpus((), (), ())


def test_seed_lines_can_be_left_out_entirely(build: Any) -> None:
    recipe = replace(PLAIN, seed_lines=True, sources={"seed_lines": SourcePlan(rows=0, tune_share=0.3)})

    assert build([], recipe) == Corpus((), (), ())


def test_no_text_of_unseen_is_trained_on_though_tune_may_repeat_it(build: Any) -> None:
    rows = [*lines(10), *lines(4, split="tune"), {"text": "LINE   number 99", "label": "non_toxic", "split": "tune"}]

    corpus = build(rows)

    assert len(corpus.tune) == 5
    assert [row.text for row in corpus.unseen] == ["line number 99"]


def test_texts_are_cleaned_of_what_data_sets_put_in_and_normalised(build: Any) -> None:
    corpus = build([{"text": "@some_player you&#39;re a CLOWN [SEPA] ＬＯＬ", "label": "rude"}])

    assert corpus.train[0].text == normalize("@user you're a clown lol").text


def test_texts_that_are_empty_or_too_long_are_left_out(build: Any) -> None:
    rows = [{"text": text, "label": "non_toxic"} for text in ("\u200b", "", "word " * 100, "short")]

    assert [row.text for row in build(rows, replace(PLAIN, most_characters=40)).train] == ["short"]


def test_repeated_texts_train_once(build: Any) -> None:
    corpus = build([{"text": "EZ", "label": "rude"}, {"text": "ez", "label": "non_toxic"}])

    assert [(row.text, row.toxic, row.category) for row in corpus.train] == [("ez", 0.5, "rude")]


def test_disguised_copies_join_the_train_rows_alone_and_weigh_less(build: Any) -> None:
    rows = [
        {"text": f"please defend bridge number {n}", "label": "non_toxic", "split": "tune" if n % 4 == 0 else "train"}
        for n in range(80)
    ]

    plain, corpus = build(rows), build(rows, replace(PLAIN, augment_share=0.5))

    extra = corpus.train[len(plain.train) :]
    assert corpus.train[: len(plain.train)] == plain.train
    assert len(extra) == pytest.approx(30, abs=15)
    assert {row.weight for row in extra} == {0.7}
    assert not {row.text for row in extra} & {row.text for row in plain.train}
    assert corpus.tune == plain.tune
    assert corpus == build(rows, replace(PLAIN, augment_share=0.5))


def test_a_category_that_the_model_lacks_is_named(build: Any) -> None:
    with pytest.raises(DataError, match=r"chat\.jsonl.*'griefing' is not a category.*rude, advert.*--labels"):
        build([{"text": "a", "label": "griefing"}])


def test_seed_lines_of_categories_that_the_model_lacks_teach_toxic_or_not(build: Any) -> None:
    corpus = build(lines(1), replace(PLAIN, seed_lines=True))

    seeded = [row for row in corpus.train if row.source == "seed_lines"]
    assert {row.toxic > 0.5 for row in seeded} == {True, False}
    assert {row.category for row in seeded} == {None}


def test_a_folder_gives_its_data_files_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.csv", "c.jsonl.gz", "notes.txt", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "sub.jsonl").mkdir()

    assert [path.name for path in data_files([tmp_path])] == ["a.csv", "b.jsonl", "c.jsonl.gz"]


def test_an_empty_folder_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data file found; give"):
        data_files([tmp_path])
    with pytest.raises(DataError, match=r"none\.jsonl is not there"):
        data_files([tmp_path / "none.jsonl"])
