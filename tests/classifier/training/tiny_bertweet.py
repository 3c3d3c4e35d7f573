"""A base in BERTweet's format, as its hubs lay it out: no tokenizer file, merges that end in no word."""

import itertools
import json
import string
from pathlib import Path

import torch
from transformers import RobertaConfig, RobertaModel

WORDS = (
    *("you", "are", "the", "best", "team", "noob", "nice", "shot", "heal", "me", "cannot", "not", "can", "can't"),
    *("n't", "'s", "'re", "'m", "do", "is", "I", "GG", "game", "#gg", "p.m", "p.m.", "a.m.", "...", "->", ":)", "<3"),
    *("@USER", "HTTPURL", ":face_with_tears_of_joy:", ":red_heart:", ":thumbs_up:", "café", "ко"),
)
_LETTERS = (*(c for c in string.printable if not c.isspace() and c not in "qZ~"), "é")
_NO_WORD = frozenset("zxj")


def build_bertweet(folder: Path, *, positions: int = 66, count: bool = True) -> Path:
    """Write the folder; without `count` the merges have two columns, as transformers 5 saves them."""
    folder.mkdir(parents=True)
    merges = dict.fromkeys(itertools.chain.from_iterable(_spelled(word) for word in WORDS))
    column = " 7" if count else ""
    (folder / "bpe.codes").write_text("".join(f"{a} {b}{column}\n" for a, b in merges), encoding="utf-8")
    tokens = _vocabulary()
    (folder / "vocab.txt").write_text("".join(f"{token} 9\n" for token in tokens), encoding="utf-8")
    torch.manual_seed(3)
    config = RobertaConfig(
        vocab_size=len(tokens) + 5,  # <s> <pad> </s> <unk> before them, <mask> behind
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
        pad_token_id=1,
        type_vocab_size=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    RobertaModel(config).save_pretrained(folder)
    said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    said["tokenizer_class"] = "BertweetTokenizer"
    (folder / "config.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


def _spelled(word: str) -> list[tuple[str, str]]:
    """Return the merges that build a word from the left."""
    parts = [*word[:-1], word[-1] + "</w>"]
    return [("".join(parts[:i]), parts[i]) for i in range(1, len(parts))]


def _vocabulary() -> list[str]:
    """Return all words, some of their beginnings, and the letters: most beginnings are in no vocabulary."""
    known = [c for c in _LETTERS if c not in _NO_WORD]
    beginnings = [f"{word[: len(word) // 2]}@@" for word in WORDS if len(word) > 3]
    return list(dict.fromkeys((*WORDS, *known, *(f"{c}@@" for c in known), *beginnings)))
