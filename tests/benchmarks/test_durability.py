import json

from typer.testing import CliRunner

from benchmarks.durability.__main__ import app


def test_both_kinds_of_transaction_are_measured_and_nothing_is_left_behind(tmp_path):
    out = tmp_path / "figures.json"

    ran = CliRunner().invoke(app, ["--transactions", "100", "--folder", str(tmp_path), "--json", str(out)])

    assert ran.exit_code == 0, ran.output
    figures = json.loads(out.read_text())
    assert figures["database"].startswith("SQLite")
    assert [each["transaction"].partition(" (")[0] for each in figures["timings"]] == [
        "waits for the disk",
        "does not wait",
    ]
    assert all(0 < each["median_ms"] <= each["p99_ms"] <= each["slowest_ms"] for each in figures["timings"])
    assert list(tmp_path.iterdir()) == [out]


def test_a_database_that_cannot_be_used_is_told_in_one_line(tmp_path):
    ran = CliRunner().invoke(app, ["--url", "mysql://me:secret@host/db", "--folder", str(tmp_path)])

    assert ran.exit_code == 2
    assert len(ran.stderr.splitlines()) == 1
    assert "secret" not in ran.output
