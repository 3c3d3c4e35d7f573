from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from classifier.errors import TrainingError
from classifier.labels import Label, LabelSet
from classifier.training.fit import class_weights, fit
from classifier.training.network import TwoHeadNetwork, network_from_base
from classifier.training.rows import Row
from tests.classifier.training.conftest import World

LABELS = LabelSet((Label("rude", "Abuse.", 2), Label("advert", "Selling.", 1)))
IDS = torch.tensor([[2, 60, 61, 3], [2, 70, 3, 0], [2, 80, 81, 3]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]])


@pytest.fixture
def network(world: World) -> TwoHeadNetwork:
    torch.manual_seed(0)
    return network_from_base(world.base, 2).eval()


def loss_of(network: TwoHeadNetwork, category: list[int], weight: tuple[float, ...] = (1.0, 1.0, 1.0)) -> torch.Tensor:
    toxic = torch.tensor([1.0, 1.0, 0.0])
    loss = network(IDS, MASK, toxic, torch.tensor(category), torch.tensor(weight))["loss"]
    assert isinstance(loss, torch.Tensor)
    return loss


def test_rows_of_unknown_category_teach_the_category_head_nothing(network: TwoHeadNetwork) -> None:
    before = loss_of(network, [-1, -1, -1])
    before.backward()
    with torch.no_grad():
        network.category.weight.add_(torch.randn_like(network.category.weight))

    assert network.category.weight.grad is None
    assert loss_of(network, [-1, -1, -1]).item() == before.item()


def test_a_row_of_unknown_category_beside_a_known_one_stays_masked(network: TwoHeadNetwork) -> None:
    plain, known = loss_of(network, [-1, -1, -1]), loss_of(network, [0, -1, -1])
    expected = torch.nn.functional.cross_entropy(network(IDS, MASK)["category_logit"][:1], torch.tensor([0]))

    assert (known - plain).item() == pytest.approx(0.5 * expected.item(), rel=1e-5)


def test_the_weight_of_a_row_scales_both_of_its_losses(network: TwoHeadNetwork) -> None:
    whole, half = loss_of(network, [0, 1, -1]), loss_of(network, [0, 1, -1], (0.5, 0.5, 0.5))

    assert half.item() == pytest.approx(whole.item() / 2, rel=1e-5)


def test_padding_changes_no_output(network: TwoHeadNetwork) -> None:
    padded, alone = network(IDS, MASK), network(IDS[1:2, :3], MASK[1:2, :3])

    assert torch.allclose(padded["toxic_logit"][1], alone["toxic_logit"][0], atol=1e-5)
    assert torch.allclose(padded["category_logit"][1], alone["category_logit"][0], atol=1e-5)


def test_rare_categories_weigh_more_but_not_without_bound() -> None:
    rows = [*(Row("a", 1.0, "rude", "chat") for _ in range(10_000)), Row("b", 1.0, "advert", "chat")]

    rude, advert = class_weights(rows, LABELS).tolist()
    assert 0.0 < rude <= 1.0
    assert advert == 4.0
    assert class_weights(rows[:1] + rows[-1:], LABELS).tolist() == [1.0, 1.0]
    assert np.isfinite(class_weights([], LABELS).numpy()).all()


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_run_that_diverges_stops_and_says_what_to_do(world: World, tmp_path: Path, broken: float) -> None:
    network = network_from_base(world.base, 2)
    with torch.no_grad():
        network.toxic.bias.fill_(broken)
    rows = [Row("nice team", 0.0, None, "chat"), Row("you lazy clown", 1.0, "rude", "chat")] * 8

    with pytest.raises(TrainingError, match=r"no number.*lower the learning rate"):
        fit(network, AutoTokenizer.from_pretrained(world.base), LABELS, rows, rows, world.recipe, tmp_path / "work")


def test_rows_without_any_category_still_choose_the_best_epoch(world: World, tmp_path: Path) -> None:
    network = network_from_base(world.base, 2)
    rows = [Row("nice team", 0.0, None, "chat"), Row("you lazy clown", 1.0, None, "chat")] * 8

    figures = fit(network, AutoTokenizer.from_pretrained(world.base), LABELS, rows, rows, world.recipe, tmp_path)

    assert (figures["auc"], figures["category_macro_f1"], figures["score"]) == (1.0, 0.0, 1.0)
