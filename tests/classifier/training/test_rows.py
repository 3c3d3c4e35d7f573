import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.errors import DataError
from classifier.training.rows import WEAK_WEIGHT, Row, fold_repeats, lot, read_rows
from tests.classifier.training.tiny_world import write_rows, write_text

LABELLED = {"text": "you clown", "label": "rude"}


def test_a_label_alone_says_toxicity_and_category(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "chat.jsonl", [LABELLED, {"text": "gg", "label": "non_toxic"}])

    assert list(read_rows(path)) == [Row("you clown", 1.0, "rude", "chat"), Row("gg", 0.0, None, "chat")]


def test_a_category_of_null_leaves_only_toxic_or_not(tmp_path: Path) -> None:
    rows = [{"text": "a", "category": None, "toxic": toxic} for toxic in (True, False, 1, 0)]

    read = list(read_rows(write_rows(tmp_path / "chat.jsonl", rows)))

    assert [(row.toxic, row.category) for row in read] == [(1.0, None), (0.0, None), (1.0, None), (0.0, None)]


def test_a_clean_row_keeps_no_category(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "chat.jsonl", [{"text": "a", "category": "rude", "toxic": False}])

    assert next(read_rows(path)).category is None


def test_source_and_split_are_read_and_a_weak_row_weighs_less(tmp_path: Path) -> None:
    path = write_rows(
        tmp_path / "chat.jsonl", [LABELLED | {"source": "market", "split": "tune", "strength": "weak"}, LABELLED]
    )

    weak, strong = read_rows(path)

    assert (weak.source, weak.split, weak.weight) == ("market", "tune", WEAK_WEIGHT)
    assert (strong.source, strong.split, strong.weight) == ("chat", "train", 1.0)
    assert WEAK_WEIGHT < 1.0


def test_gzipped_rows_are_the_same_rows(tmp_path: Path) -> None:
    plain = write_rows(tmp_path / "chat.jsonl", [LABELLED, LABELLED | {"text": "naïve 🙂"}])
    packed = tmp_path / "chat.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert list(read_rows(packed)) == list(read_rows(plain))


def test_a_byte_order_mark_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\n" + json.dumps(LABELLED).encode() + b"\r\n\n")

    assert [row.text for row in read_rows(path)] == ["you clown"]


def test_a_spreadsheet_is_read_with_its_quoted_line_breaks(tmp_path: Path) -> None:
    path = write_text(tmp_path / "chat.csv", 'text,label\n"you, clown",rude\n"two\nlines",non_toxic\n')

    assert [(row.text, row.toxic) for row in read_rows(path)] == [("you, clown", 1.0), ("two\nlines", 0.0)]


@pytest.mark.parametrize(
    ("cell", "toxic"), [("1", 1.0), ("0", 0.0), ("True", 1.0), ("false", 0.0), ("0.0", 0.0), (" TRUE ", 1.0)]
)
def test_a_cell_of_a_spreadsheet_that_reads_false_is_not_true(tmp_path: Path, cell: str, toxic: float) -> None:
    path = write_text(tmp_path / "chat.csv", f"text,category,toxic\nhello there,,{cell}\n")

    (row,) = read_rows(path)

    assert (row.toxic, row.category) == (toxic, None)


@pytest.mark.parametrize(
    "second",
    [
        '{"text": "a"',
        "[1]",
        "9" * 5000,
        "[" * 100_000,
        '{"label": "rude"}',
        '{"text": "a"}',
        '{"text": 7, "label": "rude"}',
        '{"text": "a", "category": null}',
        '{"text": "a", "category": null, "toxic": "perhaps"}',
        '{"text": "a", "category": null, "toxic": null}',
    ],
)
def test_a_row_that_cannot_be_used_names_file_and_line(tmp_path: Path, second: str) -> None:
    path = write_text(tmp_path / "chat.jsonl", json.dumps(LABELLED) + "\n" + second + "\n")

    with pytest.raises(DataError, match=r"chat\.jsonl, line 2"):
        list(read_rows(path))


def test_a_bad_cell_names_the_line_of_the_file_after_a_quoted_break(tmp_path: Path) -> None:
    path = write_text(tmp_path / "chat.csv", 'text,toxic,category\n"two\nlines",1,\nhello,perhaps,\n')

    with pytest.raises(DataError, match=r"chat\.csv, line 4"):
        list(read_rows(path))


def test_an_endless_cell_is_told_with_its_line(tmp_path: Path) -> None:
    path = write_text(tmp_path / "chat.csv", "text,label\n" + "a" * 200_000 + ",rude\n")

    with pytest.raises(DataError, match=r"chat\.csv, line 2"):
        list(read_rows(path))


def _broken(packed: bytes) -> bytes:
    return packed[:12] + bytes(byte ^ 0x5A for byte in packed[12:24]) + packed[24:]


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("latin.jsonl", lambda plain: plain + "é".encode("latin-1")),
        ("cut.jsonl.gz", lambda plain: gzip.compress(plain)[:-12]),
        ("broken.jsonl.gz", lambda plain: _broken(gzip.compress(plain))),
        ("plain.jsonl.gz", lambda plain: plain),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / name
    path.write_bytes(spoil(json.dumps(LABELLED).encode() * 40))

    with pytest.raises(DataError, match=name.replace(".", r"\.") + " cannot be read"):
        list(read_rows(path))


def test_repeats_fold_into_the_share_of_those_that_call_it_toxic() -> None:
    said = [Row("ez", toxic, "rude" if toxic else None, "chat") for toxic in (1.0, 0.0, 0.0, 0.0)]

    (folded,) = fold_repeats(said)

    assert (folded.toxic, folded.category, folded.weight) == (0.25, "rude", 2.0)


def test_the_share_counts_weak_rows_less() -> None:
    (folded,) = fold_repeats([Row("ez", 1.0, None, "chat", weight=1.0), Row("ez", 0.0, None, "chat", weight=0.25)])

    assert folded.toxic == pytest.approx(0.8)


def test_the_most_frequent_category_names_the_folded_row() -> None:
    rows = [Row("ez", 1.0, category, "chat") for category in ("advert", "rude", "rude", None, None, None)]

    assert fold_repeats(rows)[0].category == "rude"


def test_a_line_that_everybody_says_does_not_drown_the_rest() -> None:
    gg, other = fold_repeats([*(Row("gg", 0.0, None, "chat") for _ in range(500)), Row("hi", 0.0, None, "chat")])

    assert (gg.weight, other.weight) == (3.0, 1.0)


def test_a_lot_depends_on_text_and_salt_alone_and_is_spread_evenly() -> None:
    lots = [lot(f"line {n}") for n in range(2000)]

    assert lots == [lot(f"line {n}") for n in range(2000)]
    assert lot("line 1", "other") != lot("line 1")
    assert lot("gg", "cap") == pytest.approx(0.96089, abs=1e-5)
    assert 0.0 <= min(lots) < 0.01 < 0.99 < max(lots) < 1.0
    assert sum(lots) / len(lots) == pytest.approx(0.5, abs=0.02)
