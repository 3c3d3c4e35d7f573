import json
from pathlib import Path

import numpy as np
import pytest
import torch

from classifier.errors import TrainingError
from classifier.training.bases.base import load_base
from classifier.training.learning import export
from classifier.training.learning.network import CATEGORY, TOXIC, HeadedNetwork
from classifier.training.quiet import quiet_libraries
from tests.classifier.training.conftest import Trained, World

HEADS = (TOXIC, CATEGORY)
SAME = (0, 1, 2)


@pytest.fixture(scope="module")
def network(world: World) -> HeadedNetwork:
    torch.manual_seed(0)
    base = load_base(str(world.base))
    return HeadedNetwork(base.encoder, base.hidden, HEADS, 3).eval()


@pytest.fixture(scope="module")
def exported(network: HeadedNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    with quiet_libraries():
        export.export_onnx(network, folder / "fp32.onnx")
        export.quantize(folder / "fp32.onnx", folder / "int8.onnx")
    return folder


def windows(batch: int, tokens: int) -> list[list[int]]:
    draw = np.random.default_rng(batch * 100 + tokens)
    return [draw.integers(5, 120, size=max(1, tokens - i % 3)).tolist() for i in range(batch)]


def torch_logits(network: HeadedNetwork, texts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        both = [network.logits(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long)) for ids in texts]
    return np.array([out[TOXIC].item() for out in both]), np.array([out[CATEGORY][0].numpy() for out in both])


@pytest.mark.parametrize(("batch", "tokens"), [(1, 1), (1, 3), (5, 9), (70, 16), (2, 64)])
def test_the_exported_graph_says_what_the_network_says(
    network: HeadedNetwork, exported: Path, batch: int, tokens: int
) -> None:
    texts = windows(batch, tokens)

    served = export.onnx_logits(exported / "fp32.onnx", texts)

    toxic, category = torch_logits(network, texts)
    np.testing.assert_allclose(served[TOXIC], toxic, atol=1e-4)
    np.testing.assert_allclose(served[CATEGORY], category, atol=1e-4)


def test_int8_stays_close_and_is_smaller(network: HeadedNetwork, exported: Path) -> None:
    texts = windows(40, 12)

    served = export.onnx_logits(exported / "int8.onnx", texts)

    assert np.abs(served[TOXIC] - torch_logits(network, texts)[0]).max() < 0.05
    assert (exported / "int8.onnx").stat().st_size < (exported / "fp32.onnx").stat().st_size


def saved(network: HeadedNetwork, folder: Path) -> Path:
    export.save_weights(network, folder / export.WEIGHTS)
    network.config.save_pretrained(folder)
    return folder


def test_weights_come_back_as_they_were_in_half_precision(network: HeadedNetwork, tmp_path: Path) -> None:
    back = export.load_weights(saved(network, tmp_path), HEADS, SAME).state_dict()

    assert back.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(back[name], tensor.half().float() if tensor.is_floating_point() else tensor)


def test_exact_weights_come_back_as_they_were(network: HeadedNetwork, tmp_path: Path) -> None:
    export.save_weights(network, tmp_path / "exact.safetensors", exact=True)
    back = HeadedNetwork(export.load_weights(saved(network, tmp_path), HEADS, SAME).encoder, 32, HEADS, 3)

    export.put_weights(back, export.read_weights(tmp_path / "exact.safetensors"))

    assert all(torch.equal(back.state_dict()[name], tensor) for name, tensor in network.state_dict().items())


def test_categories_are_carried_by_name_and_new_ones_start_anew(network: HeadedNetwork, tmp_path: Path) -> None:
    other = export.load_weights(saved(network, tmp_path), HEADS, (2, None, None, 0))

    rows, before = other.heads[CATEGORY].weight, network.heads[CATEGORY].weight.half().float()
    assert rows.shape == (4, 32)
    assert torch.equal(rows[0], before[2])
    assert torch.equal(rows[3], before[0])
    assert not torch.isin(rows[1:3], before).any()
    assert torch.equal(other.heads[TOXIC].weight, network.heads[TOXIC].weight.half().float())


def test_weights_of_another_encoder_are_told(network: HeadedNetwork, tmp_path: Path) -> None:
    folder = saved(network, tmp_path)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 16}), encoding="utf-8")

    with pytest.raises(TrainingError, match=r"weights\.safetensors does not fit .*config\.json"):
        export.load_weights(folder, HEADS, SAME)


def test_damaged_weights_are_named(world: World, tmp_path: Path) -> None:
    (tmp_path / export.WEIGHTS).write_bytes(b"no weights")

    with pytest.raises(TrainingError, match=r"weights\.safetensors cannot be read"):
        export.load_weights(tmp_path, HEADS, SAME)


def test_a_served_network_names_no_folder_of_the_machine_that_made_it(trained: Trained) -> None:
    content = (trained.folder / "model.onnx").read_bytes()

    assert b"site-packages" not in content
    assert str(Path(__file__).parents[4]).encode() not in content
