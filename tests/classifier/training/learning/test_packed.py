"""Graphs without padding, of every kind of encoder that they are drawn for; small random ones stand for the real."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import (
    AutoModel,
    BertConfig,
    CamembertConfig,
    DistilBertConfig,
    PretrainedConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from classifier.network import Network
from classifier.training.learning import export, packed
from classifier.training.learning.network import CATEGORY, CLASSES, TOXIC, HeadedNetwork, without_pooler
from classifier.training.quiet import quiet_libraries

SIZES = {
    "vocab_size": 90,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}
FAMILY = {
    "bert": BertConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES, pad_token_id=1),
    "xlm-roberta": XLMRobertaConfig(**SIZES, pad_token_id=1),
    "camembert": CamembertConfig(**SIZES, pad_token_id=1),
    "tanh": BertConfig(**SIZES, hidden_act="gelu_new"),
    "wide epsilon": BertConfig(**SIZES, layer_norm_eps=1e-3),
}
OTHERS = {
    "another family": DistilBertConfig(vocab_size=90, dim=32, n_layers=2, n_heads=4, hidden_dim=48),
    "another activation": BertConfig(**SIZES, hidden_act="silu"),
}


def network_of(config: PretrainedConfig, *heads: str) -> HeadedNetwork:
    torch.manual_seed(3)
    encoder = AutoModel.from_config(config, **without_pooler(config.model_type))
    network = HeadedNetwork(encoder, 32, heads or (TOXIC, CATEGORY), 3).eval()
    for parameter in network.parameters():
        # Fresh biases are zero, and a wrong one would not show.
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def windows(count: int) -> list[list[int]]:
    draw = np.random.default_rng(count)
    return [draw.integers(5, 90, size=1 + i % 37).tolist() for i in range(count)]


def says(network: HeadedNetwork, texts: list[list[int]], head: str) -> np.ndarray:
    with torch.no_grad():
        each = [network.logits(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.long))[head] for ids in texts]
    return torch.cat(each).numpy()


@pytest.mark.parametrize("kind", FAMILY)
def test_the_graph_says_what_the_network_says(kind: str, tmp_path: Path) -> None:
    network = network_of(FAMILY[kind])
    texts = windows(80)

    export.export_onnx(network, tmp_path / "fp32.onnx")

    assert Network(tmp_path / "fp32.onnx").packs
    found = export.onnx_logits(tmp_path / "fp32.onnx", texts)
    np.testing.assert_allclose(found[TOXIC], says(network, texts, TOXIC), atol=2e-3)
    np.testing.assert_allclose(found[CATEGORY], says(network, texts, CATEGORY), atol=2e-3)


def test_a_head_over_all_classes_is_drawn_too(tmp_path: Path) -> None:
    network = network_of(FAMILY["bert"], CLASSES)

    export.export_onnx(network, tmp_path / "fp32.onnx")

    found = export.onnx_logits(tmp_path / "fp32.onnx", windows(20))
    np.testing.assert_allclose(found[CLASSES], says(network, windows(20), CLASSES), atol=2e-3)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_an_encoder_of_short_windows_is_drawn_too(kind: str, tmp_path: Path) -> None:
    sizes = {**SIZES, "max_position_embeddings": 7}
    network = network_of(BertConfig(**sizes) if kind == "bert" else RobertaConfig(**sizes, pad_token_id=1))
    texts = [[8, 30, 61], [5, 17, 9, 44, 28]]

    export.export_onnx(network, tmp_path / "model.onnx")

    found = export.onnx_logits(tmp_path / "model.onnx", texts)
    np.testing.assert_allclose(found[CATEGORY], says(network, texts, CATEGORY), atol=2e-3)
    assert Network(tmp_path / "model.onnx").packs


@pytest.mark.parametrize("kind", OTHERS)
def test_any_other_encoder_is_served_with_padding(kind: str, tmp_path: Path) -> None:
    network = network_of(OTHERS[kind])
    texts = windows(20)

    with quiet_libraries():
        export.export_onnx(network, tmp_path / "fp32.onnx")

    assert not Network(tmp_path / "fp32.onnx").packs
    found = export.onnx_logits(tmp_path / "fp32.onnx", texts)
    np.testing.assert_allclose(found[TOXIC], says(network, texts, TOXIC), atol=2e-3)


def test_a_graph_that_gives_other_numbers_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(FAMILY["bert"])
    assert packed.packed_model(network) is not None

    monkeypatch.setitem(packed._GELU, "gelu", "tanh")
    monkeypatch.setattr(packed, "_CLOSE", 1e-7)

    assert packed.packed_model(network) is None


def test_a_drawn_graph_is_valid_and_names_no_machine() -> None:
    model = packed.packed_model(network_of(FAMILY["roberta"]))
    assert model is not None

    onnx.checker.check_model(model, full_check=False)
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)
