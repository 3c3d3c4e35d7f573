import asyncio
import io
import struct
import wave
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from bot.speech.decode import decode
from bot.speech.decoder_process import DecoderProcess
from bot.speech.limits import ClipLimits
from bot.speech.sound import Sound

CLIPS = Path(__file__).parents[2] / "clips"


@pytest.fixture(scope="session")
def clip_bytes() -> Callable[[str], bytes]:
    return lambda name: (CLIPS / name).read_bytes()


@pytest.fixture
async def decoder():
    decoder = DecoderProcess(ClipLimits())
    yield decoder
    await decoder.close()


@pytest.fixture
async def listening():
    """Listen on a port and count who calls; nobody should."""
    calls = []
    server = await asyncio.start_server(lambda _reader, writer: calls.append(writer.close()), "127.0.0.1", 0)
    yield SimpleNamespace(port=server.sockets[0].getsockname()[1], calls=calls)
    server.close()
    await server.wait_closed()


@pytest.fixture(scope="session")
def hear() -> Callable[..., Sound]:
    """Decode a clip in this process."""

    def hear(data: bytes, limits: ClipLimits | None = None) -> Sound:
        limits = limits or ClipLimits()
        tracks = [bytearray() for _ in range(limits.max_tracks)]
        notes = decode(data, limits, lambda number, piece: tracks[number].extend(piece))
        return Sound(tuple(bytes(track) for track in tracks if track), notes)

    return hear


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
    """Encode tones with FFmpeg, a track for each pitch; `live` is a stream that its writer cannot rewind."""

    def make(
        container: str,
        codec: str,
        *,
        rate: int,
        seconds: float,
        level: float = 0.3,
        pitches: Sequence[int] = (440,),
        live: bool = False,
        **options: str,
    ) -> bytes:
        held = bytearray() if live else io.BytesIO()
        with av.open(_Live(held) if live else held, "w", format=container, options=options) as file:
            streams = [file.add_stream(codec, rate=rate, layout="mono") for _ in pitches]
            times = np.arange(int(rate * seconds)) / rate
            for stream, pitch in zip(streams, pitches, strict=True):
                samples = (level * 32767 * np.sin(2 * np.pi * pitch * times)).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
                frame.sample_rate = rate
                file.mux(stream.encode(frame))
                file.mux(stream.encode(None))
        return bytes(held) if live else held.getvalue()

    return make


class _Live:
    """Take what is written and offer no way back."""

    def __init__(self, held: bytearray) -> None:
        self._held = held

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)


@pytest.fixture(scope="session")
def quicktime() -> Callable[..., bytes]:
    """Make a MOV of one sound track whose tables claim `count` samples of `size` bytes, and that holds `held` bytes."""

    def make(count: int, held: bytes, *, size: int = 2, codec: bytes = b"twos") -> bytes:
        kind = _box(b"ftyp", b"qt  ", bytes(4))
        start = len(kind) + len(_moov(count, size, codec, 0)) + 8
        return kind + _moov(count, size, codec, start) + _box(b"mdat", held)

    return make


def _moov(count: int, size: int, codec: bytes, start: int) -> bytes:
    entry = _box(codec, bytes(6), struct.pack(">HHHIHHHHI", 1, 0, 0, 0, 1, 16, 0, 0, 16_000 << 16))
    tables = _box(
        b"stbl",
        _box(b"stsd", struct.pack(">II", 0, 1), entry),
        _box(b"stts", struct.pack(">IIII", 0, 1, count, 1)),
        _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, count, 1)),
        _box(b"stsz", struct.pack(">III", 0, size, count)),
        _box(b"stco", struct.pack(">III", 0, 1, start)),
    )
    place = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1), _box(b"url ", struct.pack(">I", 1))))
    media = _box(
        b"mdia",
        _box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 16_000, count, 0)),
        _box(b"hdlr", bytes(8), b"soun", bytes(13)),
        _box(b"minf", _box(b"smhd", bytes(8)), place, tables),
    )
    track = _box(b"trak", _box(b"tkhd", struct.pack(">I", 7), bytes(8), struct.pack(">I", 1), bytes(68)), media)
    return _box(b"moov", _box(b"mvhd", bytes(12), struct.pack(">II", 1000, 1000), bytes(80)), track)


def _box(name: bytes, *parts: bytes) -> bytes:
    inside = b"".join(parts)
    return struct.pack(">I", 8 + len(inside)) + name + inside


@pytest.fixture(scope="session")
def repaged() -> Callable[..., bytes]:
    """Give an Ogg stream another serial number, or other times."""

    def make(data: bytes, *, serial: int = 1, times: Callable[[int], int] = lambda time: time) -> bytes:
        made = b""
        for head, packets in _pages(data):
            granule = struct.pack("<q", times(struct.unpack("<q", head[6:14])[0]))
            made += _page(head[:6] + granule + struct.pack("<I", serial) + head[18:], packets)
        return made

    return make


@pytest.fixture(scope="session")
def looped(clip_bytes) -> Callable[[float], bytes]:
    """Make hours of speech in an Ogg file: the packets of one clip over and over."""

    def make(seconds: float) -> bytes:
        pages = list(_pages(clip_bytes("push_left.ogg")))
        speech = [packet for _, packets in pages[2:] for packet in packets]
        made = [_page(head, packets) for head, packets in pages[:2]]
        serial = pages[0][0][14:18]
        for number in range(int(seconds)):
            packets = [speech[(50 * number + place) % len(speech)] for place in range(50)]
            head = b"OggS\0\0" + struct.pack("<q", 48_000 * (number + 1)) + serial + struct.pack("<I", number + 2)
            made.append(_page(head, packets))
        return b"".join(made)

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
    """Return Ogg's checksum: zlib's with every bit order turned round, and neither inverted before nor after."""
    turned = zlib.crc32(bytes(data).translate(_TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2)


_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
