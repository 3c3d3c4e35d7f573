import io
import struct
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from bot.speech.decoder_process import DecoderProcess
from bot.speech.limits import ClipLimits

CLIPS = Path(__file__).parents[2] / "clips"


@pytest.fixture(scope="session")
def clip_bytes() -> Callable[[str], bytes]:
    return lambda name: (CLIPS / name).read_bytes()


@pytest.fixture
async def decoder():
    decoder = DecoderProcess(ClipLimits())
    yield decoder
    await decoder.close()


@pytest.fixture(scope="session")
def wav() -> Callable[..., bytes]:
    """Make a WAV file of samples from -1 to 1, one row a channel."""

    def make(samples, rate: int = 16_000) -> bytes:
        rows = np.atleast_2d(samples)
        held = io.BytesIO()
        with wave.open(held, "wb") as file:
            file.setnchannels(len(rows))
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((np.clip(rows.T, -1, 1) * 32767).astype("<i2").tobytes())
        return held.getvalue()

    return make


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Encode a tone with FFmpeg: container, codec, rate, seconds, and how many tracks of it."""

    def make(container: str, codec: str, *, rate: int, seconds: float, level: float = 0.3, tracks: int = 1) -> bytes:
        held = io.BytesIO()
        with av.open(held, "w", format=container) as file:
            streams = [file.add_stream(codec, rate=rate, layout="mono") for _ in range(tracks)]
            times = np.arange(int(rate * seconds)) / rate
            samples = (level * 32767 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)
            for stream in streams:
                frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
                frame.sample_rate = rate
                file.mux(stream.encode(frame))
                file.mux(stream.encode(None))
        return held.getvalue()

    return make


@pytest.fixture(scope="session")
def with_bad_packet(clip_bytes) -> Callable[[int], bytes]:
    """Return an Ogg clip whose sound packets from number 20 on are invalid, as many as asked."""

    def make(count: int) -> bytes:
        pages, number = [], -2  # the two header packets
        for head, packets in _pages(clip_bytes("push_left.ogg")):
            for place in range(len(packets)):
                if 20 <= number + place < 20 + count:
                    # Code 3 with a frame count of zero: RFC 6716, 3.2.5 forbids it.
                    packets[place] = bytes([packets[place][0] | 3, 0])
            number += len(packets)
            pages.append(_page(head, packets))
        return b"".join(pages)

    return make


@pytest.fixture(scope="session")
def opus_bomb() -> Callable[[int], bytes]:
    """Make Ogg pages of 255 packets of two bytes, each 120 ms of silence: 30 s a page for 800 bytes."""

    def make(pages: int) -> bytes:
        start = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
        tags = b"OpusTags" + struct.pack("<I", 1) + b"x" + struct.pack("<I", 0)
        silence = bytes([(3 << 3) | 3, 2])
        made = [_page(_head(2, 0, 0), [start]), _page(_head(0, 0, 1), [tags])]
        made += [_page(_head(0, 5760 * 255 * n, n + 1), [silence] * 255) for n in range(1, pages + 1)]
        return b"".join(made)

    return make


def _head(flags: int, granule: int, number: int) -> bytes:
    return b"OggS\0" + bytes([flags]) + struct.pack("<qII", granule, 1, number)


def _page(head: bytes, packets: Sequence[bytes]) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    page = bytearray(head + bytes(4) + bytes([len(lacing)]) + lacing + b"".join(packets))
    page[22:26] = struct.pack("<I", _crc(page))
    return bytes(page)


def _pages(data: bytes):
    """Take an Ogg file apart; no packet may span two pages."""
    place = 0
    while place < len(data):
        count = data[place + 26]
        lacing = data[place + 27 : place + 27 + count]
        start = place + 27 + count
        packets, packet = [], b""
        for size in lacing:
            packet += data[start : start + size]
            start += size
            if size < 255:
                packets.append(packet)
                packet = b""
        yield data[place : place + 22], packets
        place = start


def _crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value = ((value << 8) & 0xFFFFFFFF) ^ _CRC[(value >> 24) ^ byte]
    return value


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
        table.append(value)
    return table


_CRC = _crc_table()
