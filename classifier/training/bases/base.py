"""A pretrained encoder and its tokenizer, made fit to be trained here and served from a tokenizer file.

Code that a base brings along is never run, and pickled weights are read as numbers only.
"""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BertweetTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.convert_slow_tokenizer import convert_slow_tokenizer

from classifier.errors import TrainingError
from classifier.training.bases.bertweet import convert_bertweet, embeddings_of, widen_embeddings
from classifier.training.bases.hub import CONFIG, PICKLED_WEIGHTS, SAFE_WEIGHTS, fetch_base, fetch_config
from classifier.training.bases.kinds import require_text_encoder
from classifier.training.learning.network import without_pooler
from classifier.training.quiet import quiet_libraries

_ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_MANY_TOKENS = 512
"""How many tokens an encoder reads whose positions have no end; longer windows only cost time."""

_SAMPLE = "good game, well played"
_POINTER = b"version https://git-lfs"
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Base:
    """Hold what a training starts from.

    `tokenizer` is a fast one: what it saves is what serving reads. `most_tokens` counts the special ones in; `name` is
    what a model card calls the base.
    """

    encoder: nn.Module
    tokenizer: PreTrainedTokenizerBase
    hidden: int
    most_tokens: int
    name: str


def load_base(base: str) -> Base:
    """Load a pretrained encoder in fp32: a local folder, or a name on the Hugging Face hub. Raise TrainingError."""
    local = _local_folder(base)
    folder = local or fetch_config(base)
    config = _config(folder, base)
    if local is None:
        folder = fetch_base(base, folder)
    with quiet_libraries():
        encoder = _encoder(folder, config, base)
        tokenizer = _fitted(_tokenizer(folder, base), encoder, base)
        most = _most_tokens(encoder)
        tokenizer.model_max_length = most
        # Serving cuts and pads on the right, whatever the base did.
        tokenizer.truncation_side = tokenizer.padding_side = "right"
        _require_sense(encoder, tokenizer, base)
    return Base(encoder, tokenizer, int(config.hidden_size), most, local.resolve().name if local else base)


def _local_folder(base: str) -> Path | None:
    """Return the folder that is meant, or None for a name on the hub."""
    folder = Path(base).expanduser()
    if base.strip() and folder.is_dir():
        return folder
    if base.strip() and folder.exists():
        raise TrainingError(f"the base {base} is a file; name the folder that holds it")
    if not base.strip() or base.startswith(("/", ".", "~")) or "\\" in base or base.count("/") > 1:
        raise TrainingError(f"there is no folder {base!r}; name a folder with a base, or one on the Hugging Face hub")
    return None


def _config(folder: Path, base: str) -> PretrainedConfig:
    if not (folder / CONFIG).is_file():
        raise TrainingError(f"the base {base} has no {CONFIG}; name a folder that transformers saved a model to")
    require_text_encoder(folder / CONFIG, base)
    with _said(f"the {CONFIG} of the base {base} makes no sense"):
        config: PretrainedConfig = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    return config


def _encoder(folder: Path, config: PretrainedConfig, base: str) -> PreTrainedModel:
    found = [folder / name for name in (*SAFE_WEIGHTS, *PICKLED_WEIGHTS) if (folder / name).is_file()]
    if not found:
        raise TrainingError(
            f"the base {base} holds no weights for torch ({SAFE_WEIGHTS[0]} or {PICKLED_WEIGHTS[0]}); "
            "get the base again, or take another one"
        )
    encoder: PreTrainedModel
    with _said(f"the weights of the base {base} cannot be read"):
        with found[0].open("rb") as weights:
            if weights.read(len(_POINTER)) == _POINTER:
                raise TrainingError(f"{found[0]} only points to the weights; fetch them with `git lfs pull`")
        encoder, report = AutoModel.from_pretrained(
            str(folder),
            config=config,
            output_loading_info=True,
            trust_remote_code=False,
            weights_only=True,
            ignore_mismatched_sizes=True,
            **without_pooler(config.model_type),
        )
    other = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}
    if unfit := sorted(key for key in other if not key.startswith("pooler.")):
        # Transformers would go on with random ones.
        raise TrainingError(
            f"the weights of the base {base} do not fit its {CONFIG}: {len(unfit)} of {len(encoder.state_dict())} are "
            f"missing or of another size, such as {unfit[0]}; get the base again, or take another one"
        )
    # A tokenizer class named here would be looked for again where the trained model is loaded.
    encoder.config.tokenizer_class = None
    encoder.float()
    return encoder


