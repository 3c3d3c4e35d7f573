"""The frames that the bot and its decoding child exchange: two lengths, a JSON header, raw bytes."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    # Not loaded with this module: it would take a tenth of the child's memory.
    import asyncio

PREFIX = struct.Struct(">II")
"""The lengths of the header and of the payload, in bytes."""

MAX_HEADER = 1 << 14
"""The largest header, in bytes, that is taken from the child."""


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
    """Read the next frame, from the bot; return None where the stream ends."""
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    header_size, payload_size = PREFIX.unpack(prefix)
    return Frame(json.loads(stream.read(header_size)), stream.read(payload_size))


async def receive_frame(stream: "asyncio.StreamReader", max_payload: int) -> Frame:
    """Receive the next frame from the child, which has parsed hostile bytes and may say anything.

    Raise ValueError where it is no frame or is larger than allowed, EOFError where the stream ends before it does.
    """
    header_size, payload_size = PREFIX.unpack(await stream.readexactly(PREFIX.size))
    if header_size > MAX_HEADER or payload_size > max_payload:
        raise ValueError("a frame of the decoder is larger than the limits allow")
    try:
        header = json.loads(await stream.readexactly(header_size))
    except RecursionError as error:
        raise ValueError("a header of the decoder is nested too deep") from error
    if not isinstance(header, dict):
        raise ValueError("a header of the decoder is no JSON object")
    return Frame(header, await stream.readexactly(payload_size))
