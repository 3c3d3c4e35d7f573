"""A base, labels, rows and a recipe so small that a training takes seconds."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from classifier.training.data.rows import lot

FINE = (("nice", "good", "great", "calm", "push"), ("team", "shot", "round", "save", "mid", "top", "heal", "game"))
RUDE = (("silly", "useless", "awful", "clumsy", "lazy"), ("clown", "noob", "donkey", "potato", "muppet"))
ADVERT = (("buy", "get", "order", "sell", "trade"), ("gold", "coins", "skins", "boost", "accounts"))
VAGUE = (("begone", "leave", "quit"), ("clown", "noob", "donkey", "potato", "muppet"))

LABELS = """
[[label]]
name = "rude"
description = "Abuse of a player."
severity = 2
[[label]]
name = "advert"
description = "Selling things."
severity = 1
evidence = "little"
"""

OTHER_LABELS = """
[[label]]
name = "mockery"
description = "Making fun of a player."
severity = 2
[[label]]
name = "boasting"
description = "Praise of oneself."
severity = 1
[[label]]
name = "trade"
description = "Selling things."
severity = 1
"""

RECIPE = """
[text]
most_characters = 80
most_tokens = 16
[fit]
epochs = 6
batch_size = 16
learning_rate = 5e-3
seed = 3
[augment]
share = 0.1
[calibrate]
on = ["village"]
[source.village]
about = "The village's own chat. Public domain."
[source.market]
weight = 0.9
about = "Cries of the market. CC0."
[source.seed_lines]
rows = 0
"""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789@#*.,!?'-_"


def lines_of(words: tuple[tuple[str, ...], tuple[str, ...]]) -> Iterator[str]:
    return (" ".join(pair) for pair in itertools.product(*words))


def build_base(folder: Path) -> Path:
    """Write a random BERT of one layer with a tokenizer of whole words and letters."""
    words = itertools.chain.from_iterable(FINE + RUDE + ADVERT + VAGUE)
    tokens = dict.fromkeys((*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS), *words, "you", "now"))
    ids = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, ids[name]) for name in ("[CLS]", "[SEP]")]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(ids),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def village_rows(*, rude: str = "rude", advert: str = "advert") -> list[dict[str, Any]]:
    """Return rows of both kinds, a third of them to tune on; some say no category."""
    rows = [
        *({"text": text, "label": "non_toxic", "source": "village"} for text in lines_of(FINE)),
        *({"text": f"you {text}", "label": rude, "source": "village"} for text in lines_of(RUDE)),
        *({"text": f"{text} now", "category": advert, "toxic": True, "source": "market"} for text in lines_of(ADVERT)),
        *({"text": text, "category": None, "toxic": True, "source": "village"} for text in lines_of(VAGUE)),
    ]
    return [row | {"split": "tune" if lot(row["text"], "village") < 0.35 else "train"} for row in rows]


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a text file and return its path."""
    path.write_text(text, encoding="utf-8")
    return path
