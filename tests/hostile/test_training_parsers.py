"""Whatever is given to training and its commands: only the project's own errors come of it, with the file's name."""

import gzip
import json
import math
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from bot.console.model.calibrate import budget_of
from bot.console.model.evaluate import threshold_of
from classifier.errors import ClassifierError, DataError
from classifier.labels import Evidence, Label, LabelSet, read_labels
from classifier.manifest import read_manifest
from classifier.model import SHIPPED as MODEL
from classifier.training.bases.kinds import require_text_encoder
from classifier.training.compare import Setting, read_settings, require_same
from classifier.training.data.audit import Conflicts
from classifier.training.data.lines import LONGEST_LINE
from classifier.training.data.mapping import (
    DROP,
    SPLITS,
    TOXIC,
    CategoryNames,
    LabelMap,
    category_name,
    label_map,
    read_label_map,
    to_table,
)
from classifier.training.data.prepare import prepare, write_rows
from classifier.training.data.rows import WEAK_WEIGHT, Row, read_rows
from classifier.training.data.seeds import SEED_LINES, seed_rows
from classifier.training.data.tables import Problem
from classifier.training.data.taxonomy import to_toml
from classifier.training.evaluation.probes import PROBES, read_probes
from classifier.training.learning.export import read_weights
from classifier.training.learning.fit import newest_checkpoint
from classifier.training.recipe import SHIPPED, STUDIO, Recipe, SourcePlan, read_recipe
from classifier.verdict import NON_TOXIC
from tests.hostile.test_parsers import broken, jsons, scalars

law = settings(deadline=None, max_examples=60)
DIGITS = "9" * 5000
HEX = "0x" + "f" * 5000
DEEP = ".a" * 3000


def hostile(*keys: str) -> st.SearchStrategy[str]:
    """Return TOML in which a key that is read holds what no reader expects."""
    lines = [f"{key} = {value}" for key in keys for value in (DIGITS, HEX, "[" * 3000, "1e999", "nan", '"\\u0000"')]
    return st.sampled_from([*lines, *(f"{key}{DEEP} = 1" for key in keys), "a = 1\na = 2", 'a = "\\ud800"'])


raws = st.one_of(st.binary(max_size=60), st.sampled_from([b"\xff\xfe", b"\xef\xbb\xbf", b"a = '\xff'", b"\0" * 50]))


