import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.manifest import read_manifest
from classifier.training.data.rows import Row
from tests.classifier.training.conftest import Ran
from tests.classifier.training.graded_model import Drawn, build_graded

Referee = Callable[..., Ran]

POLICY = """
version = 1
[general]
toxic_flag = "1 in 20"
[category.insult]
mode = "live"
flag = "1 in 20"
act = "1 in 50"
ladder = ["warn"]
"""


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_graded(tmp_path_factory.mktemp("graded") / "model")


@pytest.fixture(scope="session")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("chat") / "chat.jsonl", Drawn().rows(600))


def written(path: Path, rows: list[Row]) -> Path:
    plain = [{"text": row.text, "toxic": bool(row.toxic), "category": row.category, "split": row.split} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in plain), encoding="utf-8")
    return path


def told_once(ran: Ran) -> str:
    (line,) = [line for line in ran.err.splitlines() if line.startswith("referee: ")]
    assert ran.code == 2
    assert "Traceback" not in ran.err
    return line


def test_a_copy_is_made_and_the_figures_are_shown(referee: Referee, graded: Path, chat: Path, tmp_path: Path) -> None:
    out = tmp_path / "calibrated"

    ran = referee("model", "calibrate", str(graded), str(chat), "--out", str(out))

    assert ran.code == 0, ran.err
    for words in ("calibration error", "log loss", "before", "after", "toxic", "insult", "95% confidence"):
        assert words in ran.out
    assert f"REFEREE_MODEL={out}" in ran.out.replace("\n", "")
    manifest = read_manifest(out)
    assert manifest.calibration.scale < 0.7
    assert manifest.training["recalibrated"][0]["command"] == (f"referee model calibrate {graded} {chat} --out {out}")


def test_as_json_everything_can_be_read_by_a_program(
    referee: Referee, graded: Path, chat: Path, tmp_path: Path
) -> None:
    ran = referee(
        *("model", "calibrate", str(graded), str(chat), "--out", str(tmp_path / "out"), "--json"),
        *("--budget", "1 in 30", "--confidence", "0.9"),
    )

    figures = json.loads(ran.out)
    assert figures["after"]["calibration_error"] < figures["before"]["calibration_error"]
    assert figures["clean"] + figures["toxic"] == 600
    assert figures["confidence"] == 0.9
    curves = read_manifest(tmp_path / "out").curves
    assert figures["thresholds"] == {name: curve.threshold(1 / 30) for name, curve in curves.items()}
    assert set(figures["curves"]) == {"toxic", "insult", "threat", "spam"}


