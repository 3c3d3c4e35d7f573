import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.training.data.rows import read_rows
from tests.classifier.training.conftest import Ran
from tests.classifier.training.test_command import assert_one_line
from tests.classifier.training.tiny_world import write_rows, write_text

Referee = Callable[..., Ran]

WORDS = ("nice", "calm", "push", "heal", "wait", "left", "mid", "top", "gank", "ward")
ROWS = [{"text": f"{a} {b}", "label": "rude" if a < b else "clean"} for a in WORDS for b in WORDS]


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "chat.jsonl", ROWS)


def test_a_good_file_is_counted_and_written_clean_and_divided(referee: Referee, chat: Path, tmp_path: Path) -> None:
    ran = referee("model", "data", str(chat), "--out", str(tmp_path / "clean.jsonl"), "--tune-share", "0.25")

    assert ran.code == 0
    assert "rows read from 1 file: 100" in ran.out
    written = list(read_rows(tmp_path / "clean.jsonl"))
    assert {row.text for row in written} == {row["text"] for row in ROWS}
    assert sorted({row.split for row in written}) == ["test", "train", "tune"]
    first = json.loads((tmp_path / "clean.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert list(first) == ["text", "label", "source", "split", "group"]


def test_what_is_found_is_printed_with_file_and_line(referee: Referee, chat: Path, tmp_path: Path) -> None:
    bad = write_text(tmp_path / "bad.csv", "text,label\n,rude\nnice push,clean\nnice  push,rude\nhello,a,b\n")

    ran = referee("model", "data", str(chat), str(bad))

    assert ran.code == 0
    for place in ("bad.csv:2", "chat.jsonl:3 rude, bad.csv:3 non_toxic", "bad.csv:5: has 3 cells"):
        assert place in ran.out
    assert "warning: rows without a text, left out: 1" in ran.out


def test_an_error_exits_with_1_and_writes_nothing(referee: Referee, tmp_path: Path) -> None:
    three = write_rows(tmp_path / "three.jsonl", ROWS[:3])

    ran = referee("model", "data", str(three), "--out", str(tmp_path / "clean.jsonl"))

    assert ran.code == 1
    assert "error: only 3 rows are left" in ran.out
    assert not (tmp_path / "clean.jsonl").exists()


def test_columns_and_labels_of_others_are_named_on_the_command_line(referee: Referee, tmp_path: Path) -> None:
    body = "".join(
        f"{n},{row['text']},{'Fine' if row['label'] == 'clean' else 'Verbal Abuse'}\n" for n, row in enumerate(ROWS)
    )
    path = write_text(tmp_path / "forum.csv", f"room,Message,Kind\n{body}")

    ran = referee(
        *("model", "data", str(path), "--text", "message", "--label", "kind", "--group", "room", "--clean", "fine"),
        *("--out", str(tmp_path / "clean.csv"), "--json"),
    )

    assert ran.code == 0, ran.out + ran.err
    assert sorted(json.loads(ran.out)["classes"]) == ["non_toxic", "verbal_abuse"]
    assert {row.group for row in read_rows(tmp_path / "clean.csv")} == {str(n) for n in range(100)}


def test_a_mapping_file_turns_the_labels_of_others_into_ones_own(referee: Referee, chat: Path, tmp_path: Path) -> None:
    mapping = write_text(tmp_path / "map.toml", '[labels]\nrude = "insult"\n')

    ran = referee("model", "data", str(chat), "--map", str(mapping), "--json")

    assert sorted(json.loads(ran.out)["classes"]) == ["insult", "non_toxic"]


def test_json_holds_counts_findings_and_where_the_set_is(referee: Referee, chat: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean.jsonl"

    report = json.loads(referee("model", "data", str(chat), str(chat), "--out", str(out), "--json").out)

    assert report["rows"] == {"read": 200, "left_out": 0, "kept": 100}
    assert sum(sum(splits.values()) for splits in report["classes"].values()) == 100
    assert [(f["severity"], f["kind"], f["count"]) for f in report["findings"]] == [("note", "duplicate", 100)]
    assert report["out"] == str(out)


def test_the_seed_and_the_shares_decide_the_division(referee: Referee, chat: Path, tmp_path: Path) -> None:
    def split(name: str, *options: str) -> dict[str, str]:
        assert referee("model", "data", str(chat), "--out", str(tmp_path / name), *options).code == 0
        return {row.text: row.split for row in read_rows(tmp_path / name)}

    assert split("a.jsonl") == split("b.jsonl") != split("c.jsonl", "--seed", "5")
    assert list(split("d.jsonl", "--test-share", "0.4").values()).count("test") == 40


def test_contested_texts_can_be_dropped(referee: Referee, chat: Path, tmp_path: Path) -> None:
    more = write_rows(tmp_path / "more.jsonl", [ROWS[0], ROWS[0] | {"label": "rude"}])

    kept = [
        json.loads(referee("model", "data", str(chat), str(more), "--json", *options).out)["rows"]["kept"]
        for options in ((), ("--conflicts", "drop"))
    ]

    assert kept == [100, 99]


def test_nothing_that_is_there_is_written_over(referee: Referee, chat: Path, tmp_path: Path) -> None:
    before = chat.read_bytes()

    assert_one_line(referee("model", "data", str(chat), "--out", str(chat)), "there already", "--out")
    assert_one_line(referee("model", "data", str(chat), "--out", str(tmp_path / "a.xlsx")), ".jsonl", ".csv")
    assert_one_line(referee("model", "data", str(chat), "--out", str(tmp_path / "no" / "a.csv")), "folder", "not there")
    assert chat.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("chat.csv", "id,comment\n1,hello\n", "--text"),
        ("chat.csv", "text,kind\nhello,rude\n", "--label"),
        ("chat.jsonl.gz", "no gzip", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_exits_with_an_error(
    referee: Referee, tmp_path: Path, name: str, content: str, told: str
) -> None:
    ran = referee("model", "data", str(write_text(tmp_path / name, content)))

    assert ran.code in {1, 2}
    assert told in ran.out + ran.err
    assert "Traceback" not in ran.err


def test_a_missing_file_and_a_bad_mapping_are_told_in_one_line(referee: Referee, chat: Path, tmp_path: Path) -> None:
    bad = write_text(tmp_path / "map.toml", "lables = 1")

    assert_one_line(referee("model", "data", str(tmp_path / "none.csv")), "none.csv")
    assert_one_line(referee("model", "data", str(chat), "--map", str(bad)), "map.toml", "lables")
    assert referee("model", "data", str(chat), "--conflicts", "both").code == 2


def test_no_text_of_a_file_steers_the_terminal(referee: Referee, chat: Path, tmp_path: Path) -> None:
    bad = write_rows(
        tmp_path / "b\x1b[2J.jsonl", [{"text": "a", "label": "x\x1b[2J"}, {"text": "b", "label": "X\x1b[2J"}]
    )

    ran = referee("model", "data", str(chat), str(bad))

    assert "\x1b" not in ran.out + ran.err
    assert "labels spelled in several ways" in ran.out


def test_it_needs_none_of_the_packages_for_training(
    referee: Referee, chat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "transformers", "sklearn"):
        monkeypatch.setitem(sys.modules, name, None)

    assert referee("model", "data", str(chat)).code == 0
