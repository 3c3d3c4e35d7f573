import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from classifier.training.data import audit as audit_module
from classifier.training.data.audit import Audit, Conflicts, audit
from classifier.training.data.findings import Finding, Kind, Severity
from classifier.training.data.near import near_duplicates, similarity
from classifier.training.data.prepare import prepare, write_rows
from classifier.training.data.rows import Row, read_rows
from classifier.training.data.tables import Problem, ProblemKind
from tests.classifier.training.tiny_world import write_rows as write_jsonl
from tests.classifier.training.tiny_world import write_text

RUDE, FINE = (1.0, "rude"), (0.0, None)


def row(
    text: str, said: tuple[float, str | None] = FINE, split: str = "", *, at: str = "", group: str | None = None
) -> Row:
    return Row(text, *said, "chat", split, group=group, at=at)


def filler(number: int = 12) -> list[Row]:
    """Return rows of two classes that are beyond reproach."""
    words = [f"{a}{b}" for a in ("nice", "calm", "push", "heal") for b in ("mid", "top", "bot")]
    return [row(f"w{n} {words[n % 12]}", RUDE if n % 2 else FINE) for n in range(2 * number)]


def found(result: Audit, kind: Kind) -> Finding | None:
    return next((finding for finding in result.findings if finding.kind is kind), None)


def texts(result: Audit) -> list[str]:
    return [row.text for row in result.rows if not row.text.startswith("w")]


def test_good_rows_are_kept_as_they_are_and_nothing_is_said() -> None:
    result = audit(filler())

    assert (list(result.rows), result.findings, result.usable, result.read) == (filler(), (), True, 24)


def test_rows_without_text_are_left_out_and_named() -> None:
    result = audit([*filler(), row("", at="a:1"), row(" \u200b", at="a:2")])

    assert len(result.rows) == 24
    assert found(result, Kind.EMPTY) == Finding(
        Severity.WARNING, Kind.EMPTY, "rows without a text, left out: 2", ("a:1", "a:2"), 2
    )
    assert result.read == 26


def test_of_equal_texts_with_one_label_the_first_is_kept_however_it_is_disguised() -> None:
    result = audit([*filler(), row("You NOOB", RUDE, at="a:1"), row("you n00b", RUDE, at="a:2"), row("you noob", RUDE)])

    assert texts(result) == ["You NOOB"]
    note = found(result, Kind.DUPLICATE)
    assert note is not None
    assert (note.severity, note.count, note.at[0]) == (Severity.NOTE, 2, "a:2 (as a:1)")


def test_of_labels_that_contradict_the_most_frequent_counts_and_none_at_a_tie() -> None:
    rows = [row("ez", RUDE, at="a:1"), row("ez", at="a:2"), row("ez", at="a:3"), row("gg", RUDE), row("gg")]

    result = audit([*filler(), *rows])

    assert [(kept.text, kept.at) for kept in result.rows[24:]] == [("ez", "a:2")]
    warning = found(result, Kind.CONFLICT)
    assert warning is not None
    assert (warning.severity, warning.count, warning.at[0]) == (Severity.WARNING, 2, "a:1 rude, a:2 non_toxic")


def test_all_copies_of_a_contested_text_can_be_dropped() -> None:
    rows = [*filler(), row("ez", RUDE), row("ez"), row("ez")]

    assert texts(audit(rows, conflicts=Conflicts.DROP)) == []


def test_toxic_of_no_known_category_is_no_contradiction_to_a_category() -> None:
    result = audit([*filler(), row("ez", (1.0, None)), row("ez", (1.0, None)), row("ez", RUDE)])

    assert [kept.category for kept in result.rows if kept.text == "ez"] == ["rude"]
    assert found(result, Kind.CONFLICT) is None


@pytest.mark.parametrize("reverse", [False, True])
def test_of_a_text_in_several_splits_the_copy_furthest_from_training_is_kept(reverse: bool) -> None:
    rows = [row("ez", RUDE, split, at=split or "none") for split in ("train", "", "test", "tune")]

    result = audit([*filler(), *(rows[::-1] if reverse else rows)])

    assert [kept.split for kept in result.rows if kept.text == "ez"] == ["test"]
    leak = found(result, Kind.LEAK)
    assert leak is not None
    assert (leak.severity, sorted(leak.at)) == (Severity.WARNING, ["train (as test)", "tune (as test)"])


