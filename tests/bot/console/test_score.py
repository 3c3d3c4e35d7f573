import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.console import score as scoring
from tests.bot.console.conftest import Ran, write_log

Run = Callable[..., Ran]


def scored(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_row_comes_back_in_order_with_its_probabilities(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "in.jsonl", {"text": "idiot", "id": 7}, {"text": "gg", "nested": {"a": [1]}}, {"text": "kill"})

    ran = referee("score", "in.jsonl", "-o", "out.jsonl")

    rows = scored(tmp_path / "out.jsonl")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert [row["text"] for row in rows] == ["idiot", "gg", "kill"]
    assert [round(row["toxic"]) for row in rows] == [1, 0, 1]
    assert rows[0]["id"] == 7
    assert rows[1]["nested"] == {"a": [1]}
    assert set(rows[0]["categories"]) == {"insult", "threat", "spam"}


def test_more_rows_than_a_batch_keep_their_order(referee: Run, tmp_path: Path) -> None:
    count = scoring._ROWS * 2 + 3
    write_log(tmp_path / "in.jsonl", *({"text": "idiot" if n % 3 else "gg", "n": n} for n in range(count)))

    referee("score", "in.jsonl", "-o", "out.jsonl")

    rows = scored(tmp_path / "out.jsonl")
    assert [row["n"] for row in rows] == list(range(count))
    assert all((row["toxic"] > 0.5) == bool(row["n"] % 3) for row in rows)


def test_standard_streams_can_be_used(referee: Run) -> None:
    ran = referee("score", "-", "-o", "-", stdin=b'{"text": "\xd0\xbf \xf0\x9f\x98\x80"}\n\n  \n{"text": "idiot"}')

    assert [row["text"] for row in ran.rows] == ["п 😀", "idiot"]
    assert ran.out.isascii()


def test_older_scores_are_replaced(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "in.jsonl", {"text": "gg", "toxic": "old", "categories": None})

    referee("score", "in.jsonl", "-o", "out.jsonl")

    (row,) = scored(tmp_path / "out.jsonl")
    assert row["toxic"] < 0.5
    assert row["categories"]["insult"] < 0.5


def test_odd_values_pass_through(referee: Run, tmp_path: Path) -> None:
    write_log(
        tmp_path / "in.jsonl", '{"text": "\\ud800 \\u0000", "a": NaN, "b": -Infinity, "c": 123456789012345678901}'
    )

    assert referee("score", "in.jsonl", "-o", "out.jsonl").code == 0

    (row,) = scored(tmp_path / "out.jsonl")
    assert row["text"] == "\ud800 \0"
    assert math.isnan(row["a"])
    assert row["c"] == 123456789012345678901


def test_text_stays_readable_in_a_file(referee: Run, tmp_path: Path) -> None:
    write_log(tmp_path / "in.jsonl", {"text": "привет"})

    referee("score", "in.jsonl", "-o", "out.jsonl")

    assert "привет" in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


def test_a_packed_file_is_unpacked(referee: Run, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b'{"text": "idiot"}\n'))

    assert referee("score", "in.jsonl.gz", "-o", "-").rows[0]["toxic"] > 0.5


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{broken", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ("7", "not a JSON object"),
        ('{"no": 1}', "no `text`"),
        ('{"text": 5}', "`text` is not a string"),
        ('{"text": null}', "`text` is not a string"),
        (b'{"text": "\xff"}', "not UTF-8"),
        ("[" * 100_000, "no JSON that can be read"),
        ('{"n": ' + "9" * 5000 + "}", "no JSON that can be read"),
    ],
    ids=["broken", "list", "number", "no text", "wrong text", "null text", "bytes", "deep", "huge number"],
)
def test_a_bad_row_is_named_and_what_came_before_it_is_kept(
    referee: Run, tmp_path: Path, line: str | bytes, complaint: str
) -> None:
    write_log(tmp_path / "in.jsonl", {"text": "a"}, "", {"text": "b"}, line, {"text": "c"})

    ran = referee("score", "in.jsonl", "-o", "out.jsonl")

    assert ran.code == 2
    assert ran.err.startswith("referee: in.jsonl, line 4: ")
    assert ran.err.count("\n") == 1
    assert complaint in ran.err
    assert [row["text"] for row in scored(tmp_path / "out.jsonl")] == ["a", "b"]


def test_a_line_without_end_is_refused(referee: Run, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b'{"text": "a"}\n' + b"x" * (9 << 20))

    ran = referee("score", "in.jsonl", "-o", "out.jsonl")

    assert "in.jsonl, line 2: longer than 8 MB" in ran.err
    assert len(scored(tmp_path / "out.jsonl")) == 1


@pytest.mark.parametrize("cut", [10, 30])
def test_a_cut_packed_file_is_one_clear_line(referee: Run, tmp_path: Path, cut: int) -> None:
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b'{"text": "idiot"}\n' * 100)[:-cut])

    ran = referee("score", "in.jsonl.gz", "-o", "-")

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "not a whole gzip file" in ran.err


@pytest.mark.parametrize("other", ["in.jsonl", "./in.jsonl", "hard.jsonl", "soft.jsonl"])
def test_the_input_is_never_its_own_output(referee: Run, tmp_path: Path, other: str) -> None:
    path = write_log(tmp_path / "in.jsonl", {"text": "a"})
    (tmp_path / "hard.jsonl").hardlink_to(path)
    (tmp_path / "soft.jsonl").symlink_to(path)

    ran = referee("score", "in.jsonl", "-o", other)

    assert ran.code == 2
    assert "the input itself" in ran.err
    assert scored(path) == [{"text": "a"}]


@pytest.mark.parametrize(
    ("source", "output", "complaint"),
    [
        ("missing.jsonl", "out.jsonl", "missing.jsonl: No such file"),
        (".", "out.jsonl", ".: Is a directory"),
        ("in.jsonl", "missing/out.jsonl", "missing/out.jsonl: No such file"),
        ("in.jsonl", ".", ".: Is a directory"),
        ("in.jsonl", "/dev/full", "/dev/full: No space left on device"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line(
    referee: Run, tmp_path: Path, source: str, output: str, complaint: str
) -> None:
    write_log(tmp_path / "in.jsonl", {"text": "a"})

    ran = referee("score", source, "-o", output)

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith(f"referee: {complaint}")


def test_an_unusable_input_or_model_leaves_the_output_alone(
    referee: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(tmp_path / "in.jsonl", {"text": "a"})
    output = tmp_path / "out.jsonl"
    output.write_text("precious", encoding="utf-8")

    referee("score", "missing.jsonl", "-o", "out.jsonl")
    monkeypatch.setenv("REFEREE_MODEL", "nowhere")
    referee("score", "in.jsonl", "-o", "out.jsonl")

    assert output.read_text(encoding="utf-8") == "precious"
