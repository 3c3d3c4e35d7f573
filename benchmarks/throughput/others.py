"""What else one would use: transformers' pipeline, onnxruntime as it comes, and lists of words."""

import contextlib
import io
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.throughput.contenders import Score, portions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

# Not asked of the classifier: what it imports is no part of what others need in memory.
_SHIPPED = Path(__file__).parents[2] / "classifier" / "pretrained"

EXPORTED = "bertweet.onnx"
"""The file that `export` writes."""

_OPSET = 18
_LONGEST = 128
"""Tokens at which a text is cut: BERTweet knows no more places."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Hold the size of a RoBERTa; the defaults are BERTweet's."""

    vocab_size: int = 64001
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 130


BERTWEET = Shape()


def same_weights(threads: int, folder: Path = _SHIPPED) -> Score:
    """Return transformers' pipeline on the classifier's own weights.

    They have no pooler, so that one stands in for it that costs the same as any.
    """
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertForSequenceClassification

    weights = load_file(folder / "weights.safetensors")
    found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = BertConfig(**{**found, "dtype": "float32", "num_labels": weights["category.weight"].shape[0]})
    model = BertForSequenceClassification(config)
    state = {name.replace("encoder.", "bert.", 1): each.float() for name, each in weights.items()}
    state["classifier.weight"], state["classifier.bias"] = state.pop("category.weight"), state.pop("category.bias")
    # What is not in the file stays as it was drawn: the pooler.
    left = set(model.load_state_dict(state, strict=False).missing_keys)
    if left != {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}:
        raise ValueError(f"{folder} has no weights for {', '.join(sorted(left))}")
    torch.set_num_threads(threads)
    return _pipeline(model, folder)


def bertweet(threads: int, shape: Shape = BERTWEET) -> Score:
    """Return transformers' pipeline on a model of BERTweet's size.

    Its weights are random. The tokens are those of the classifier's tokenizer: its own would need a download, and
    gives about as many.
    """
    import torch

    torch.set_num_threads(threads)
    return _pipeline(roberta(shape), _SHIPPED)


def roberta(shape: Shape) -> "PreTrainedModel":
    """Return a model of a size, with the same random weights each time."""
    import torch
    from transformers import RobertaConfig, RobertaForSequenceClassification

    torch.manual_seed(0)
    # The padding of the tokenizer is 0.
    config = RobertaConfig(**asdict(shape), type_vocab_size=2, pad_token_id=0)
    return RobertaForSequenceClassification(config)


def export(folder: Path, shape: Shape = BERTWEET) -> Path:
    """Write a model of BERTweet's size as ONNX in fp32, and return where."""
    import torch

    model = roberta(shape)
    model.train(mode=False)
    model.config.return_dict = False
    ids = torch.full((2, 7), 5, dtype=torch.long)
    free = {0: "batch", 1: "tokens"}
    path = folder / EXPORTED
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        # The exporter warns that both inputs share their free dimensions, which is what is meant.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            kwargs={"input_ids": ids, "attention_mask": torch.ones_like(ids)},
            f=str(path),
            dynamo=True,
            external_data=False,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes={"input_ids": free, "attention_mask": free},
            opset_version=_OPSET,
            verbose=False,
        )
    return path


def onnx(threads: int, path: Path) -> Score:
    """Return onnxruntime on an exported model, each batch padded to its longest text."""
    logits = onnx_logits(threads, path)

    def score(texts: Sequence[str], batch: int | None) -> None:
        for portion in portions(texts, batch):
            logits(portion)

    return score


def onnx_logits(threads: int, path: Path) -> Callable[[Sequence[str]], "NDArray[np.float32]"]:
    """Return what gives the outputs of an exported model for texts."""
    import numpy as np
    import onnxruntime as ort
    from tokenizers import Tokenizer

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(_SHIPPED / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(_LONGEST)

    def logits(texts: Sequence[str]) -> "NDArray[np.float32]":
        found = tokenizer.encode_batch(list(texts))
        feed = {
            "input_ids": np.array([each.ids for each in found], dtype=np.int64),
            "attention_mask": np.array([each.attention_mask for each in found], dtype=np.int64),
        }
        return np.asarray(session.run(None, feed)[0])

    return logits


def alt_profanity() -> Score:
    """Return the words' linear model of alt-profanity-check."""
    from profanity_check import predict_prob

    return lambda texts, _batch: predict_prob(list(texts))


def better_profanity() -> Score:
    """Return the list of words of better-profanity."""
    from better_profanity import profanity

    profanity.load_censor_words()

    def score(texts: Sequence[str], _batch: int | None) -> None:
        for text in texts:
            profanity.contains_profanity(text)

    return score


def _pipeline(model: "PreTrainedModel", folder: Path) -> Score:
    from transformers import PreTrainedTokenizerFast, pipeline

    model.train(mode=False)
    marks = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(tokenizer_file=str(folder / "tokenizer.json"), model_max_length=_LONGEST, **marks)
    pipe: Any = pipeline("text-classification", model=model, tokenizer=tokenizer)

    def score(texts: Sequence[str], batch: int | None) -> None:
        options = {} if batch is None else {"batch_size": batch}
        pipe(list(texts), truncation=True, **options)

    return score
