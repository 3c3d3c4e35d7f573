from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from classifier.errors import TrainingError
from classifier.training.learning import export
from classifier.training.learning.network import TwoHeadNetwork, network_from_base
from classifier.training.quiet import quiet_libraries
from tests.classifier.training.conftest import Trained, World


@pytest.fixture(scope="module")
def network(world: World) -> TwoHeadNetwork:
    torch.manual_seed(0)
    return network_from_base(world.base, 3).eval()


@pytest.fixture(scope="module")
def exported(network: TwoHeadNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    with quiet_libraries():
        export.export_onnx(network, folder / "fp32.onnx")
        export.quantize(folder / "fp32.onnx", folder / "int8.onnx")
    return folder


def windows(batch: int, tokens: int) -> list[list[int]]:
    draw = np.random.default_rng(batch * 100 + tokens)
    return [draw.integers(5, 120, size=max(1, tokens - i % 3)).tolist() for i in range(batch)]


def torch_logits(network: TwoHeadNetwork, texts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        both = [network.logits(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long)) for ids in texts]
    return np.array([toxic.item() for toxic, _ in both]), np.array([category[0].numpy() for _, category in both])


@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 3), (5, 9), (70, 16), (2, 64)])
def test_the_exported_graph_says_what_the_network_says(
    network: TwoHeadNetwork, exported: Path, batch: int, tokens: int
) -> None:
    texts = windows(batch, tokens)

    served = export.onnx_logits(exported / "fp32.onnx", texts)

    toxic, category = torch_logits(network, texts)
    np.testing.assert_allclose(served.toxic, toxic, atol=1e-4)
    np.testing.assert_allclose(served.category, category, atol=1e-4)


def test_int8_stays_close_and_is_smaller(network: TwoHeadNetwork, exported: Path) -> None:
    texts = windows(40, 12)

    served = export.onnx_logits(exported / "int8.onnx", texts)

    assert np.abs(served.toxic - torch_logits(network, texts)[0]).max() < 0.05
    assert (exported / "int8.onnx").stat().st_size < (exported / "fp32.onnx").stat().st_size


def test_weights_come_back_as_they_were_in_half_precision(
    network: TwoHeadNetwork, world: World, tmp_path: Path
) -> None:
    export.save_weights(network, AutoTokenizer.from_pretrained(world.base), tmp_path)

    back = export.load_weights(tmp_path, 3).state_dict()

    assert all((tmp_path / name).exists() for name in export.FOR_TRAINING)
    assert back.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(back[name], tensor.half().float() if tensor.is_floating_point() else tensor)


@pytest.mark.parametrize("categories", [3, 5])
def test_other_categories_keep_all_but_their_head(
    network: TwoHeadNetwork, world: World, tmp_path: Path, categories: int
) -> None:
    export.save_weights(network, AutoTokenizer.from_pretrained(world.base), tmp_path)

    other = export.load_weights(tmp_path, categories, keep_head=False)

    assert other.category.weight.shape == (categories, 32)
    assert not torch.isin(other.category.weight, network.category.weight.half().float()).any()
    assert torch.equal(other.toxic.weight, network.toxic.weight.half().float())


def test_damaged_weights_are_named(world: World, tmp_path: Path) -> None:
    (tmp_path / export.WEIGHTS).write_bytes(b"no weights")

    with pytest.raises(TrainingError, match=r"weights\.safetensors cannot be read"):
        export.load_weights(tmp_path, 2)


def test_a_served_network_names_no_folder_of_the_machine_that_made_it(trained: Trained) -> None:
    content = (trained.folder / "model.onnx").read_bytes()

    assert b"site-packages" not in content
    assert str(Path(__file__).parents[4]).encode() not in content
