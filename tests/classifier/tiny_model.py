"""Build a model folder of a few kilobytes that `classifier.load` serves: its words are its weights.

Every token has a row per output; an output is the largest row of a text's tokens, so a bad word counts wherever it
stands and as often as it stands. `BAD_WORDS` are surely toxic, of the category named; other words are surely fine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from classifier.calibrate import Calibration, ThresholdCurve
from classifier.labels import Evidence, Label, LabelSet
from classifier.manifest import MANIFEST, Manifest, Stages, record_file

LABELS = LabelSet(
    (
        Label("insult", "Names a person something low.", 2, Evidence.GOOD),
        Label("threat", "Announces harm to a person.", 5),
        Label("spam", "Repeats or advertises.", 1, Evidence.LITTLE),
    )
)
BAD_WORDS = {"idiot": "insult", "loser": "insult", "kill": "threat", "buy": "spam"}
"""The words that the model finds toxic, with their category."""

FINE_WORDS = ("you", "are", "an", "a", "good", "game", "well", "played", "the", "and")
"""Words in the vocabulary; every other one is spelt in letters."""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz0123456789")
_SURE = 4.0
_CURVE = ThresholdCurve(((0.1, 0.3), (0.01, 0.6), (0.001, 0.9)))

_Table = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class TinyModel:
    """Say what model to build; `window` and `overlap` are in tokens, two of a window's being [CLS] and [SEP]."""

    stages: Stages = Stages.HIERARCHICAL
    labels: LabelSet = LABELS
    bad_words: tuple[tuple[str, str], ...] = tuple(BAD_WORDS.items())
    window: int = 16
    overlap: int = 4
    calibration: Calibration = field(default_factory=Calibration)


def build_model(folder: Path, model: TinyModel | None = None) -> Path:
    """Write a model folder and return it."""
    model = model or TinyModel()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.toml").write_text(labels_toml(model.labels), encoding="utf-8")
    vocabulary = _vocabulary(model)
    _tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    for name, outputs in _networks(model, vocabulary).items():
        write_network(folder / name, outputs)
    return seal(folder, model)


def seal(folder: Path, model: TinyModel | None = None) -> Path:
    """Write the manifest of the files as they are now, and return the folder."""
    manifest = manifest_of(folder, model or TinyModel())
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return folder


def manifest_of(folder: Path, model: TinyModel) -> Manifest:
    """Return the manifest of the files as they are now."""
    files = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    return Manifest(
        name="tiny",
        version="1",
        stages=model.stages,
        files={path.name: record_file(path) for path in files},
        labels_digest=model.labels.digest(),
        window=model.window,
        overlap=model.overlap,
        calibration=model.calibration,
        curves={"toxic": _CURVE, **dict.fromkeys(model.labels.names, _CURVE)},
    )


def labels_toml(labels: LabelSet) -> str:
    """Return a label set as the TOML that `read_labels` reads."""
    return "\n".join(
        f'[[label]]\nname = "{label.name}"\ndescription = "{label.description}"\n'
        f'severity = {label.severity}\nevidence = "{label.evidence}"\n'
        for label in labels.labels
    )


def write_network(path: Path, outputs: Mapping[str, _Table]) -> None:
    """Write an ONNX model: each output is the largest row of its table among the unmasked tokens of a text.

    A table has a row per token of the vocabulary; one of one column gives an output of shape (n,), others (n, columns).
    """
    nodes = [
        helper.make_node("Cast", ["attention_mask"], ["seen"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["seen", "one"], ["hidden"]),
        helper.make_node("Mul", ["hidden", "far"], ["pushed"]),
        helper.make_node("Unsqueeze", ["pushed", "last"], ["push"]),
    ]
    constants = [
        numpy_helper.from_array(np.array(1.0, np.float32), "one"),
        numpy_helper.from_array(np.array(1e6, np.float32), "far"),
        numpy_helper.from_array(np.array([-1], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "tokens"),
    ]
    for name, table in outputs.items():
        constants.append(numpy_helper.from_array(table.astype(np.float32), f"{name}_table"))
        nodes += [
            helper.make_node("Gather", [f"{name}_table", "input_ids"], [f"{name}_rows"]),
            helper.make_node("Add", [f"{name}_rows", "push"], [f"{name}_shown"]),
            helper.make_node("ReduceMax", [f"{name}_shown", "tokens"], [f"{name}_most"], keepdims=0),
            helper.make_node("Squeeze", [f"{name}_most", "last"], [name])
            if _shape(table) == ["n"]
            else helper.make_node("Identity", [f"{name}_most"], [name]),
        ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["n", "m"]) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, _shape(table)) for name, table in outputs.items()],
        constants,
    )
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(built)
    path.write_bytes(built.SerializeToString())


def _shape(table: _Table) -> list[str | int]:
    return ["n"] if table.shape[1] == 1 else ["n", table.shape[1]]


def _networks(model: TinyModel, vocabulary: Sequence[str]) -> Mapping[str, Mapping[str, _Table]]:
    toxic = np.full((len(vocabulary), 1), -_SURE, np.float32)
    category = np.zeros((len(vocabulary), len(model.labels.names)), np.float32)
    # Padding that an attention mask does not hide makes a text toxic.
    toxic[0], category[0] = _SURE, _SURE
    for word, name in model.bad_words:
        toxic[vocabulary.index(word)] = _SURE
        category[vocabulary.index(word), model.labels.names.index(name)] = _SURE
    if model.stages is Stages.HIERARCHICAL:
        return {"model.onnx": {"toxic": toxic, "category": category}}
    if model.stages is Stages.TWO:
        return {"binary.onnx": {"toxic": toxic}, "category.onnx": {"category": category}}
    clean = np.zeros_like(toxic)
    return {"model.onnx": {"classes": np.hstack([clean, 2 * category - _SURE])}}


def _vocabulary(model: TinyModel) -> list[str]:
    parts = (f"##{letter}" for letter in _LETTERS)
    words = (*FINE_WORDS, *(word for word, _ in model.bad_words))
    return list(dict.fromkeys((*_SPECIAL, *_LETTERS, *parts, *words)))


def _tokenizer(vocabulary: Sequence[str]) -> Tokenizer:
    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, ids[name]) for name in ("[CLS]", "[SEP]")]
    )
    return tokenizer
