"""From a trained network to the files that are served: ONNX in int8, and fp16 weights to fine-tune from."""

import contextlib
import io
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedTokenizerBase

from classifier.encoder import chunks, padded
from classifier.errors import TrainingError
from classifier.training.network import TwoHeadNetwork, network_from_config

OUTPUTS = ("toxic_logit", "category_logit")
WEIGHTS = "weights.safetensors"
FOR_TRAINING = (WEIGHTS, "config.json", "tokenizer_config.json")
"""The files that fine-tuning starts from; serving does not read them."""

_OPSET = 18
_BLOCK = 64
_INT8 = 4
"""The accuracy level of MatMulNBits at which activations are multiplied in int8."""


class _Logits(nn.Module):
    """Give the exporter the two outputs as a plain tuple."""

    def __init__(self, network: TwoHeadNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.network.logits(input_ids, attention_mask)


@dataclass(frozen=True, slots=True)
class Logits:
    """Hold a model's raw outputs: shapes (n,) and (n, categories)."""

    toxic: np.ndarray
    category: np.ndarray


def export_onnx(network: TwoHeadNetwork, path: Path) -> None:
    """Write the network as an fp32 ONNX file with free batch and token dimensions."""
    network.eval()
    ids = torch.ones((2, 7), dtype=torch.long)
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
            output_names=list(OUTPUTS),
            dynamic_shapes=(free, free),
            opset_version=_OPSET,
            verbose=False,
        )


def quantize(fp32: Path, int8: Path) -> None:
    """Write an int8 copy: weights in blocks of 64 with a scale each, activations per row when the model runs.

    Because each row has a scale of its own, a text gets the same score alone and in any batch; one scale for a whole
    batch moved P(toxic) by up to 0.3 with the company that a text was in.
    """
    graph = onnx.load(fp32)
    # The exporter leaves shapes behind that contradict those that onnx infers.
    del graph.graph.value_info[:]
    _forget_origin(graph)
    blockwise = MatMulNBitsQuantizer(graph, bits=8, block_size=_BLOCK, is_symmetric=True, accuracy_level=_INT8)
    with tempfile.TemporaryDirectory() as folder:
        matrices = Path(folder) / "matrices.onnx"
        blockwise.process()
        onnx.save(blockwise.model.model, matrices)
        quantize_dynamic(matrices, int8, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8)


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop the notes that the exporter leaves at every node: where in whose files it was traced."""
    del model.metadata_props[:]
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]


def onnx_logits(path: Path, windows: Sequence[Sequence[int]], *, batch: int = 64) -> Logits:
    """Return the logits of an ONNX file for token ids, in the order given."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
    toxic: list[np.ndarray] = []
    category: list[np.ndarray] = []
    for chunk in chunks(order, batch):
        first, second = session.run(list(OUTPUTS), padded([windows[i] for i in chunk]))
        toxic.append(first)
        category.append(second)
    place = np.argsort(order)
    return Logits(np.concatenate(toxic)[place].astype(np.float64), np.concatenate(category)[place].astype(np.float64))


def save_weights(network: TwoHeadNetwork, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write what fine-tuning starts from: fp16 weights, the encoder's configuration, the tokenizer."""
    halves = {
        name: tensor.detach().to(torch.float16) if tensor.is_floating_point() else tensor.detach().clone()
        for name, tensor in network.state_dict().items()
    }
    save_file({name: tensor.contiguous() for name, tensor in halves.items()}, folder / WEIGHTS)
    network.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load_weights(folder: Path, categories: int, *, keep_head: bool = True) -> TwoHeadNetwork:
    """Return the network of a model folder, in fp32.

    Its category head is new unless `keep_head`, which a model of other categories must not ask for.
    """
    try:
        state = load_file(folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise TrainingError(f"{folder / WEIGHTS} cannot be read: {error}") from error
    network = network_from_config(folder, categories)
    if not keep_head:
        state = {name: tensor for name, tensor in state.items() if not name.startswith("category.")}
    missing, unknown = network.load_state_dict({name: t.float() for name, t in state.items()}, strict=False)
    if unknown or any(not name.startswith("category.") for name in missing):
        raise TrainingError(f"{folder / WEIGHTS} does not fit {folder / 'config.json'}; get the model again")
    return network
