"""A pretrained encoder from the Hugging Face hub, as a folder on this machine."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from classifier.errors import TrainingError

CONFIG = "config.json"
SAFE_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
PICKLED_WEIGHTS = ("pytorch_model.bin", "pytorch_model.bin.index.json")

_TOKENIZER = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.txt", "vocab.json", "merges.txt", "bpe.codes", "spiece.model", "sentencepiece.bpe.model", "spm.model"),
)
_SAFE = (*SAFE_WEIGHTS, "model-*.safetensors")
_PICKLED = (*PICKLED_WEIGHTS, "pytorch_model-*.bin")
# The hub's client lets errors through of the library that it speaks HTTP with, which has changed twice.
_HTTP = tuple(kind for kind in HfHubHTTPError.__bases__ if issubclass(kind, Exception))
_BROKEN_OFF: tuple[type[Exception], ...] = (OSError, RuntimeError, ValueError, *_HTTP)


def fetch_config(name: str) -> Path:
    """Download no more than what says of which kind a base is; return its folder. Raise TrainingError."""
    return _fetch(name, (CONFIG,), None)


def fetch_base(name: str, folder: Path) -> Path:
    """Download the rest of the base whose configuration `fetch_config` put into `folder`. Raise TrainingError.

    Pickled weights are fetched only where there are no others. Loading from the folder that comes back asks the hub
    for nothing more.
    """
    commit = folder.name
    folder = _fetch(name, (CONFIG, *_TOKENIZER, *_SAFE), commit)
    if not any((folder / weights).exists() for weights in SAFE_WEIGHTS):
        folder = _fetch(name, _PICKLED, commit)
    return folder


def _fetch(name: str, patterns: Sequence[str], commit: str | None) -> Path:
    try:
        return Path(snapshot_download(name, revision=commit, allow_patterns=list(patterns)))
    except HFValidationError as error:
        raise TrainingError(
            f"the base {name!r} is neither a folder here nor a name on the Hugging Face hub, which reads OWNER/NAME"
        ) from error
    except GatedRepoError as error:
        raise TrainingError(
            f"the base {name} is gated: ask for access at {constants.ENDPOINT}/{name}, log in with `hf auth login`, "
            "and run the command again"
        ) from error
    except RepositoryNotFoundError as error:
        raise TrainingError(
            f"there is no folder {name} here and no public base of that name on the Hugging Face hub; "
            "correct the name, or log in with `hf auth login` where it is private"
        ) from error
    except LocalEntryNotFoundError as error:
        raise TrainingError(_not_here(name)) from error
    except _BROKEN_OFF as error:
        raise TrainingError(
            f"the download of the base {name} broke off ({_first_line(error)}); run the command again, what was "
            "downloaded is kept"
        ) from error


def _not_here(name: str) -> str:
    if constants.HF_HUB_OFFLINE:
        return (
            f"the base {name} is not wholly on this machine, and HF_HUB_OFFLINE forbids to download it; "
            "unset HF_HUB_OFFLINE, or name a folder that holds the base"
        )
    return (
        f"the Hugging Face hub cannot be reached, and the base {name} is not wholly on this machine; get online and "
        "run the command again, what was downloaded is kept, or name a folder that holds the base"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
