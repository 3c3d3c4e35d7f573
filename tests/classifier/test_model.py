from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import Classifier, Label, LabelSet, Verdict, load
from classifier.calibrate import Calibration
from classifier.encoder import Encoder
from classifier.errors import ClassifierError, LabelError, ModelDamaged, ModelError, ModelMissing, TextError
from classifier.manifest import MANIFEST, Stages, read_manifest
from classifier.model import MOST_CHARACTERS
from tests.classifier.tiny_model import LABELS, TinyModel, labels_toml, manifest_of, seal, write_network

Built = Callable[..., Path]

EVERY_KIND = pytest.mark.parametrize("stages", Stages)
LINES = (
    "",
    "good game",
    "you are an idiot",
    "i​d​i​o​t",
    "kill the loser",
    "buy, buy!",
    "well " * 40 + "idiot",
    "🎉",
    "\ud800",
)


def assert_same(found: Sequence[Verdict], expected: Sequence[Verdict]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.toxic == pytest.approx(other.toxic, abs=1e-6)
        assert dict(one.categories) == pytest.approx(dict(other.categories), abs=1e-6)
        assert one.partial == other.partial


@EVERY_KIND
def test_every_kind_of_model_tells_fine_texts_from_bad_ones(built: Built, stages: Stages) -> None:
    fine, bad = load(built(TinyModel(stages)), threads=1).score(["good game", "you are an idiot"])

    assert fine.toxic < 0.1
    assert bad.toxic > 0.9
    assert bad.top[0] == "insult"
    assert bad.top[1] > 0.9


@EVERY_KIND
@pytest.mark.parametrize(("text", "category"), [("loser", "insult"), ("i kill you", "threat"), ("Buy it", "spam")])
def test_every_kind_of_model_names_the_category(built: Built, stages: Stages, text: str, category: str) -> None:
    (verdict,) = load(built(TinyModel(stages)), threads=1).score([text])

    assert verdict.top[0] == category


@EVERY_KIND
def test_categories_are_those_of_the_label_set_and_sum_to_the_toxic_probability(built: Built, stages: Stages) -> None:
    for verdict in load(built(TinyModel(stages)), threads=1).score(LINES):
        assert tuple(verdict.categories) == LABELS.names
        assert sum(verdict.categories.values()) == pytest.approx(verdict.toxic, abs=1e-6)
        assert verdict.model_version == "tiny-1"


@EVERY_KIND
def test_a_text_scores_the_same_alone_and_among_others(built: Built, stages: Stages) -> None:
    classifier = load(built(TinyModel(stages)), threads=1)

    assert_same(classifier.score(LINES), [classifier.score([line])[0] for line in LINES])


@given(st.lists(st.sampled_from(LINES), max_size=80))
def test_verdicts_come_in_the_order_of_the_texts(tiny: Classifier, texts: list[str]) -> None:
    known = dict(zip(LINES, tiny.score(LINES), strict=True))

    assert_same(tiny.score(texts), [known[text] for text in texts])


def test_a_two_stage_model_asks_its_second_model_only_about_what_the_first_let_through(built: Built) -> None:
    folder = built(TinyModel(Stages.TWO))
    (folder / "category.onnx").write_bytes((folder / "binary.onnx").read_bytes())  # fails when it is asked
    classifier = load(seal(folder, TinyModel(Stages.TWO)), threads=1)

    assert classifier.score(["good game"])[0].toxic < 0.1
    with pytest.raises(ModelError):
        classifier.score(["idiot"])


def test_the_calibration_of_the_manifest_is_applied(built: Built) -> None:
    folder = built()
    sure = load(folder, threads=1).score(["idiot"])[0]
    unsure = load(seal(folder, TinyModel(calibration=Calibration(0.1, 0.0, 8.0))), threads=1).score(["idiot"])[0]

    assert unsure.toxic == pytest.approx(1 / (1 + np.exp(-0.4)))
    assert unsure.categories["insult"] / unsure.toxic < sure.categories["insult"] / sure.toxic


@pytest.mark.parametrize("before", [0, 10, 13, 14, 15, 100, 800])
def test_abuse_is_found_wherever_it_stands_in_a_long_text(tiny: Classifier, before: int) -> None:
    (verdict,) = tiny.score(["well " * before + "idiot" + " played" * 20])

    assert verdict.toxic > 0.9
    assert verdict.top[0] == "insult"
    assert not verdict.partial


def test_of_an_endless_text_only_the_beginning_is_read_and_the_verdict_says_so(tiny: Classifier) -> None:
    (verdict,) = tiny.score(["well " * (MOST_CHARACTERS // 5) + "idiot"])

    assert verdict.toxic < 0.1
    assert verdict.partial


def test_a_text_beyond_the_limit_of_windows_is_judged_in_part_and_says_so(tiny_folder: Path) -> None:
    manifest = read_manifest(tiny_folder)
    encoder = Encoder(tiny_folder, manifest, threads=1, windows=3)
    # 16 tokens with [CLS] and [SEP] leave 14, of which 4 are shared: three windows hold 14 + 10 + 10 words.
    whole, cut = encoder.score(["good " * 34, "good " * 34 + "idiot"], len(LABELS.names))

    assert not whole.partial
    assert cut.partial
    assert cut.toxic < 0.1


def test_only_the_long_text_of_a_batch_is_partial(tiny: Classifier) -> None:
    long, short = tiny.score(["good game " * 10_000, "good game"])

    assert long.partial
    assert not short.partial


def test_a_hundred_thousand_characters_are_scored(tiny: Classifier) -> None:
    (verdict,) = tiny.score(["idiot " + "z" * 100_000])

    assert verdict.toxic > 0.9


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\0", "\ud800", "🎉", "ж", "\n" * 1000])
def test_a_text_without_a_known_word_is_scored_all_the_same(tiny: Classifier, text: str) -> None:
    (verdict,) = tiny.score([text])

    assert 0 <= verdict.toxic < 0.1
    assert not verdict.partial


def test_no_texts_have_no_verdicts(tiny: Classifier) -> None:
    assert tiny.score([]) == []


def test_what_is_no_text_is_refused(tiny: Classifier) -> None:
    with pytest.raises(TextError):
        tiny.score(["gg", cast(str, None)])


def test_a_model_says_its_version(tiny: Classifier) -> None:
    assert tiny.version == "tiny-1"


def test_a_file_that_differs_is_refused(built: Built) -> None:
    folder = built()
    with (folder / "model.onnx").open("ab") as stream:
        stream.write(b"x")

    with pytest.raises(ModelDamaged):
        load(folder, threads=1)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        load(tmp_path / "nowhere", threads=1)


def test_another_label_set_than_the_trained_one_is_refused(built: Built) -> None:
    folder = built()
    swapped = LabelSet((LABELS.labels[1], LABELS.labels[0], LABELS.labels[2]))
    (folder / "labels.toml").write_text(labels_toml(swapped), encoding="utf-8")
    seal(folder)

    with pytest.raises(LabelError, match="not the label set that the model was trained with"):
        load(folder, threads=1)


@pytest.mark.parametrize("for_training", [True, False])
def test_a_network_that_the_manifest_does_not_vouch_for_is_refused(built: Built, for_training: bool) -> None:
    folder = built()
    manifest = manifest_of(folder, TinyModel())
    files = dict(manifest.files)
    record = files.pop("model.onnx")
    if for_training:
        files["model.onnx"] = replace(record, for_training=True)
    (folder / MANIFEST).write_text(replace(manifest, files=files).to_json(), encoding="utf-8")

    with pytest.raises(ModelError, match=r"has no hash of model\.onnx"):
        load(folder, threads=1)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_file_that_is_vouched_for_but_is_nonsense_is_refused(built: Built, name: str) -> None:
    folder = built()
    (folder / name).write_bytes(b"nonsense")

    with pytest.raises(ModelError, match="cannot be loaded"):
        load(seal(folder), threads=1)


@pytest.mark.parametrize(("window", "overlap"), [(0, 0), (1, 0), (2, 0), (8, 6), (8, 7), (8, 20), (8, -1), (-8, 0)])
def test_windows_that_leave_no_room_for_text_are_refused(built: Built, window: int, overlap: int) -> None:
    with pytest.raises(ModelError):
        load(built(TinyModel(window=window, overlap=overlap)), threads=1)


def test_the_smallest_window_that_makes_way_reads_the_whole_text(built: Built) -> None:
    classifier = load(built(TinyModel(window=8, overlap=5)), threads=1)

    assert classifier.score(["well " * 100 + "idiot"])[0].toxic > 0.9


@EVERY_KIND
@pytest.mark.parametrize("count", [2, 4])
def test_a_network_for_another_number_of_categories_is_refused(built: Built, stages: Stages, count: int) -> None:
    folder = built(TinyModel(stages))
    labels = LabelSet(tuple(Label(f"category_{i}", "A category.", i) for i in range(count)))
    (folder / "labels.toml").write_text(labels_toml(labels), encoding="utf-8")
    classifier = load(seal(folder, TinyModel(stages, labels)), threads=1)

    with pytest.raises(ModelError, match="get the model again"):
        classifier.score(["idiot"])


@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_a_network_that_gives_no_number_is_a_failure_and_not_clean(built: Built, nothing: float) -> None:
    folder = built()
    tables = {"toxic": np.full((200, 1), nothing), "category": np.zeros((200, 3))}
    write_network(folder / "model.onnx", tables)
    classifier = load(seal(folder), threads=1)

    with pytest.raises(ModelError, match="no finite numbers"):
        classifier.score(["good game"])


def test_a_network_that_lacks_a_head_is_refused(built: Built) -> None:
    folder = built()
    write_network(folder / "model.onnx", {"toxic": np.zeros((200, 1))})

    with pytest.raises(ModelError):
        load(seal(folder), threads=1).score(["good game"])


def test_a_token_that_the_network_does_not_know_is_a_failure_of_the_model(built: Built) -> None:
    folder = built()
    write_network(folder / "model.onnx", {"toxic": np.zeros((4, 1)), "category": np.zeros((4, 3))})
    classifier = load(seal(folder), threads=1)

    with pytest.raises(ClassifierError, match="the model failed on 1 windows"):
        classifier.score(["good game"])