def test_nearly_equal_texts_are_paired_and_told_as_a_leak_across_splits() -> None:
    long = "buy cheap gold and skins at the market of the village"
    rows = [
        row(long, RUDE, "train", at="a:1"),
        row(f"{long} now!", RUDE, "test", at="a:2"),
        row(f"{long} today", RUDE, "test"),
    ]

    result = audit([*rows, *filler()])

    leak, note = found(result, Kind.NEAR_LEAK), found(result, Kind.NEAR_DUPLICATE)
    assert leak is not None
    assert note is not None
    assert (leak.severity, leak.at[0], note.severity) == (Severity.WARNING, "a:1 ~ a:2", Severity.NOTE)
    assert {(0, 1), (1, 2)} <= set(result.near)
    assert len(result.rows) == 27


def test_a_search_that_is_bounded_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "MOST_COMPARED", 20)

    note = found(audit(filler()), Kind.NOT_SEARCHED)

    assert note is not None
    assert "20 of 24 rows" in note.text


def test_near_duplicates_are_what_shares_most_runs_of_characters() -> None:
    base = [
        f"the {a} {b} went to the {c}"
        for a in ("old", "red", "tiny")
        for b in ("fox", "bear")
        for c in ("market", "lake")
    ]
    changed = [f"{text}, really?" for text in base]

    pairs = near_duplicates([*base, *changed])

    assert {(n, n + len(base)) for n in range(len(base)) if similarity(base[n], changed[n]) >= 0.7} <= set(pairs)
    assert all(similarity((base + changed)[a], (base + changed)[b]) >= 0.7 for a, b in pairs)
    assert similarity(base[0], changed[0]) >= 0.7 > similarity(base[0], base[-1])


@pytest.mark.parametrize("few", [[], ["a"], ["gg wp", "gg wp!"], ["\ud800" * 40, "", "\ud800" * 40]])
def test_short_texts_are_near_duplicates_of_none(few: list[str]) -> None:
    assert near_duplicates(few) == []


@pytest.mark.parametrize(
    ("rows", "kind", "told"),
    [
        ([], Kind.NO_ROWS, "no row is left"),
        ([row(f"a{n}") for n in range(20)], Kind.ONE_CLASS, "every row is non_toxic 20"),
        ([row(f"a{n}", RUDE) for n in range(20)], Kind.ONE_CLASS, "--clean"),
        ([row(f"a{n}", (1.0, "rude" if n % 2 else "spam")) for n in range(30)], Kind.NO_CLEAN, "--clean"),
        (filler()[:3], Kind.FEW, "only 3 rows are left"),
        ([row("rude", (1.0, f"word_{n}")) for n in range(40)], Kind.SWAPPED, "--text and --label"),
        ([row(f"a{n}", (1.0, f"label_{n}")) for n in range(101)], Kind.SWAPPED, "--label"),
        ([row(f"a{n}", (1.0, f"label_{n % 15}")) for n in range(20)], Kind.SWAPPED, "15 different labels on 20 rows"),
    ],
)
def test_rows_that_nothing_can_be_trained_on_are_an_error(rows: Sequence[Row], kind: Kind, told: str) -> None:
    result = audit(rows)

    assert [finding.kind for finding in result.findings if finding.severity is Severity.ERROR] == [kind]
    assert told in result.findings[0].text
    assert not result.usable


def test_classes_with_few_rows_are_counted() -> None:
    result = audit([*filler(), *(row(f"x{n}", (1.0, "threat")) for n in range(3))], fewest=5)

    warning = found(result, Kind.FEW)
    assert warning is not None
    assert "fewer than 5 rows: threat 3;" in warning.text
    assert result.usable


def test_texts_longer_than_training_reads_are_told() -> None:
    note = found(audit([*filler(), row("ab " * 40, at="a:9")], most_characters=100), Kind.LONG)

    assert note is not None
    assert (note.severity, note.at, note.count) == (Severity.NOTE, ("a:9",), 1)


def test_problems_of_reading_become_findings_with_their_lines() -> None:
    kinds = {ProblemKind.LINE: "warning", ProblemKind.ENCODING: "warning", ProblemKind.LABEL: "warning"}
    kinds |= {ProblemKind.SPELLING: "warning", ProblemKind.CUT: "error"}

    result = audit(filler(), [Problem("x/chat.csv", 3, "went wrong", kind) for kind in kinds])

    assert sorted(finding.severity for finding in result.findings) == sorted(kinds.values())
    assert {finding.at for finding in result.findings} == {("chat.csv:3: went wrong",)}