@st.composite
def files(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> bytes:
    return draw(st.one_of(texts.map(lambda text: text.encode("utf-8", "surrogatepass")), raws))


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@contextmanager
def only_own(path: Path) -> Iterator[None]:
    """Let the classifier's errors pass, if they name the file."""
    try:
        yield
    except ClassifierError as error:
        assert path.name in str(error)
        assert len(str(error)) < 20_000


def read_or_refused(data: bytes, name: str, read: Callable[[Path], object]) -> None:
    with folder() as home:
        path = home / name
        path.write_bytes(data)
        with only_own(path):
            read(path)


# Labelled files

NAMES = ("text", "label", "category", "toxic", "source", "split", "strength", "group", "match", "obscene")
LABELS = ("rude", "clean", "non_toxic", "toxic", "_", "_|rude", "|", "1.0", "", "a|b", "x" * 300, "Ünflätig", "ſ", "İ")
cells = st.one_of(
    st.sampled_from(LABELS), st.sampled_from(["train", "tune", "weak", "0", "1", "gg", "\ud83d"]), scalars, st.text()
)
records = st.dictionaries(st.sampled_from(NAMES), st.one_of(cells, st.lists(cells, max_size=3), jsons), max_size=6)
odd_lines = st.sampled_from(
    [
        b'{"text": "gg", "label": ' + DIGITS.encode() + b"}",
        b"[" * 5000,
        b'{"a":' * 5000,
        b'{"text": NaN, "label": Infinity}',
        b'{"text": "a", "text": "b", "label": "rude", "label": "clean"}',
        b'{"text": "\\ud83d", "label": "rude", "source": "\\ud83d", "group": "\\udead"}',
        b"\x00",
        b"\xff",
        b'"',
        b"",
        b"x" * 140_000,
        b'"a\rb",rude',
        b"text,label",
        b"gg,rude",
        b'{"text": "gg", "label": "rude", "toxic": true}',
    ]
)
lines = st.lists(st.one_of(odd_lines, records.map(lambda each: json.dumps(each).encode()), raws), max_size=6)
ENDS = (".jsonl", ".csv", ".tsv", ".json", ".txt", ".jsonl.gz", ".csv.gz", ".gz")
MAPS = (
    LabelMap(),
    LabelMap(label="label", labels={"rude": "insult", "clean": DROP}),
    LabelMap(flags=("obscene", "toxic"), splits={"1": "test"}),
    LabelMap(sources={"a": LabelMap(text="label", label="text"), "\ufffd": LabelMap(group="match")}),
)


def usable(row: Row) -> None:
    """Fail where a row holds what a recipe, a manifest or a label set could not hold."""
    assert row.toxic in (0.0, 1.0)
    assert row.split in ("", *SPLITS)
    if row.category is not None:
        LabelSet((Label(row.category, "x", 1),))
    (row.source + (row.group or "")).encode()


@law
@example([b"text,label", b"gg,_|rude"], ".csv", "utf-8", 9**9, MAPS[0])
@example([b'{"text": "gg", "label": "rude", "source": "\\ud83d"}'], ".jsonl", "utf-8", 9**9, MAPS[0])
@given(
    lines,
    st.sampled_from(ENDS),
    st.sampled_from(["utf-8", "utf-16", "utf-32", "utf-8-sig"]),
    st.one_of(st.just(9**9), st.integers(0, 200)),
    st.sampled_from(MAPS),
)
def test_a_labelled_file_is_read_or_refused_packed_and_cut_as_well(
    pieces: list[bytes], end: str, encoding: str, cut: int, mapping: LabelMap
) -> None:
    data = b"\n".join(pieces)
    data = data if encoding == "utf-8" else data.decode("latin-1").encode(encoding)
    data = (gzip.compress(data) if end.endswith(".gz") else data)[:cut]
    problems: list[Problem] = []

    def read(path: Path) -> None:
        for row in read_rows(path, mapping, on_problem=problems.append):
            usable(row)

    read_or_refused(data, f"rows{end}", read)
    read_or_refused(data, f"rows{end}", lambda path: list(read_rows(path, mapping)))
    assert all(problem.at.startswith("rows") for problem in problems)


@settings(law, max_examples=25)
@given(lines, st.sampled_from([".jsonl", ".csv"]), st.sampled_from(Conflicts))
def test_a_file_is_prepared_or_refused_and_what_is_written_reads_as_it_was(
    pieces: list[bytes], end: str, conflicts: Conflicts
) -> None:
    def read(path: Path) -> None:
        found = prepare([path], conflicts=conflicts, fewest=1)
        json.dumps(found.report())
        out = path.with_name("clean.jsonl")
        write_rows(out, found.rows)
        assert list(read_rows(out)) == list(found.rows)

    read_or_refused(b"\n".join(pieces), f"rows{end}", read)


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda word: word == word.strip()
)
rows = st.builds(
    Row,
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
    toxic=st.just(1.0),
    category=st.one_of(st.none(), words.map(lambda word: category_name("a" + word))),
    source=words,
    split=st.sampled_from(("", *SPLITS)),
    weight=st.sampled_from([1.0, WEAK_WEIGHT]),
    group=st.one_of(st.none(), words),
)


@law
@given(
    st.lists(st.one_of(rows, rows.map(lambda row: replace(row, toxic=0.0, category=None))), min_size=1, max_size=5),
    st.sampled_from([".jsonl", ".csv"]),
)
def test_rows_read_as_they_were_written(written: list[Row], end: str) -> None:
    with folder() as home:
        write_rows(home / f"rows{end}", written)
        assert list(read_rows(home / f"rows{end}")) == written


