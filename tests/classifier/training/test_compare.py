"""Comparing small models: trained or loaded, on the same rows, with a table and a page."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from classifier.errors import DataError, TrainingError
from classifier.training.compare import Plan, Setting, compare, machine, read_settings
from classifier.training.recipe import Recipe
from tests.classifier.training.conftest import Ran, Trained, World, run_python
from tests.classifier.training.tiny_world import village_rows, write_rows, write_text

Referee = Callable[..., Ran]


@dataclass(frozen=True, slots=True)
class Compared:
    """Hold what a comparison left behind."""

    ran: Ran
    out: Path
    arguments: tuple[str, ...]


@pytest.fixture(scope="module")
def compared(world: World, trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    folder = tmp_path_factory.mktemp("compared")
    rows = [row | {"split": "test" if row["split"] == "tune" else ""} for row in village_rows()]
    data = write_rows(folder / "village.jsonl", rows)
    settings = write_text(
        folder / "settings.toml",
        '[[setting]]\nname = "one head"\nstages = "one"\n'
        f'[[setting]]\nname = "there already"\nmodel = "{trained.folder}"\n',
    )
    out = folder / "out"
    arguments = (
        *("model", "compare", str(data), "--out", str(out), "--recipe", str(world.recipe_file)),
        *("--labels", str(world.labels), "--settings", str(settings), "--tune-share", "0.25"),
    )
    base = write_text(folder / "recipe.toml", world.recipe_file.read_text() + f'[run]\nbase = "{world.base}"\n')
    arguments = tuple(str(base) if part == str(world.recipe_file) else part for part in arguments)
    return Compared(run_python("-m", "bot", *arguments), out, arguments)


def test_a_table_is_printed_with_every_setting_and_its_intervals(compared: Compared) -> None:
    assert compared.ran.code == 0, compared.ran.err
    for word in ("one head", "there already", "F1", "AUC", "hierarchical"):
        assert word in compared.ran.out
    assert "33 test rows" in compared.ran.out


def test_the_table_and_the_page_are_written(compared: Compared) -> None:
    table = (compared.out / "table.md").read_text(encoding="utf-8")
    page = (compared.out / "index.html").read_text(encoding="utf-8")

    assert table.count("\n|") >= 3
    assert "one head" in page
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_learning_curve_is_measured_at_fewer_rows(compared: Compared) -> None:
    made = {path.name for path in (compared.out / "models").iterdir()}

    assert made == {"one_head", "one_head_25_rows", "one_head_50_rows"}


def test_a_second_run_trains_nothing_again(compared: Compared, referee: Referee) -> None:
    before = {path: path.stat().st_mtime_ns for path in (compared.out / "models").rglob("model.onnx")}

    ran = referee(*compared.arguments, "--json")

    assert ran.code == 0
    assert [row for row in json.loads(ran.out) if "one head" in row.values()]
    assert "is there already" in ran.err
    assert before == {path: path.stat().st_mtime_ns for path in (compared.out / "models").rglob("model.onnx")}


def test_a_model_of_another_recipe_is_not_taken_for_the_setting(compared: Compared, referee: Referee) -> None:
    ran = referee(*compared.arguments, "--epochs", "3")

    assert ran.code == 2
    assert "was trained by another recipe" in ran.err


def test_data_without_test_rows_is_refused_with_advice(world: World, tmp_path: Path) -> None:
    from classifier.training.data.corpus import gather

    rows = gather([world.data], world.recipe)
    plan = Plan((Setting("first", world.recipe),), tmp_path, world.labels)

    with pytest.raises(DataError, match=r"no test rows.*--test-share"):
        compare(rows, plan)


@pytest.mark.parametrize("names", [(), ("two stages", "Two-Stages")])
def test_settings_need_names_that_differ(world: World, tmp_path: Path, names: tuple[str, ...]) -> None:
    plan = Plan(tuple(Setting(name, world.recipe) for name in names), tmp_path)

    with pytest.raises((DataError, TrainingError), match=r"no setting to compare|too alike"):
        compare([], plan)


@pytest.mark.parametrize(
    "text", ["", "setting = 3", "[[setting]]\nstages = 'one'", "[[setting]]\nname = 'a'\nstages = 'three'", "[["]
)
def test_settings_that_make_no_sense_are_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"settings\.toml|stages"):
        read_settings(write_text(tmp_path / "settings.toml", text), Recipe())


def test_the_machine_is_named_with_its_cores() -> None:
    assert machine().endswith("cores")
