from pathlib import Path

import pytest

from classifier.errors import DataError
from classifier.training import recipe as recipes
from classifier.training.data.seeds import SOURCE
from classifier.training.recipe import Recipe, SourcePlan, read_recipe
from tests.classifier.training.tiny_world import RECIPE, write_text


@pytest.mark.parametrize("name", ["shipped.toml", "second_pass.toml"])
def test_the_recipes_of_the_package_load(name: str) -> None:
    recipe = read_recipe(recipes.SHIPPED.with_name(name))

    assert recipe.most_tokens == 64
    assert recipe.plan(SOURCE).tune_share > 0
    assert set(recipe.calibrate_on) <= set(recipe.sources)
    assert all(plan.about for plan in recipe.sources.values() if plan.rows != 0)


def test_every_table_of_a_recipe_is_read(tmp_path: Path) -> None:
    recipe = read_recipe(write_text(tmp_path / "recipe.toml", RECIPE))

    assert (recipe.most_characters, recipe.batch_size, recipe.augment_share) == (80, 16, 0.1)
    assert recipe.calibrate_on == ("village",)
    assert recipe.plan("market") == SourcePlan(weight=0.9, about="Cries of the market. CC0.")


def test_a_source_that_the_recipe_does_not_name_is_used_whole() -> None:
    assert Recipe().plan("anything") == SourcePlan()


@pytest.mark.parametrize(
    "text",
    [
        "[fit]\nepoch = 2\n",
        "[augment]\nportion = 0.1\n",
        "[source.chat]\nrow = 2\n",
        "[fitting]\nepochs = 2\n",
        "fit = 3\n",
        "source = 3\n",
        "[fit",
    ],
)
def test_a_name_that_no_recipe_has_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"odd\.toml"):
        read_recipe(write_text(tmp_path / "odd.toml", text))


def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.toml"):
        read_recipe(tmp_path / "none.toml")
