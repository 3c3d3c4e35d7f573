import asyncio
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ClipRejected
from bot.speech.decoder_process import Answer
from bot.speech.frames import MAX_HEADER, PREFIX, Frame, read_frame, receive_frame, write_frame
from bot.speech.limits import ClipLimits

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
HEADERS = st.dictionaries(st.sampled_from(["track", "notes", "rejected", "no_track", "ready"]) | st.text(), JSON)
LIMITS = ClipLimits(max_seconds=0.01, max_tracks=2)


async def received(data: bytes, max_payload: int = 1000) -> Frame:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return await receive_frame(stream, max_payload)


def framed(header: bytes, payload: bytes = b"") -> bytes:
    return PREFIX.pack(len(header), len(payload)) + header + payload


@given(header=HEADERS, payload=st.binary(max_size=50))
def test_what_is_written_is_read_back_on_either_side(header, payload):
    stream = io.BytesIO()
    write_frame(stream, Frame(header, payload))
    stream.seek(0)
    read = read_frame(stream)

    got = asyncio.run(received(stream.getvalue()))

    assert json.dumps(read.header) == json.dumps(got.header) == json.dumps(header)
    assert read.payload == got.payload == payload
    assert read_frame(stream) is None


@settings(max_examples=150)
@given(
    data=st.binary(max_size=200) | st.tuples(st.binary(max_size=60), st.binary(max_size=20)).map(lambda x: framed(*x))
)
def test_whatever_a_hostile_child_sends_is_a_frame_or_refused(data):
    try:
        frame = asyncio.run(received(data))
    except (ValueError, EOFError):
        return
    assert isinstance(frame.header, dict)
    assert len(frame.payload) <= 1000


@pytest.mark.parametrize(
    "header", [b"[" * 9000, b"{" * 9000, b"1" * 5000, b"[]", b"7", b"null", b'"notes"', b"\xff\xfe", b"", b"NaN"]
)
async def test_a_header_that_is_no_object_is_refused(header):
    with pytest.raises(ValueError, match=r"."):
        await received(framed(header))


@pytest.mark.parametrize("sizes", [(MAX_HEADER + 1, 0), (2, 1001), (0xFFFF_FFFF, 0xFFFF_FFFF)])
async def test_a_frame_that_announces_too_much_is_refused_before_it_is_read(sizes):
    with pytest.raises(ValueError, match="larger than the limits allow"):
        await received(PREFIX.pack(*sizes))


@settings(max_examples=150)
@given(frames=st.lists(st.tuples(HEADERS, st.binary(max_size=400)), max_size=6))
def test_whatever_a_hostile_child_says_stays_within_the_limits(frames):
    answer = Answer(LIMITS)
    try:
        for header, payload in frames:
            answer.take(Frame(header, payload))
        sound = answer.sound()
    except (ValueError, ClipRejected):
        return
    assert len(sound.tracks) <= 2
    assert all(len(track) <= 320 and len(track) % 2 == 0 for track in sound.tracks)
    assert all(isinstance(note, str) for note in sound.notes)


@pytest.mark.parametrize(
    "frame",
    [
        Frame({"track": 2}, b"12"),
        Frame({"track": -1}, b"12"),
        Frame({"track": "0"}, b"12"),
        Frame({"track": 0}, b""),
        Frame({"track": 0}, b"123"),
        Frame({"track": 0}, bytes(322)),
        Frame({"notes": []}, b"12"),
        Frame({"notes": 7}),
        Frame({"ready": True}),
        Frame({}),
    ],
)
def test_an_answer_that_breaks_the_limits_is_refused(frame):
    with pytest.raises(ValueError, match="the decoder's answer"):
        Answer(LIMITS).take(frame)


def test_many_small_pieces_may_not_add_up_to_more_than_the_limit():
    answer = Answer(LIMITS)
    for _ in range(160):
        answer.take(Frame({"track": 1}, b"12"))

    with pytest.raises(ValueError, match="too long"):
        answer.take(Frame({"track": 1}, b"12"))
