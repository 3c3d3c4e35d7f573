import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.errors import DataError
from classifier.training.data.mapping import LabelMap
from classifier.training.data.rows import WEAK_WEIGHT, Row, class_of, fold_repeats, lot, read_rows, text_key
from classifier.training.data.tables import Problem, ProblemKind
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
    assert (strong.source, strong.split, strong.weight) == ("chat", "", 1.0)
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


def read_all(path: Path, labels: LabelMap | None = None) -> tuple[list[Row], list[Problem]]:
    problems: list[Problem] = []
    return list(read_rows(path, labels or LabelMap(), on_problem=problems.append)), problems


def write_bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_each_row_says_the_file_and_line_where_it_starts(tmp_path: Path) -> None:
    path = write_text(tmp_path / "chat.csv", 'text,label\n"two\nlines",rude\n\nhello,non_toxic\n')

    assert [row.at for row in read_rows(path)] == ["chat.csv:2", "chat.csv:5"]


def test_a_line_that_is_not_utf_8_is_named_with_its_byte_and_a_way_out(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "chat.csv", b"text,label\nhello,rude\ncaf\xe9,rude\n")

    with pytest.raises(DataError, match=r"chat\.csv, line 3: byte 4 \(0xe9\) is not UTF-8.*iconv"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("name", "head", "line"),
    [("a.csv", "text,label\n", "{},rude\n"), ("a.jsonl", "", '{{"text": "{}", "label": "rude"}}\n')],
)
def test_of_mixed_encodings_only_the_lines_of_the_other_are_left_out(
    tmp_path: Path, name: str, head: str, line: str
) -> None:
    lines = [
        line.format(text).encode(encoding) for text, encoding in (("é", "utf-8"), ("ü", "cp1252"), ("ok", "utf-8"))
    ]

    rows, problems = read_all(write_bytes(tmp_path / name, head.encode() + b"".join(lines)))

    assert [row.text for row in rows] == ["é", "ok"]
    assert [(problem.kind, problem.line) for problem in problems] == [(ProblemKind.ENCODING, 2 + bool(head))]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("name", ["chat.csv", "chat.csv.gz"])
def test_other_encodings_that_say_so_are_read(tmp_path: Path, encoding: str, name: str) -> None:
    data = 'text,label\n"naïve, 🙂",rude\n'.encode(encoding)
    path = write_bytes(tmp_path / name, gzip.compress(data) if name.endswith("gz") else data)

    assert [row.text for row in read_rows(path)] == ["naïve, 🙂"]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.csv", "text,label\nhello,rude\n".encode("utf-16-le"), "save it as UTF-8"),
        ("a.csv", b"PK\x03\x04\x14\0", "save the table as CSV"),
        ("a.jsonl", gzip.compress(b"{}", mtime=0), r"end in \.gz"),
        ("a.csv", b"text,la\xe9bel\nhello,rude\n", "no header"),
        ("a.csv", b"id,comment\n1,hello\n", "no column 'text'.*'id', 'comment'.*--text"),
        ("a.csv", b"text,kind\nhello,rude\n", "no column 'label'.*'text', 'kind'.*--label"),
        ("a.csv", b"hello you,rude\nbye,rude\n", "first line names 'hello you', 'rude'"),
        ("a.csv", b"text,label,Text\nhello,rude,x\n", "two columns 'text'"),
        ("a.csv", b"text,label\rhello,rude\r", "carriage return"),
    ],
)
def test_a_file_that_cannot_be_used_as_a_whole_says_what_to_do(
    tmp_path: Path, name: str, data: bytes, told: str
) -> None:
    with pytest.raises(DataError, match=told):
        read_all(write_bytes(tmp_path / name, data))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_shows_the_delimiter_and_its_case_does_not_matter(tmp_path: Path, delimiter: str) -> None:
    path = write_text(tmp_path / "chat.csv", f'"Text"{delimiter} LABEL\n"a, b; c"{delimiter}rude\n')

    assert [(row.text, row.category) for row in read_rows(path)] == [("a, b; c", "rude")]


