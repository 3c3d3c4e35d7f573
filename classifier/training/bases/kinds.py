"""Which of the many kinds of pretrained models reads a text and can be trained here."""

import json
from pathlib import Path

from transformers import CONFIG_MAPPING
from transformers.models.auto import modeling_auto

from classifier.errors import TrainingError

_INSTEAD = "take an encoder such as BERT or RoBERTa"
_ENCODERS = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
_OTHERS = (
    ("an encoder and a decoder", modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES),
    ("a decoder, which writes text", modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    ("a model of images", modeling_auto.MODEL_FOR_IMAGE_MAPPING_NAMES),
    ("a model of images", modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES),
    ("a model of speech", modeling_auto.MODEL_FOR_CTC_MAPPING_NAMES),
)


def require_text_encoder(config: Path, base: str) -> None:
    """Raise TrainingError where a config.json is not that of an encoder of text."""
    try:
        said = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{config} cannot be read: {error}; get the base again") from error
    kind = said.get("model_type") if isinstance(said, dict) else None
    if not isinstance(kind, str) or not kind:
        raise TrainingError(f"{config} names no `model_type`; name a folder that transformers saved a model to")
    if kind not in CONFIG_MAPPING:
        own = "its own code, which is not run here" if said.get("auto_map") else "a newer transformers"
        raise TrainingError(f"the base {base} is of the kind {kind}, which needs {own}; {_INSTEAD}")
    if said.get("is_encoder_decoder") or kind not in _ENCODERS or kind in _OTHERS[0][1]:
        raise TrainingError(f"the base {base} is {_described(kind)} ({kind}), not an encoder of text; {_INSTEAD}")
    if said.get("is_decoder"):
        raise TrainingError(f"the base {base} is set up to write text (`is_decoder`), not to read it; {_INSTEAD}")


def _described(kind: str) -> str:
    return next((name for name, kinds in _OTHERS if kind in kinds), "a model of another kind")