def test_a_budget_shows_its_thresholds_alone(referee: Referee, graded: Path, chat: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")

    ran = referee("model", "calibrate", str(graded), str(chat), "--out", out, "--budget", "1 in 40", "--as-measured")

    header = next(line for line in ran.out.splitlines() if line.startswith("category"))
    assert header.split() == ["category", "40"]
    assert "of these rows" in ran.out
    threshold = read_manifest(tmp_path / "out").curves["insult"].threshold(1 / 40)
    assert f"{threshold:.3f}" in next(line for line in ran.out.splitlines() if "insult" in line)


def test_a_budget_that_the_rows_cannot_show_changes_nothing(
    referee: Referee, graded: Path, chat: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    ran = referee("model", "calibrate", str(graded), str(chat), "--out", str(out), "--budget", "1 in 1,000")

    assert (
        "clean rows cannot show that at most 1 in 1,000 is flagged with 95% confidence: that takes 2,995"
        in told_once(ran)
    )
    assert not out.exists()


@pytest.mark.parametrize("budget", ["0.001", "1 in 1", "1 in 0", "2 in 1000", "1 in -5", "1 in 10,00", "often", ""])
def test_a_budget_that_is_none_is_told(referee: Referee, graded: Path, chat: Path, tmp_path: Path, budget: str) -> None:
    ran = referee("model", "calibrate", str(graded), str(chat), "--out", str(tmp_path / "o"), "--budget", budget)

    assert ran.code == 2
    assert "is no budget" in ran.err


def test_in_place_replaces_the_manifest(referee: Referee, graded: Path, chat: Path, tmp_path: Path) -> None:
    model = shutil.copytree(graded, tmp_path / "model")

    ran = referee("model", "calibrate", str(model), str(chat), "--in-place")

    assert ran.code == 0, ran.err
    assert (model / "manifest.json.bak").read_bytes() == (graded / "manifest.json").read_bytes()
    assert read_manifest(model).version != read_manifest(graded).version


@pytest.mark.parametrize("where", [(), ("--out", "o", "--in-place")])
def test_where_it_goes_must_be_said_once(referee: Referee, graded: Path, chat: Path, where: tuple[str, ...]) -> None:
    ran = referee("model", "calibrate", str(graded), str(chat), *where)

    assert ran.code == 2
    assert "either --out FOLDER or --in-place" in " ".join(ran.err.replace("│", " ").split())


def test_the_word_shipped_names_the_shipped_model_which_is_not_changed(
    referee: Referee, chat: Path, tmp_path: Path
) -> None:
    assert "shipped model stays as it is" in told_once(
        referee("model", "calibrate", "shipped", str(chat), "--in-place")
    )

    rows = [{"text": f"you are a useless idiot {i}", "label": "insult"} for i in range(12)]
    rows += [{"text": f"kill the boss {i} then push mid", "label": "non_toxic"} for i in range(12)]
    data = tmp_path / "lines.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ran = referee("model", "calibrate", "shipped", str(data), "--out", str(tmp_path / "mine"))

    assert ran.code == 0, ran.err
    assert "12 clean rows show fewer budgets than the model knew" in ran.out
    assert read_manifest(tmp_path / "mine").name == "referee-minilm"


def test_foreign_labels_are_mapped(referee: Referee, graded: Path, tmp_path: Path) -> None:
    lines = [f"w{i},{'Flaming' if i > 25 else 'Fine'}" for i in range(41)]
    data = tmp_path / "lines.csv"
    data.write_text("\n".join(("message,verdict", *lines)), encoding="utf-8")
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        'text = "message"\nlabel = "verdict"\nclean = ["Fine"]\n[labels]\n"Flaming" = "insult"\n', encoding="utf-8"
    )

    ran = referee(
        *("model", "calibrate", str(graded), str(data), "--map", str(mapping)),
        *("--out", str(tmp_path / "out"), "--json"),
    )

    assert ran.code == 0, ran.err
    assert (json.loads(ran.out)["clean"], json.loads(ran.out)["toxic"]) == (26, 15)


def test_columns_can_be_named_without_a_file(referee: Referee, graded: Path, tmp_path: Path) -> None:
    data = tmp_path / "lines.csv"
    lines = [f"w{i},{'Insult' if i > 25 else 'Fine'}" for i in range(41)]
    data.write_text("\n".join(("message,verdict", *lines)), encoding="utf-8")

    ran = referee(
        *("model", "calibrate", str(graded), str(data), "--out", str(tmp_path / "out"), "--json"),
        *("--text", "message", "--label", "verdict", "--clean", "fine"),
    )

    assert ran.code == 0, ran.err
    assert (json.loads(ran.out)["clean"], json.loads(ran.out)["toxic"]) == (26, 15)


def test_labels_mean_what_they_meant_in_training(referee: Referee, graded: Path, tmp_path: Path) -> None:
    model = shutil.copytree(graded, tmp_path / "model")
    run = tmp_path / "model" / "run.toml"
    run.write_text('[mapping]\nclean = ["fine"]\n[mapping.labels]\n"Flaming" = "insult"\n', encoding="utf-8")
    data = tmp_path / "lines.csv"
    lines = [f"w{i},{'Flaming' if i > 25 else 'Fine'}" for i in range(41)]
    data.write_text("\n".join(("text,label", *lines)), encoding="utf-8")

    ran = referee("model", "calibrate", str(model), str(data), "--out", str(tmp_path / "out"), "--json")

    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["clean"] == 26
    assert (tmp_path / "out" / "run.toml").read_bytes() == run.read_bytes()


@pytest.mark.parametrize("gone", ["model", "data", "map"])
def test_a_missing_file_is_told(referee: Referee, graded: Path, chat: Path, tmp_path: Path, gone: str) -> None:
    paths = {"model": graded, "data": chat} | {gone: tmp_path / "gone"}
    mapping = ("--map", str(paths["map"])) if gone == "map" else ()

    ran = referee("model", "calibrate", str(paths["model"]), str(paths["data"]), *mapping, "-o", str(tmp_path / "out"))

    assert "gone" in told_once(ran)
    assert not (tmp_path / "out").exists()


def test_a_folder_in_the_way_is_told_before_anything_is_scored(
    referee: Referee, graded: Path, chat: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").touch()

    told = told_once(referee("model", "calibrate", str(graded), str(chat), "--out", str(tmp_path)))

    assert "is there already" in told


def judged_with(monkeypatch: pytest.MonkeyPatch, referee: Referee, model: Path, policy: Path) -> Ran:
    monkeypatch.setenv("REFEREE_MODEL", str(model))
    monkeypatch.setenv("REFEREE_POLICY", str(policy))
    return referee("check", "--json", "w39 good game", "w0 good game")


def test_a_policy_reads_its_budgets_from_the_calibrated_model(
    referee: Referee, graded: Path, chat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    referee("model", "calibrate", str(graded), str(chat), "--out", str(tmp_path / "out"))

    ran = judged_with(monkeypatch, referee, tmp_path / "out", policy)

    assert ran.code == 0, ran.err
    bad, fine = (json.loads(line) for line in ran.out.splitlines())
    assert bad["decision"]["action"] != "none"
    assert fine["decision"]["action"] == "none"


@pytest.mark.parametrize(("clean", "told"), [(8, "has no curve for"), (20, "below the smallest measured rate")])
def test_a_policy_that_asks_for_too_much_names_the_command(
    referee: Referee, graded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean: int, told: str
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    rows = [Row(f"w{i} game", 0.0, None, "", "tune") for i in range(clean)]
    data = written(tmp_path / "few.jsonl", [*rows, *(Row("w40 game", 1.0, "insult", "", "tune") for _ in range(5))])
    ran = referee("model", "calibrate", str(graded), str(data), "--out", str(tmp_path / "out"))
    assert ("too few clean rows to measure any" in ran.out) == (clean == 8)

    line = told_once(judged_with(monkeypatch, referee, tmp_path / "out", policy))

    assert told in line
    assert "`referee model calibrate`" in line
