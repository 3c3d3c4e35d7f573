from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from classifier.errors import TrainingError
from classifier.labels import Label, LabelSet
from classifier.training.bases.base import load_base
from classifier.training.data.rows import Row
from classifier.training.learning.fit import balance, fit, objective_for
from classifier.training.learning.network import CATEGORY, CLASSES, TOXIC, HeadedNetwork
from classifier.training.learning.objective import Objective
from classifier.training.recipe import Recipe, changed
from tests.classifier.training.conftest import World

LABELS = LabelSet((Label("rude", "Abuse.", 2), Label("advert", "Selling.", 1)))
IDS = torch.tensor([[2, 60, 61, 3], [2, 70, 3, 0], [2, 80, 81, 3]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]])
HEADS = [(TOXIC, CATEGORY), (CLASSES,), (TOXIC,)]


def network_of(world: World, *heads: str) -> HeadedNetwork:
    torch.manual_seed(0)
    base = load_base(str(world.base))
    return HeadedNetwork(base.encoder, base.hidden, heads, 2).eval()


@pytest.fixture
def network(world: World) -> HeadedNetwork:
    return network_of(world, TOXIC, CATEGORY)


def loss_of(
    network: HeadedNetwork,
    category: list[int],
    weight: tuple[float, ...] = (1.0, 1.0, 1.0),
    soft: list[float] | None = None,
) -> torch.Tensor:
    toxic = torch.tensor([1.0, 1.0, 0.0])
    taught = None if soft is None else torch.tensor([soft] * 3)
    loss = network(IDS, MASK, toxic, torch.tensor(category), torch.tensor(weight), taught)["loss"]
    assert isinstance(loss, torch.Tensor)
    return loss


def test_rows_of_unknown_category_teach_the_category_head_nothing(network: HeadedNetwork) -> None:
    head = network.heads[CATEGORY]
    assert isinstance(head, torch.nn.Linear)
    before = loss_of(network, [-1, -1, -1])
    before.backward()
    with torch.no_grad():
        head.weight.add_(torch.randn_like(head.weight))

    assert head.weight.grad is None or not head.weight.grad.any()
    assert loss_of(network, [-1, -1, -1]).item() == before.item()


def test_a_row_of_unknown_category_beside_a_known_one_stays_masked(network: HeadedNetwork) -> None:
    plain, known = loss_of(network, [-1, -1, -1]), loss_of(network, [0, -1, -1])
    expected = torch.nn.functional.cross_entropy(network(IDS, MASK)[CATEGORY][:1], torch.tensor([0]))

    assert (known - plain).item() == pytest.approx(0.5 * expected.item(), rel=1e-5)


@pytest.mark.parametrize("heads", HEADS)
def test_the_weight_of_a_row_scales_its_loss(world: World, heads: tuple[str, ...]) -> None:
    network = network_of(world, *heads)
    whole, half = loss_of(network, [0, 1, -1]), loss_of(network, [0, 1, -1], (0.5, 0.5, 0.5))

    assert half.item() == pytest.approx(whole.item() / 2, rel=1e-5)


def test_a_row_known_as_toxic_alone_may_be_of_any_class_but_the_welcome_one(world: World) -> None:
    network = network_of(world, CLASSES)
    with torch.no_grad():
        shares = torch.log_softmax(network(IDS, MASK)[CLASSES], -1)

    expected = -(torch.logsumexp(shares[0, 1:], 0) + shares[1, 2] + shares[2, 0]) / 3
    assert loss_of(network, [-1, 1, -1]).item() == pytest.approx(expected.item(), rel=1e-5)


def test_teachers_tell_the_category_of_rows_that_have_none(network: HeadedNetwork) -> None:
    untaught, taught = loss_of(network, [-1, -1, -1]), loss_of(network, [-1, -1, -1], soft=[0.5, 0.9, 0.1])

    assert taught.item() > untaught.item()


def test_teachers_soften_the_category_of_rows_that_have_one(network: HeadedNetwork) -> None:
    first = loss_of(network, [0, 0, -1], soft=[0.0, 0.0, 1.0])
    mixed = loss_of(network, [0, 0, -1], soft=[0.5, 0.0, 1.0])
    other = loss_of(network, [1, 1, -1], soft=[0.0, 0.0, 1.0])

    assert mixed.item() == pytest.approx((first.item() + other.item()) / 2, rel=1e-5)


@pytest.mark.parametrize("heads", HEADS)
def test_padding_changes_no_output(world: World, heads: tuple[str, ...]) -> None:
    network = network_of(world, *heads)
    padded, alone = network(IDS, MASK), network(IDS[1:2, :3], MASK[1:2, :3])

    for name in heads:
        assert torch.allclose(padded[name][1], alone[name][0], atol=1e-5)


