"""A model whose words differ in how toxic they are, and rows whose labels are drawn from known probabilities."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from classifier.calibrate import Calibration, Floats, sigmoid, softmax
from classifier.manifest import Stages
from classifier.training.data.rows import Row
from tests.classifier.tiny_model import FINE_WORDS, LABELS, TinyModel, build_model, seal, write_network

WORDS = tuple(f"w{i}" for i in range(41))
TOXIC = np.linspace(-6.0, 6.0, len(WORDS))
"""The toxicity logit of each word; every other token's is far below."""

CATEGORY = np.array([[3.0 * ((i + k) % 3 == 0) - 0.5 * k for k in range(3)] for i in range(len(WORDS))])
TRUE = Calibration(scale=0.5, bias=-1.0, category_temperature=2.0)
"""The calibration by which the labels are drawn; the model is built to be surer."""

_FAR_BELOW = -9.0


def build_graded(folder: Path, stages: Stages = Stages.HIERARCHICAL, calibration: Calibration | None = None) -> Path:
    """Write the model folder; its calibration is the identity unless another is given."""
    words = tuple((word, LABELS.names[0]) for word in WORDS)
    model = TinyModel(stages, bad_words=words, window=16, calibration=calibration or Calibration())
    build_model(folder, model)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    toxic = np.full((tokenizer.get_vocab_size(), 1), _FAR_BELOW)
    category = np.full((tokenizer.get_vocab_size(), 3), _FAR_BELOW)
    for word, logit, categories in zip(WORDS, TOXIC, CATEGORY, strict=True):
        toxic[tokenizer.token_to_id(word)] = logit
        category[tokenizer.token_to_id(word)] = categories
    if stages is Stages.ONE:
        # Every token gives non-toxic the same; P(toxic) rises with the word's logit.
        classes = np.hstack([np.zeros_like(toxic), np.where(toxic > _FAR_BELOW, category + toxic, _FAR_BELOW)])
        write_network(folder / "model.onnx", {"classes": classes})
    elif stages is Stages.TWO:
        write_network(folder / "binary.onnx", {"toxic": toxic})
        write_network(folder / "category.onnx", {"category": category})
    else:
        write_network(folder / "model.onnx", {"toxic": toxic, "category": category})
    return seal(folder, model)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Draw rows; `split` and `source` are theirs, and `named` is false for rows of no known category."""

    split: str = "tune"
    source: str = "village"
    named: bool = True

    def rows(self, count: int, seed: int = 1, stages: Stages = Stages.HIERARCHICAL) -> list[Row]:
        """Return rows whose labels come out as `TRUE` says of the model's logits."""
        random = np.random.default_rng(seed)
        words = random.integers(0, len(WORDS), count)
        toxic, categories = _chances(words, stages)
        truth = random.random(count) < toxic
        rows = []
        for word, is_toxic, shares in zip(words, truth, categories, strict=True):
            text = " ".join((WORDS[word], *random.choice(FINE_WORDS, 3)))
            name = str(random.choice(LABELS.names, p=shares)) if is_toxic and self.named else None
            rows.append(Row(text, float(is_toxic), name, self.source, self.split))
        return rows


def _chances(words: np.ndarray, stages: Stages) -> tuple[Floats, Floats]:
    if stages is not Stages.ONE:
        return sigmoid(TRUE.scale * TOXIC[words] + TRUE.bias), softmax(CATEGORY[words] / TRUE.category_temperature)
    logits = np.hstack([np.zeros((len(words), 1)), CATEGORY[words] + TOXIC[words][:, None]])
    shares = softmax(TRUE.scale * logits)
    return 1 - shares[:, 0], shares[:, 1:] / shares[:, 1:].sum(axis=1, keepdims=True)
