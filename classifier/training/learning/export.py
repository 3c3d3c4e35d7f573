"""From a trained network to the files that are served: ONNX in int8, and fp16 weights to fine-tune from."""

import contextlib
import io
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel

from classifier.errors import TrainingError
from classifier.network import Network
from classifier.training.learning.network import CATEGORY, CLASSES, TOXIC, HeadedNetwork, without_pooler
from classifier.training.learning.packed import packed_model
from classifier.training.learning.quantize import quantized

WEIGHTS = "weights.safetensors"
"""The weights that fine-tuning starts from; a two-stage model's binary network."""

FOR_TRAINING = ("config.json", "tokenizer_config.json")
"""What fine-tuning reads beside the weights; serving does not."""

_ANY_TOKEN = 5
_ENCODER = "encoder."
_HEADS = "heads."
_OPSET = 18


class _Logits(nn.Module):
    """Give the exporter the outputs of the heads as a plain tuple."""

    def __init__(self, network: HeadedNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.network.logits(input_ids, attention_mask).values())


def export_onnx(network: HeadedNetwork, path: Path) -> None:
    """Write the network as an fp32 ONNX file, an output for each head.

    Encoders of BERT's family take windows of all lengths without padding (`packed`); for others torch draws the graph,
    with free batch and token dimensions.
    """
    network.eval()
    graph = packed_model(network)
    if graph is not None:
        onnx.save(graph, path)
        return
    _export_padded(network, path)


def _export_padded(network: HeadedNetwork, path: Path) -> None:
    ids = torch.full((2, 7), _ANY_TOKEN, dtype=torch.long)
    free = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        # The exporter warns that both inputs share their free dimensions, which is what is meant.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(network),
            (ids, torch.ones_like(ids)),
            str(path),
            dynamo=True,
            external_data=False,
            input_names=["input_ids", "attention_mask"],
            output_names=list(network.heads),
            dynamic_shapes=(free, free),
            opset_version=_OPSET,
            verbose=False,
        )


def quantize(fp32: Path, int8: Path) -> None:
    """Write an int8 copy of an fp32 ONNX file."""
    model = onnx.load(fp32)
    _forget_origin(model)
    onnx.save(quantized(model), int8)


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop the notes that the exporter leaves at every node: where in whose files it was traced."""
    del model.metadata_props[:]
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]


def onnx_logits(path: Path, windows: Sequence[Sequence[int]]) -> dict[str, NDArray[np.float64]]:
    """Return the outputs of an ONNX file by name for token ids, in the order given."""
    model = onnx.load(path, load_external_data=False)
    names = [output.name for output in model.graph.output]
    shapes = [tuple(int(each.dim_value) for each in o.type.tensor_type.shape.dim[1:]) for o in model.graph.output]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(zip(names, Network(path, pool).run(windows, *shapes), strict=True))


def save_weights(network: HeadedNetwork, path: Path, *, exact: bool = False) -> None:
    """Write the network's weights, in fp16 unless they are to be `exact`."""
    kind = torch.float32 if exact else torch.float16
    state = plain_weights(network)
    plain = {name: t.to(kind) if t.is_floating_point() else t.clone() for name, t in state.items()}
    save_file({name: tensor.contiguous() for name, tensor in plain.items()}, path)


def plain_weights(network: HeadedNetwork) -> dict[str, torch.Tensor]:
    """Return the weights under the names that files have."""
    return {name.removeprefix(_HEADS): tensor.detach().cpu() for name, tensor in network.state_dict().items()}


def load_weights(
    folder: Path, heads: tuple[str, ...], carried: Sequence[int | None], *, name: str = WEIGHTS
) -> HeadedNetwork:
    """Return a network of a model folder in fp32, with its encoder, and with its heads as far as they fit.

    `carried` has, for each category, which one of the folder's it was; None where it is new.
    """
    state = read_weights(folder / name)
    config = AutoConfig.from_pretrained(str(folder))
    encoder = AutoModel.from_config(config, **without_pooler(config.model_type))
    network = HeadedNetwork(encoder, int(config.hidden_size), heads, len(carried))
    body = {key.removeprefix(_ENCODER): t for key, t in state.items() if key.startswith(_ENCODER)}
    misfit = f"{folder / name} does not fit {folder / 'config.json'}; get the model again"
    try:
        missing, unknown = encoder.load_state_dict(body, strict=False)
    except RuntimeError as error:
        raise TrainingError(misfit) from error
    if missing or unknown:
        raise TrainingError(misfit)
    kept = [head for head in (TOXIC, CATEGORY, CLASSES) if f"{head}.weight" in state]
    network.take_over({head: (state[f"{head}.weight"], state[f"{head}.bias"]) for head in kept}, carried)
    return network


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a file in fp32; raise TrainingError."""
    try:
        return {key: tensor.float() for key, tensor in load_file(path).items()}
    except (OSError, ValueError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be read: {error}") from error


def put_weights(network: HeadedNetwork, state: Mapping[str, torch.Tensor]) -> None:
    """Give a network of the same shape the weights that `save_weights` wrote."""
    heads = tuple(f"{name}." for name in network.heads)
    network.load_state_dict({f"{_HEADS}{k}" if k.startswith(heads) else k: t for k, t in state.items()})