def test_two_passes_under_dropout_are_pulled_together(world: World) -> None:
    network = network_of(world, TOXIC, CATEGORY).train()
    torch.manual_seed(5)
    network.objective = Objective(r_drop=0.0)
    loss_of(network, [0, 1, -1])
    torch.manual_seed(5)
    network.objective = Objective(r_drop=1e-9)
    without = loss_of(network, [0, 1, -1]).item()
    torch.manual_seed(5)
    network.objective = Objective(r_drop=10.0)

    assert loss_of(network, [0, 1, -1]).item() > without


def test_logit_adjustment_is_settled_into_the_head_so_that_it_tells_frequencies(world: World) -> None:
    network = network_of(world, CLASSES)
    rows = [Row("a", 0.0, None, "chat")] * 97 + [Row("b", 1.0, "rude", "chat")] * 2 + [Row("c", 1.0, "advert", "chat")]
    network.objective = objective_for(rows, LABELS, changed(Recipe(), imbalance="logit_adjustment"))
    before = network(IDS, MASK)[CLASSES]

    network.settle()

    shift = network(IDS, MASK)[CLASSES] - before
    expected = torch.log(torch.tensor([98.0, 3.0, 2.0]) / 103.0).expand(3, 3)
    assert torch.allclose(shift, expected, atol=1e-5)
    assert network.objective.class_shift is None


def test_rare_categories_weigh_more_but_not_without_bound() -> None:
    rude, advert = balance(np.array([10_000.0, 1.0])).tolist()

    assert 0.0 < rude <= 1.0
    assert advert == 4.0
    assert balance(np.array([1.0, 1.0])).tolist() == [1.0, 1.0]
    assert np.isfinite(balance(np.array([0.0, 0.0])).numpy()).all()


def test_heads_are_carried_over_by_the_names_of_their_categories(world: World) -> None:
    old, new = network_of(world, TOXIC, CATEGORY), network_of(world, TOXIC, CATEGORY)
    weight = torch.arange(64.0).reshape(2, 32)
    given = {TOXIC: (torch.ones(1, 32), torch.ones(1)), CATEGORY: (weight, torch.tensor([7.0, 8.0]))}
    untouched = old.heads[CATEGORY].weight[1].clone()

    new.take_over(given, [1, None])

    assert new.heads[TOXIC].weight.eq(1).all()
    assert new.heads[CATEGORY].weight[0].equal(weight[1])
    assert new.heads[CATEGORY].bias[0] == 8.0
    assert new.heads[CATEGORY].weight[1].equal(untouched)


def test_one_head_starts_as_what_a_toxic_head_knows(world: World) -> None:
    network = network_of(world, CLASSES)
    weight = torch.randn(1, 32)

    network.take_over({TOXIC: (weight, torch.tensor([0.5]))}, [None, None])

    assert network.heads[CLASSES].weight[0].equal(-weight[0])
    assert network.heads[CLASSES].bias[0] == -0.5


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_run_that_diverges_stops_and_says_what_to_do(world: World, tmp_path: Path, broken: float) -> None:
    network = network_of(world, TOXIC, CATEGORY)
    with torch.no_grad():
        network.heads[TOXIC].bias.fill_(broken)
    rows = [Row("nice team", 0.0, None, "chat"), Row("you lazy clown", 1.0, "rude", "chat")] * 8

    with pytest.raises(TrainingError, match=r"no number.*lower the learning rate"):
        fit(network, AutoTokenizer.from_pretrained(world.base), LABELS, rows, rows, world.recipe, tmp_path / "work")


def test_rows_without_any_category_still_choose_the_best_epoch(world: World, tmp_path: Path) -> None:
    network = network_of(world, TOXIC, CATEGORY)
    rows = [Row("nice team", 0.0, None, "chat"), Row("you lazy clown", 1.0, None, "chat")] * 8

    figures = fit(network, AutoTokenizer.from_pretrained(world.base), LABELS, rows, rows, world.recipe, tmp_path)

    assert (figures["auc"], figures["category_macro_f1"], figures["score"]) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    "choice", [{"r_drop": 1.0}, {"adversarial": 0.5}, {"label_smoothing": 0.1}, {"optimizer": "rmsprop"}]
)
def test_every_way_to_train_learns(world: World, tmp_path: Path, choice: dict[str, object]) -> None:
    network = network_of(world, TOXIC, CATEGORY)
    rows = [Row("nice team", 0.0, None, "chat"), Row("you lazy clown", 1.0, "rude", "chat")] * 8
    recipe = changed(world.recipe, **choice)

    figures = fit(network, AutoTokenizer.from_pretrained(world.base), LABELS, rows, rows, recipe, tmp_path)

    assert figures["auc"] == 1.0
