"""A map of characters to texts in the one form that a tokenizer file applies in a single pass.

The form is SentencePiece's "precompiled charsmap": a double-array trie over UTF-8 bytes, laid out as Darts-clone does
(https://github.com/s-yata/darts-clone), followed by the new texts. Thousands of `Replace` steps would say the same
at a cost of thousands of passes over every line.
"""

import struct
from collections.abc import Mapping
from itertools import count

_BLOCK = 256
_LEAF = 1 << 31
_HAS_LEAF = 1 << 8
_OFFSET = 10

_Node = dict[int, "_Node"]


def precompiled_charsmap(texts: Mapping[str, str]) -> bytes:
    """Return the map for `tokenizers.normalizers.Precompiled`: single characters to texts that are not empty."""
    if any(len(char) != 1 or not text or "\0" in char + text for char, text in texts.items()):
        raise ValueError("a charsmap maps single characters to texts that are not empty")
    root: _Node = {}
    places: dict[bytes, int] = {}
    new = bytearray()
    for char, text in sorted(texts.items()):
        key = char.encode()
        places[key] = len(new)
        new += text.encode() + b"\0"
        node = root
        for byte in (*key, 0):
            node = node.setdefault(byte, {})
    units = _units(root, places)
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(new)


def _units(root: _Node, places: Mapping[bytes, int]) -> list[int]:
    """Lay the trie out: the child by byte `b` of a node with base `o` is unit `o ^ b`; by byte 0 it is the value.

    The reader does not check its bounds, so whole blocks are kept: any byte finds a unit, if an empty one.
    """
    units: dict[int, int] = {0: 0}
    bases: set[int] = set()
    queue: list[tuple[int, bytes, _Node]] = [(0, b"", root)]
    first = 1
    for place, key, node in queue:
        base = next(b for b in count(first) if b not in bases and not any(b ^ byte in units for byte in node))
        bases.add(base)
        first = max(first, base - _BLOCK)
        units[place] |= (place ^ base) << _OFFSET
        if 0 in node:
            units[place] |= _HAS_LEAF
            units[base] = _LEAF | places[key]
        for byte in node.keys() - {0}:
            units[base ^ byte] = byte
            queue.append((base ^ byte, key + bytes([byte]), node[byte]))
    size = (max(*units, *bases) // _BLOCK + 1) * _BLOCK
    return [units.get(place, 0) for place in range(size)]
