"""BERTweet's tokenizer as a tokenizer file: what serving reads instead of transformers' Python class.

BERTweet writes "foo@@" for a piece that goes on and "foo" for one that ends a word; the tokenizers library writes
"foo" and "foo</w>". BERTweet merges first and looks up afterwards, so that a merge may end in no word it knows; the
library knows every merge. Such pieces get ids of their own behind the vocabulary, which start as copies of <unk>.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing
from torch import nn
from transformers import BertweetTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from classifier.training.bases.tweet_rules import tweet_rules

_GOES_ON = "@@"
_ENDS = "</w>"
_ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")

_Merge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Converted:
    """Hold a converted tokenizer; the embedding of id `first + i` has to start as a copy of that of `copies[i]`."""

    tokenizer: PreTrainedTokenizerFast
    first: int
    copies: tuple[int, ...]


def convert_bertweet(slow: BertweetTokenizer) -> Converted:
    """Return the tokenizer that reads raw text as `slow` does with its normalization on; ids stay as they are."""
    merges = _merges(Path(slow.merges_file))
    ids, late = _pieces(slow)
    first = max(ids.values()) + 1
    unknown = slow.encoder[str(slow.unk_token)]
    made = dict.fromkeys(piece for merge in merges for piece in (*merge, "".join(merge)))
    late |= {piece: slow.encoder.get(_token(piece), unknown) for piece in made if piece not in ids}
    ids |= {piece: first + i for i, piece in enumerate(late)}
    tokenizer = Tokenizer(BPE(vocab=ids, merges=merges, unk_token=str(slow.unk_token), end_of_word_suffix=_ENDS))
    tokenizer.normalizer = tweet_rules()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.BPEDecoder(suffix=_ENDS)
    tokenizer.post_processor = _frame(str(slow.cls_token), str(slow.sep_token), ids)
    for _, token in sorted(slow.added_tokens_decoder.items()):
        tokenizer.add_special_tokens([token]) if token.special else tokenizer.add_tokens([token])
    names = {role: str(getattr(slow, role)) for role in _ROLES}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_input_names=["input_ids", "attention_mask"], **names
    )
    return Converted(fast, first, tuple(late.values()))


def widen_embeddings(encoder: PreTrainedModel, converted: Converted) -> None:
    """Give the pieces behind the vocabulary their rows in the encoder's embeddings."""
    last = converted.first + len(converted.copies)
    table = embeddings_of(encoder)
    if table.num_embeddings < last:
        table = encoder.resize_token_embeddings(last, mean_resizing=False)
    with torch.no_grad():
        table.weight[converted.first : last] = table.weight[list(converted.copies)]


def embeddings_of(encoder: PreTrainedModel) -> nn.Embedding:
    """Return the encoder's table of token embeddings; raise TypeError where it has none."""
    table = encoder.get_input_embeddings()
    if not isinstance(table, nn.Embedding):
        raise TypeError("the encoder has no table of token embeddings")
    return table


def _pieces(slow: BertweetTokenizer) -> tuple[dict[str, int], dict[str, int]]:
    """Return the library's pieces with their ids, and those whose id another piece has already."""
    ids = {token.content: i for i, token in slow.added_tokens_decoder.items()}
    late: dict[str, int] = {}
    taken = set(ids.values())
    for token, i in slow.encoder.items():
        piece = _piece(token)
        if piece in ids or token in ids:
            continue
        (late if i in taken else ids)[piece] = i
        taken.add(i)
    return ids, late


def _piece(token: str) -> str:
    return token.removesuffix(_GOES_ON) if token.endswith(_GOES_ON) and token != _GOES_ON else token + _ENDS


def _token(piece: str) -> str:
    return piece.removesuffix(_ENDS) if piece.endswith(_ENDS) else piece + _GOES_ON


def _merges(path: Path) -> list[_Merge]:
    """Return the merges in order; of one that is listed twice, the last place counts."""
    found = dict.fromkeys(reversed(list(_lines(path.read_text(encoding="utf-8").splitlines()))))
    return list(reversed(found))


def _lines(lines: Sequence[str]) -> Iterator[_Merge]:
    """Yield two pieces a line; the third column counts how often they met, and transformers 5 drops it on saving."""
    for line in lines:
        fields = line.split()
        if len(fields) in (2, 3) and not line.startswith("#version"):
            yield fields[0], fields[1]


def _frame(start: str, end: str, ids: Mapping[str, int]) -> TemplateProcessing:
    return TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} {end} $B {end}",
        special_tokens=[(start, ids[start]), (end, ids[end])],
    )