@pytest.mark.parametrize(
    ("bad", "line", "told"),
    [
        ("hello, you,rude", 3, "3 cells"),
        ('"hello" you,rude', 3, "double those inside"),
        ('"hello you,rude', 3, "never closed"),
        ("a" * 140_000 + ",rude", 3, "131,072"),
        ("hello\0,rude", 3, "NUL"),
        ("hello,", 3, "label is empty"),
        ("hello", 3, "no `label`"),
        ("hello," + "x" * 300, 3, "300 characters"),
        ("hello,a|b/c|a b", 3, ""),
    ],
)
def test_a_bad_line_of_a_spreadsheet_is_told_and_the_lines_around_it_are_read(
    tmp_path: Path, bad: str, line: int, told: str
) -> None:
    path = write_text(tmp_path / "chat.csv", f"text,label\nfirst,rude\n{bad}\nlast,advert\n")

    rows, problems = read_all(path)

    if told:
        assert [row.text for row in rows] == ["first", "last"]
        assert [(problem.line, told in problem.what) for problem in problems] == [(line, True)]
    else:
        assert [row.category for row in rows] == ["rude", "a", "advert"]


def test_a_quote_left_open_swallows_no_more_than_its_own_line(tmp_path: Path) -> None:
    body = "".join(f"line {n},rude\n" for n in range(300))
    path = write_text(tmp_path / "chat.csv", f'text,label\n"open,rude\n{body}last "word",advert\n')

    rows, problems = read_all(path)

    assert len(rows) == 301
    assert [(problem.line, "not closed" in problem.what) for problem in problems] == [(2, True)]


def test_a_file_cut_short_gives_its_rows_and_says_where_it_ends(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"text": f"{lot(str(n))}", "label": "rude"}) + "\n" for n in range(5000))
    path = write_bytes(tmp_path / "chat.jsonl.gz", gzip.compress(lines.encode())[:-2000])

    rows, problems = read_all(path)

    assert 1000 < len(rows) < 5000
    assert [(problem.kind, problem.at) for problem in problems] == [(ProblemKind.CUT, "chat.jsonl.gz")]
    assert f"after line {len(rows)}" in problems[0].what


def test_bad_lines_of_json_are_told_and_passed_over(tmp_path: Path) -> None:
    bad = [
        '{"text": "a"',
        "[1]",
        "9" * 5000,
        "[" * 100_000,
        '{"text": 7, "label": "rude"}',
        '{"text": "a", "label": {}}',
    ]
    bad += ['{"text": "a", "label": "rude", "group": [1]}', '{"text": "a", "label": "rude", "split": "fold 3"}']
    bad += ['{"text": "a", "category": "non_toxic", "toxic": true}', '{"text": "a", "label": NaN}']
    path = write_text(tmp_path / "chat.jsonl", "\n".join([json.dumps(LABELLED), *bad, json.dumps(LABELLED)]))

    rows, problems = read_all(path)

    assert len(rows) == 2
    assert [problem.at for problem in problems] == [f"chat.jsonl:{n}" for n in range(2, 2 + len(bad))]


def test_a_label_in_two_spellings_is_one_and_told_once(tmp_path: Path) -> None:
    labels = ["Verbal Abuse", "verbal_abuse", "VERBAL-ABUSE", "verbal_abuse"]
    path = write_rows(tmp_path / "chat.jsonl", [{"text": "a", "label": label} for label in labels])

    rows, problems = read_all(path)

    assert {row.category for row in rows} == {"verbal_abuse"}
    assert [(problem.kind, problem.line) for problem in problems] == [(ProblemKind.SPELLING, n) for n in (2, 3)]
    assert list(read_rows(path)) == rows


def test_two_labels_of_one_name_are_told_with_both(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "chat.jsonl", [{"text": "a", "label": label} for label in ("hate!", "hate", "hate!")])

    rows, problems = read_all(path)

    assert len(rows) == 2
    assert "'hate!' and 'hate'" in problems[0].what
    with pytest.raises(DataError, match=r"line 2: the labels 'hate!' and 'hate'"):
        list(read_rows(path))


