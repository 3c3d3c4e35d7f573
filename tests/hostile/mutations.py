"""Clips damaged on purpose: a few edits of a real one, each of which can be told and done again."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

CLIPS = Path(__file__).parents[1] / "clips"
_HEADER = 512
_MOST_EDITS, _LONGEST = 6, 4096
_FILLS = (b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\x00\x00\x00\x01")
_MARKS = (b"OggS", b"OpusHead", b"OpusTags", b"RIFF", b"WAVEfmt ", b"fLaC", b"ID3", b"ftyp", b"moov", b"mdat", b"trak")


class Kind(StrEnum):
    """How a clip is damaged."""

    FLIP = "flip"
    WRITE = "write"
    HEADER = "header"
    TRUNCATE = "truncate"
    CUT = "cut"
    REPEAT = "repeat"
    SPLICE = "splice"
    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class Edit:
    """Hold one edit: where, as a share of the clip, how long, with which bytes or, for a splice, which other clip."""

    kind: Kind
    at: float
    length: int
    fill: bytes
    other: int


@cache
def real_clips() -> tuple[bytes, ...]:
    """Return the clips of the tests, in the order of their names."""
    return tuple(path.read_bytes() for path in sorted(CLIPS.iterdir()) if path.suffix not in (".md", ".sh"))


def damaged(clip: int, edits: Sequence[Edit]) -> bytes:
    """Return a clip with the edits done one after the other."""
    clips = real_clips()
    data = clips[clip % len(clips)]
    for edit in edits:
        data = _edited(data, edit, clips)
    return data


def _edited(data: bytes, edit: Edit, clips: Sequence[bytes]) -> bytes:
    place = int(edit.at * (min(len(data), _HEADER) if edit.kind is Kind.HEADER else len(data)))
    before, rest = data[:place], data[place:]
    match edit.kind:
        case Kind.FLIP if rest:
            return before + bytes([rest[0] ^ (1 << edit.length % 8)]) + rest[1:]
        case Kind.WRITE | Kind.HEADER:
            return before + edit.fill + rest[len(edit.fill) :]
        case Kind.TRUNCATE:
            return before
        case Kind.CUT:
            return before + rest[edit.length :]
        case Kind.REPEAT:
            return before + rest[: edit.length] * 3 + rest
        case Kind.SPLICE:
            other = clips[edit.other % len(clips)]
            return before + other[int(edit.at * len(other)) :][: edit.length] + rest
        case _:
            return before + edit.fill + rest


edits = st.builds(
    Edit,
    kind=st.sampled_from(Kind),
    at=st.floats(0, 1, exclude_max=True),
    length=st.integers(1, _LONGEST),
    fill=st.one_of(st.sampled_from([*_FILLS, *_MARKS]), st.binary(min_size=1, max_size=16)),
    other=st.integers(0, 63),
)
"""One edit; Hypothesis makes it small where a damaged clip breaks something."""

damages = st.tuples(st.integers(0, 63), st.lists(edits, max_size=_MOST_EDITS))


def chosen(seed: int, number: int) -> bytes:
    """Return the damaged clip of this number: always the same one for a seed."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - it only has to be the same again
    return damaged(chance.randrange(64), [_any(chance) for _ in range(chance.randint(1, _MOST_EDITS))])


def _any(chance: random.Random) -> Edit:
    fills = (*_FILLS, *_MARKS, chance.randbytes(chance.randint(1, 16)))
    return Edit(
        kind=chance.choice(list(Kind)),
        at=chance.random(),
        length=chance.randint(1, _LONGEST),
        fill=chance.choice(fills),
        other=chance.randrange(64),
    )