def _tokenizer(folder: Path, base: str) -> PreTrainedTokenizerBase:
    with _said(f"the tokenizer of the base {base} cannot be read"):
        loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    if loaded.is_fast or isinstance(loaded, BertweetTokenizer):
        return loaded
    unfit = f"the tokenizer of the base {base} is slow ({type(loaded).__name__}), and serving reads fast ones only"
    with _said(unfit, "transformers cannot convert it"):
        names = {role: str(getattr(loaded, role)) for role in _ROLES if getattr(loaded, role, None)}
        return PreTrainedTokenizerFast(tokenizer_object=convert_slow_tokenizer(loaded), **names)


def _fitted(loaded: PreTrainedTokenizerBase, encoder: PreTrainedModel, base: str) -> PreTrainedTokenizerBase:
    """Return a fast tokenizer whose every id the encoder has an embedding for."""
    rows = embeddings_of(encoder).num_embeddings
    ids = loaded.get_vocab()
    if len(ids) <= len(set(loaded.all_special_tokens)) + 2:
        # Without a vocabulary, transformers makes one of special tokens alone and says nothing.
        raise TrainingError(f"the base {base} has no vocabulary beside its {CONFIG}; add its tokenizer files")
    if max(ids.values()) >= rows:
        raise TrainingError(
            f"the tokenizer of the base {base} knows {max(ids.values()) + 1} tokens, its encoder only {rows}; "
            "the two are not from the same model, get the base again"
        )
    if loaded.pad_token is None:
        raise TrainingError(
            f"the tokenizer of the base {base} has no token to pad with; take an encoder such as BERT or RoBERTa"
        )
    if not isinstance(loaded, BertweetTokenizer):
        return loaded
    with _said(f"the tokenizer of the base {base} has no form that serving reads"):
        converted = convert_bertweet(loaded)
        widen_embeddings(encoder, converted)
    return converted.tokenizer


def _most_tokens(encoder: PreTrainedModel) -> int:
    """Return how many tokens the positions are enough for; RoBERTa's kind counts them from behind the padding's."""
    for name, module in encoder.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            unused = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - unused
    most = getattr(encoder.config, "max_position_embeddings", None)
    return min(most, _MANY_TOKENS) if isinstance(most, int) and most > 0 else _MANY_TOKENS


def _require_sense(encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, base: str) -> None:
    """Let the encoder read a line, before hours are spent on it."""
    with _said(f"the base {base} cannot read a line of text"), torch.no_grad():
        ids = torch.tensor([tokenizer(_SAMPLE)["input_ids"][: tokenizer.model_max_length]])
        states = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        shape = tuple(states.shape)
    if shape != (*ids.shape, encoder.config.hidden_size):
        raise TrainingError(
            f"the base {base} gives {shape} for {ids.shape[1]} tokens, not one state for each; take another one"
        )
    if not bool(torch.isfinite(states).all()):
        raise TrainingError(f"the weights of the base {base} hold what is no number; get the base again")


@contextmanager
def _said(what: str, reason: str = "") -> Iterator[None]:
    """Turn what goes wrong inside into a TrainingError that begins with `what`, and goes on with its own reason."""
    try:
        yield
    except TrainingError:
        raise
    except (pickle.UnpicklingError, EOFError, LookupError) as error:
        # A pickle's reason would tell how to load it all the same; the others' are no words.
        raise TrainingError(
            f"{what}: a file is damaged, or holds more than it should; get the base again, or take another one"
        ) from error
    except Exception as error:  # what a stranger's files make transformers raise has no common base
        reason = reason or (" ".join(str(error).split()) or type(error).__name__).split(". ")[0][:_LONGEST_REASON]
        raise TrainingError(f"{what}: {reason.rstrip('.')}; get the base again, or take another one") from error