def test_free_text_for_labels_stops_the_reading_and_says_swapped(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "chat.jsonl", [{"text": "rude", "label": f"word{n}"} for n in range(1500)])

    with pytest.raises(DataError, match=r"1,000 different labels.*swapped.*--label"):
        read_all(path)


def test_a_label_is_the_same_as_number_and_as_text(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "chat.jsonl", [{"text": "a", "label": label} for label in (3, 3.0, "3", "3.0", " 3 ")])

    rows, problems = read_all(path, LabelMap(labels={"3": "rude"}))

    assert [row.category for row in rows] == ["rude"] * 5
    assert problems == []


@pytest.mark.parametrize("column", ["group", "match", "author", "player"])
def test_a_group_is_read_from_the_usual_columns_or_from_the_named_one(tmp_path: Path, column: str) -> None:
    path = write_text(tmp_path / "chat.csv", f"text,label,{column},room\na,rude,7,x\nb,rude,,y\n")

    assert [row.group for row in read_rows(path)] == ["7", None]
    assert [row.group for row in read_rows(path, LabelMap(group="room"))] == ["x", "y"]


def test_the_splits_of_others_are_read_and_mapped(tmp_path: Path) -> None:
    names = ("train", "Dev", "validation", "TEST", "", "gold")
    path = write_rows(tmp_path / "chat.jsonl", [LABELLED | {"split": name} for name in names])

    rows = list(read_rows(path, LabelMap(splits={"gold": "test"})))

    assert [row.split for row in rows] == ["train", "tune", "tune", "test", "", "test"]


def test_flags_name_the_label_by_the_first_that_is_set(tmp_path: Path) -> None:
    path = write_text(tmp_path / "jigsaw.csv", "comment,obscene,toxic\na,1,1\nb,0,1\nc,0,0\nd,-1,0\n")
    labels = LabelMap(text="comment", flags=("obscene", "toxic"), labels={"obscene": "profanity"})

    rows, problems = read_all(path, labels)

    assert [(row.toxic, row.category) for row in rows] == [(1.0, "profanity"), (1.0, None), (0.0, None)]
    assert [problem.at for problem in problems] == ["jigsaw.csv:5"]


def test_a_source_has_columns_and_labels_of_its_own(tmp_path: Path) -> None:
    labels = LabelMap(
        sources={"jigsaw": LabelMap(text="comment", labels={"b": "drop"}), "forum": LabelMap(label="kind")}
    )
    jigsaw = write_text(tmp_path / "jigsaw.csv", "comment,label\nhello,rude\nbye,b\n")
    mixed = write_rows(
        tmp_path / "all.jsonl", [{"text": "a", "label": "b"}, {"text": "c", "kind": "d", "source": "forum"}]
    )

    assert [(row.text, row.category) for row in read_rows(jigsaw, labels)] == [("hello", "rude")]
    assert [row.category for row in read_rows(mixed, labels)] == ["b", "d"]


def test_a_column_that_says_toxic_or_not_is_enough(tmp_path: Path) -> None:
    path = write_text(tmp_path / "chat.csv", "text,toxic\na,1\nb,0\n")

    assert [(row.toxic, row.category) for row in read_rows(path)] == [(1.0, None), (0.0, None)]


def test_folded_rows_keep_group_place_and_split() -> None:
    rows = [
        Row("ez", 1.0, "rude", "chat", "tune", at="a:1"),
        Row("ez", 1.0, "rude", "chat", "tune", group="m", at="a:2"),
    ]

    (folded,) = fold_repeats(rows)

    assert (folded.group, folded.split, folded.at) == ("m", "tune", "a:1")


def test_the_class_of_a_row_is_welcome_a_category_or_toxic_alone() -> None:
    rows = [Row("a", 0.0, None, ""), Row("a", 1.0, "rude", ""), Row("a", 1.0, None, ""), Row("a", 0.25, "rude", "")]

    assert [class_of(row) for row in rows] == ["non_toxic", "rude", "toxic", "non_toxic"]


def test_equal_texts_have_equal_keys_of_64_bits() -> None:
    keys = {text_key(f"line {n}") for n in range(1000)}

    assert len(keys) == 1000
    assert text_key("line 7\ud800") == text_key("line 7\ud800") < 2**64
