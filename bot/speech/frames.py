"""The frames that the bot and its decoding child exchange: two lengths, a JSON header, raw bytes."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

PREFIX = struct.Struct(">II")
"""The lengths of the header and of the payload, in bytes."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold one frame: what is said in the header, and the bytes it is about."""

    header: Mapping[str, object]
    payload: bytes = field(default=b"", repr=False)


def opening(frame: Frame) -> bytes:
    """Return what goes ahead of the frame's payload."""
    header = json.dumps(dict(frame.header)).encode()
    return PREFIX.pack(len(header), len(frame.payload)) + header


def write_frame(stream: BinaryIO, frame: Frame) -> None:
    """Write a frame and flush."""
    stream.write(opening(frame))
    stream.write(frame.payload)
    stream.flush()


def read_frame(stream: BinaryIO) -> Frame | None:
    """Read the next frame; return None where the stream ends."""
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    header_size, payload_size = PREFIX.unpack(prefix)
    return Frame(json.loads(stream.read(header_size)), stream.read(payload_size))