@settings(law, max_examples=20)
@given(st.text(max_size=6).map(lambda text: text + "\ud83d"))
def test_a_text_that_was_cut_within_an_emoji_reads_as_it_was_written(text: str) -> None:
    with folder() as home:
        row = Row(text, 1.0, "rude", "s")
        write_rows(home / "rows.jsonl", [row])
        assert list(read_rows(home / "rows.jsonl")) == [row]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-le"])
def test_a_packed_line_that_unpacks_to_very_much_takes_bounded_memory(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write("\ufefftext,label\ngg,rude\n".encode(encoding))
        chunk = ("a" * (1 << 20)).encode(encoding)
        for _ in range(40):
            file.write(chunk)
        file.write("\nwp,rude\n".encode(encoding))
    problems: list[Problem] = []
    tracemalloc.start()
    try:
        found = [row.text for row in read_rows(path, on_problem=problems.append)]
        assert tracemalloc.get_traced_memory()[1] < 8 * LONGEST_LINE
    finally:
        tracemalloc.stop()
    assert found == ["gg", "wp"]
    assert [problem.line for problem in problems] == [3]


def test_a_record_of_long_lines_is_given_up_before_it_fills_the_memory(tmp_path: Path) -> None:
    line = 'x",' + ("b" * 1000 + ",") * 2000 + '"\n'
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + line * 8)
    with pytest.raises(DataError, match=r"rows\.csv, line 2: .* is not closed within 8 MB"):
        list(read_rows(path))


# Label mappings, categories, recipes and settings

MAPPING = """text = "message"
label = "kind"
clean = ["fine"]
[labels]
obscene = "profanity"
[splits]
dev = "tune"
[source.old]
flags = ["a", "b"]
[source.old.labels]
a = "insult"
"""
MAP_KEYS = ("text", "flags", "labels", "labels.x", "splits", "source", "source.old", "source.old.text", "clean")


@law
@example(f"clean = {HEX}".encode())
@example(f"text{DEEP} = 1".encode())
@given(files(st.one_of(broken(MAPPING), st.text(max_size=60), hostile(*MAP_KEYS))))
def test_a_label_mapping_is_read_or_refused_and_reads_as_it_was_written(data: bytes) -> None:
    def read(path: Path) -> None:
        mapping = read_label_map(path)
        assert label_map(to_table(mapping)) == mapping

    read_or_refused(data, "mapping.toml", read)


@law
@given(st.recursive(scalars, lambda each: st.dictionaries(st.sampled_from(MAP_KEYS), each, max_size=4), max_leaves=8))
def test_any_table_is_a_label_mapping_or_refused(raw: Any) -> None:
    if isinstance(raw, dict):
        try:
            label_map(raw)
        except DataError as error:
            assert str(error)


@law
@given(st.one_of(st.text(max_size=20), st.sampled_from(LABELS)))
def test_a_label_becomes_the_name_of_a_category_or_is_refused(label: str) -> None:
    try:
        name = category_name(label)
        CategoryNames().add(label)
    except DataError:
        return
    assert LabelSet((Label(name, "x", 1),)).names == (name,)


