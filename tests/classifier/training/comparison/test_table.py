import re
from dataclasses import replace

from classifier.training.comparison.scores import score_outcomes
from classifier.training.comparison.table import HEADINGS, markdown_table, rows_for_terminal
from tests.classifier.training.comparison.village import outcome, village

NAN = float("nan")


def test_the_table_has_a_line_for_each_setting_with_its_costs_and_intervals() -> None:
    given = village()

    headings, rows = rows_for_terminal(given, score_outcomes(given, draws=50))

    assert headings == HEADINGS == (
        "model", "stages", "precision", "recall", "F1", "AUC", "macro-F1", "latency p50", "messages per second", "size"
    )  # fmt: skip
    assert [row[:2] for row in rows] == [("model 0", "hierarchical"), ("model 1", "hierarchical")]
    assert all(
        re.fullmatch(r"[01]\.\d{3} \((\.\d{3}|1\.000)-(\.\d{3}|1\.000)\)", cell) for row in rows for cell in row[2:7]
    )
    assert rows[0][7:] == ("2.5 ms", "900", "23.4 MB")


def test_the_markdown_table_says_on_how_many_rows_it_was_measured() -> None:
    given = village()
    scores = score_outcomes(given, draws=50)

    lines = markdown_table(given, scores).splitlines()

    f1 = scores[0].f1
    assert lines[0] == "| " + " | ".join(HEADINGS) + " |"
    assert len(lines) == 6
    assert f"{f1.value:.3f} ({f1.low:.3f}–{f1.high:.3f})" in lines[2]
    assert f"On 200 test rows, {int(given.toxic.sum())} of them toxic" in lines[5]
    assert "on the 180 rows whose class is known" in lines[5]


def test_what_was_not_measured_is_a_dash() -> None:
    given = village(3)
    bare = replace(given.outcomes[0], latency_ms=NAN, per_second=0.0, bytes=0, toxic=given.outcomes[0].toxic * NAN)
    given = replace(given, outcomes=(bare,))

    _, rows = rows_for_terminal(given, score_outcomes(given, draws=20))

    assert [rows[0][i] for i in (2, 3, 4, 5, 7, 8, 9)] == ["-"] * 7


def test_small_sizes_and_durations_keep_their_digits() -> None:
    given = village(20)
    small = replace(given.outcomes[0], latency_ms=0.123, per_second=4.26, bytes=1234)
    given = replace(given, outcomes=(small,))

    _, rows = rows_for_terminal(given, score_outcomes(given, draws=5))

    assert rows[0][7:] == ("0.12 ms", "4.3", "1.2 kB")


def test_hostile_names_cannot_break_the_markdown_table_or_steer_a_terminal() -> None:
    given = village(20)
    size = len(given.rows)
    bad = outcome("a|b<img src=x>\n| *c* |\u202e\x1b[31m$x$", [0.5] * size, [0] * size, stages="[x](y)`z`")
    given = replace(given, outcomes=(bad,))
    scores = score_outcomes(given, draws=5)

    line = markdown_table(given, scores).splitlines()[2]
    _, rows = rows_for_terminal(given, scores)

    assert len(re.findall(r"(?<!\\)\|", line)) == len(HEADINGS) + 1
    assert r"\<img src=x\>\\n\| \*c\* \|\\u202e\\x1b\[31m\$x\$" in line
    assert all(cell.isprintable() for row in rows for cell in row)