def test_more_lines_left_out_than_read_is_an_error() -> None:
    problems = [Problem("chat.csv", n, "went wrong") for n in range(25)]

    assert audit(filler(), problems[:24]).usable
    assert not audit(filler(), problems).usable


def test_many_places_are_counted_and_only_the_first_few_kept() -> None:
    empty = found(audit([*filler(), *(row("", at=f"a:{n}") for n in range(50))]), Kind.EMPTY)

    assert empty is not None
    assert (empty.count, empty.at) == (50, ("a:0", "a:1", "a:2", "a:3", "a:4"))


def village(tmp_path: Path, name: str = "chat.jsonl", **more: str) -> Path:
    rows = [{"text": r.text, "label": r.category or "clean"} | more for r in filler(20)]
    return write_jsonl(tmp_path / name, rows)


def test_files_are_read_audited_and_divided_together(tmp_path: Path) -> None:
    one, two = village(tmp_path), write_text(tmp_path / "b.csv", "text,label\nhello there you,rude\nw1 pushmid,clean\n")

    prepared = prepare([one, two], tune_share=0.25)

    assert {row.split for row in prepared.rows} == {"train", "tune", "test"}
    assert {row.source for row in prepared.rows} == {"chat", "b"}
    assert (prepared.read, prepared.left_out, prepared.usable) == (42, 0, True)
    counts = prepared.counts()
    assert list(counts) == ["rude", "non_toxic"] or list(counts) == ["non_toxic", "rude"]
    assert counts["rude"].total() == 21


def test_nothing_more_is_held_out_where_test_rows_are_stated(tmp_path: Path) -> None:
    held = write_jsonl(tmp_path / "b.jsonl", [{"text": "hello there", "label": "rude", "split": "test"}])

    default, asked = prepare([village(tmp_path), held]), prepare([village(tmp_path), held], test_share=0.5)

    assert sum(row.split == "test" for row in default.rows) == 1
    assert sum(row.split == "test" for row in asked.rows) == 21


def test_nearly_equal_texts_are_divided_together(tmp_path: Path) -> None:
    kinds = [("buy cheap gold and skins at the market", "spam"), ("what a lovely round we played my friends", "clean")]
    rows = [{"text": f"{text} {n}", "label": label} for n in range(20) for text, label in kinds]

    prepared = prepare([village(tmp_path), write_jsonl(tmp_path / "b.jsonl", rows)], test_share=0.3)

    assert len({row.split for row in prepared.rows if row.category == "spam"}) == 1
    assert any("spam" in finding.text for finding in prepared.findings if finding.kind is Kind.SPLIT)


def test_a_file_that_sounds_held_out_and_does_not_say_so_is_told(tmp_path: Path) -> None:
    silent = prepare([village(tmp_path, "chat_test.jsonl")])
    saying = prepare(
        [village(tmp_path, "chat_test.jsonl", split="test"), village(tmp_path, "contest.jsonl", split="train")]
    )

    assert any("chat_test sounds held out" in finding.text for finding in silent.findings)
    assert not any("sounds held out" in finding.text for finding in saying.findings)


def test_nothing_held_out_is_told(tmp_path: Path) -> None:
    prepared = prepare([village(tmp_path, split="train")])

    assert any("no row is held out" in finding.text for finding in prepared.findings)


@pytest.mark.parametrize("name", ["clean.jsonl", "clean.csv"])
def test_written_rows_are_read_back_the_same(tmp_path: Path, name: str) -> None:
    rows = [
        Row("=1+1", 0.0, None, "chat", "train", group="m1"),
        Row('a "quote",\nand\r\na line', 1.0, "rude", "chat", "test"),
        Row("naïve 🙂 \u2028", 1.0, None, "forum", "tune", weight=0.4),
    ]

    write_rows(tmp_path / name, rows)

    assert list(read_rows(tmp_path / name)) == rows


def test_a_lone_surrogate_survives_writing(tmp_path: Path) -> None:
    write_rows(tmp_path / "clean.jsonl", [row("a\ud800b")])

    assert json.loads((tmp_path / "clean.jsonl").read_text(encoding="utf-8"))["text"] == "a\ud800b"


def test_a_set_that_could_not_be_written_whole_is_not_left_behind(tmp_path: Path) -> None:
    def rows() -> Sequence[Row]:
        yield row("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path / "clean.jsonl", rows())

    assert list(tmp_path.iterdir()) == []