CATEGORIES = (MODEL / "labels.toml").read_text(encoding="utf-8")
label_sets = st.lists(
    st.builds(
        Label,
        name=words.map(lambda word: category_name("a" + word)),
        description=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        severity=st.integers(-(2**70), 2**70),
        evidence=st.sampled_from(Evidence),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda label: label.name,
).map(lambda labels: LabelSet(tuple(labels)))


@law
@given(label_sets)
def test_categories_read_as_they_were_written(labels: LabelSet) -> None:
    with folder() as home:
        (home / "labels.toml").write_text(to_toml(labels), encoding="utf-8", newline="")
        assert read_labels(home / "labels.toml") == labels


@law
@example(f"[[label]]\nname = 'a'\ndescription = 'b'\nseverity = {DIGITS}".encode())
@given(files(st.one_of(broken(CATEGORIES), hostile("label", "[label]\nname", "[[label]]\nseverity"))))
def test_a_file_of_categories_is_read_or_refused(data: bytes) -> None:
    read_or_refused(data, "labels.toml", read_labels)


RECIPES = tuple(path.read_text(encoding="utf-8") for path in (SHIPPED, STUDIO))
RECIPE_KEYS = (
    "run.data", "run.base", "run.stages", "text.most_tokens", "text.most_characters", "split.own_rows", "fit.epochs",
    "fit.seed", "fit.soup", "fit.optimizer", "fit.teachers", "mapping.text", "mapping.labels", "source", "source.a",
    "source.a.rows", "source.a.weight", "run", "fit", "x",
)  # fmt: skip


def kept(recipe: Recipe) -> None:
    with folder() as home:
        (home / "run.toml").write_text(recipe.to_toml(), encoding="utf-8", newline="")
        assert read_recipe(home / "run.toml") == recipe


@law
@example(f"[fit]\nsoup = {HEX}".encode())
@example(f"[fit]\nsoup{DEEP} = 1".encode())
@given(files(st.one_of(broken(*RECIPES), st.text(max_size=60), hostile(*RECIPE_KEYS))))
def test_a_recipe_is_read_or_refused_and_reads_as_it_was_written(data: bytes) -> None:
    read_or_refused(data, "recipe.toml", lambda path: kept(read_recipe(path)))


plans = st.builds(
    SourcePlan,
    rows=st.one_of(st.none(), st.integers(0, 2**40)),
    weight=st.floats(0, 1e300),
    repeat=st.integers(1, 2**40),
    tune_share=st.floats(0, 1, exclude_max=True),
    extra=st.booleans(),
    about=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)


@law
@given(
    st.dictionaries(words, plans, max_size=3),
    st.lists(words, max_size=3).map(tuple),
    st.floats(0, 1e300, exclude_min=True),
    st.dictionaries(words, st.sampled_from([NON_TOXIC, TOXIC, DROP, "insult"]), max_size=3),
)
def test_a_recipe_reads_as_it_was_written(
    sources: dict[str, SourcePlan], data: tuple[str, ...], epochs: float, labels: dict[str, str]
) -> None:
    kept(Recipe(data=data, epochs=epochs, mapping=LabelMap(labels=labels), sources=sources))


SETTINGS = """[[setting]]
name = "one"
stages = "one"
[[setting]]
name = "two"
learning_rate = 1e-3
model = "models/two"
[setting.mapping]
text = "x"
"""
SETTING_KEYS = ("setting", "[setting]\nname", "[[setting]]\nname", "[[setting]]\nname = 'a'\nsoup")


@law
@example(b"[[setting]]\nname = 'a'\n[setting.mapping]\ntext = ''")
@example(b"[[setting]]\nname = 'a'\nrecipe = 1")
@given(
    files(st.one_of(broken(SETTINGS), st.text(max_size=60), hostile(*SETTING_KEYS, "[[setting]]\nname='a'\nepochs")))
)
def test_settings_to_compare_are_read_or_refused(data: bytes) -> None:
    read_or_refused(data, "settings.toml", lambda path: read_settings(path, Recipe()))


@law
@given(files(st.one_of(broken(*RECIPES), hostile("fit"), st.just(Recipe().to_toml()))))
def test_the_recipe_of_a_model_that_is_there_is_the_same_or_refused(data: bytes) -> None:
    with folder() as home:
        (home / "run.toml").write_bytes(data)
        with only_own(home):
            require_same(home, Setting("a", Recipe()))


# What comes with the package


@law
@given(
    files(
        st.one_of(
            broken(SEED_LINES.read_text(encoding="utf-8")[:1500]),
            hostile("slots", "group", "pair", "[[group]]\ncategory = 'x'\nlines"),
            st.sampled_from(["group = []\nslots = []", "[[group]]\ncategory = 'x'\nlines = ['{a}']\n[slots]\na = []"]),
            st.sampled_from(
                ["[[group]]\ncategory='x'\nlines=[1]", "[[group]]\ncategory='x'\nlines=['{a}']\n[slots]\na=[1]"]
            ),
        )
    )
)
def test_lines_for_training_are_read_or_refused(data: bytes) -> None:
    read_or_refused(data, "seeds.toml", lambda path: list(seed_rows(path)))


@settings(law, max_examples=30)
@given(files(st.one_of(broken(PROBES.read_text(encoding="utf-8")), hostile("toxic", "violent", "identity.terms"))))
def test_sentences_to_measure_with_are_read_or_refused(data: bytes) -> None:
    read_or_refused(data, "probes.toml", read_probes)


# What a model folder or a run that broke off holds


@law
@given(st.one_of(files(st.one_of(jsons.map(json.dumps), st.just('{"a":' * 5000), st.just(DIGITS))), st.just(b"{}")))
def test_the_configuration_of_a_base_is_read_or_refused(data: bytes) -> None:
    read_or_refused(data, "config.json", lambda path: require_text_encoder(path, str(path)))


MANIFEST = json.loads((MODEL / "manifest.json").read_text(encoding="utf-8"))


@law
@given(st.sampled_from(["rows", "recalibrated", "earlier_commands"]), jsons)
def test_what_a_manifest_tells_of_its_training_is_of_its_kind_or_refused(key: str, value: Any) -> None:
    def read(path: Path) -> None:
        training = read_manifest(path.parent).training
        assert isinstance(training.get("rows", {}), dict)
        assert isinstance([*training.get("recalibrated", []), *training.get("earlier_commands", [])], list)

    raw = MANIFEST | {"training": {**MANIFEST["training"], key: value}}
    read_or_refused(json.dumps(raw).encode(), "manifest.json", read)


def test_a_manifest_with_half_a_character_reads_as_it_was_written(tmp_path: Path) -> None:
    raw = MANIFEST | {"training": {"rows": {"\ud83d": 1}}}
    (tmp_path / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")
    manifest = read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    assert read_manifest(tmp_path) == manifest


weights = st.sampled_from([b"", b"\x08" + b"\0" * 7 + b"{}      ", b"\xff" * 16])


@law
@given(st.one_of(raws, weights), st.integers(0, 120), st.binary(min_size=1, max_size=6))
def test_weights_are_read_or_refused_cut_and_overwritten(data: bytes, at: int, over: bytes) -> None:
    with folder() as home:
        save_file({"encoder.a": torch.ones(2, 2), "toxic.bias": torch.zeros(1)}, home / "whole")
        whole = (home / "whole").read_bytes()
    for each in (data, whole[:at], whole[:at] + over + whole[at + len(over) :]):
        read_or_refused(each, "done.safetensors", read_weights)


states = st.one_of(files(jsons.map(json.dumps)), st.just(b'{"global_step": 3}'), st.just(b"[" * 5000), st.just(b""))


@law
@given(st.dictionaries(st.sampled_from(["checkpoint-3", "checkpoint-x", "checkpoint-", "checkpoint-12"]), states))
def test_a_checkpoint_whose_state_is_damaged_is_not_taken_for_the_newest(found: dict[str, bytes]) -> None:
    with folder() as home:
        (home / "checkpoint-1").mkdir()
        (home / "checkpoint-1" / "trainer_state.json").write_text('{"global_step": 1}')
        for name, state in found.items():
            (home / name).mkdir()
            (home / name / "trainer_state.json").write_bytes(state)
        newest = newest_checkpoint(home)
        assert newest is not None
        assert "global_step" in json.loads((Path(newest) / "trainer_state.json").read_text(encoding="utf-8"))


# What is typed


@law
@example("1 in ٢٠")
@example("1_0")
@given(st.one_of(st.text(max_size=12), st.from_regex(r"1 in [\d,]{1,12}", fullmatch=True), st.just(DIGITS)))
def test_a_budget_and_a_threshold_are_read_or_refused(text: str) -> None:
    for read in (budget_of, threshold_of):
        try:
            assert 0 < read(text) <= 1
            assert math.isfinite(read(text))
        except typer.BadParameter as error:
            assert str(error)
