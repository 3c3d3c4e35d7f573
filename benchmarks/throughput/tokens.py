"""What the classifier makes of lines: windows of tokens, and how often each token is multiplied."""

import json
from collections.abc import Sequence

from tokenizers import Tokenizer

from benchmarks.throughput.limit import Layers
from classifier.manifest import read_manifest
from classifier.model import SHIPPED
from classifier.normalize import normalize


def tokens_a_line(lines: Sequence[str]) -> float:
    """Return how many tokens a line has in the mean, those that mark its start and end included."""
    found = windows(tokenizer(), [normalize(line).text for line in lines])
    return sum(map(len, found)) / len(lines)


def tokenizer() -> Tokenizer:
    """Return the tokenizer of the shipped model, as the classifier sets it up."""
    manifest = read_manifest(SHIPPED)
    made = Tokenizer.from_file(str(SHIPPED / "tokenizer.json"))
    made.no_padding()
    made.encode_special_tokens = True
    made.enable_truncation(manifest.window, stride=manifest.overlap)
    return made


def windows(made: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of all windows of normalised texts."""
    return [part.ids for found in made.encode_batch_fast(list(texts)) for part in (found, *found.overflowing)]


def shipped_layers() -> Layers:
    """Return the size of the shipped model's encoder."""
    config = json.loads((SHIPPED / "config.json").read_text(encoding="utf-8"))
    return Layers(config["num_hidden_layers"], config["hidden_size"], config["intermediate_size"])
