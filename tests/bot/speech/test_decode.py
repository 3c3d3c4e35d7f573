import struct

import numpy as np
import pytest

from bot.errors import ClipRejected
from bot.speech.limits import ClipLimits


@pytest.mark.parametrize("ending", ["ogg", "wav", "flac", "mp3", "m4a", "webm", "mp4"])
def test_every_format_is_heard_in_full(clip_bytes, ending, hear):
    sound = hear(clip_bytes(f"well_played.{ending}"))

    assert sound.seconds == pytest.approx(2.1, abs=0.1)
    assert sound.notes == ()
    assert np.abs(sound.samples(0)).max() > 0.1


@pytest.mark.parametrize("bad", [1, 30])
def test_damaged_packets_do_not_hide_the_rest(clip_bytes, with_bad_packet, bad, hear):
    whole = hear(clip_bytes("push_left.ogg"))

    sound = hear(with_bad_packet(bad))

    assert sound.seconds == pytest.approx(whole.seconds - 0.02 * bad, abs=0.05)
    assert sound.notes == (f"{bad} damaged packet(s) were skipped",)


def test_more_damaged_packets_than_allowed_refuse_the_clip(with_bad_packet, hear):
    with pytest.raises(ClipRejected, match="more than 10 damaged packets"):
        hear(with_bad_packet(30), ClipLimits(max_bad_packets=10))


def test_a_truncated_file_is_heard_up_to_its_end(clip_bytes, hear):
    data = clip_bytes("push_left.ogg")

    sound = hear(data[: len(data) // 2])

    assert 0.8 < sound.seconds < 2.4


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello, I am not audio " * 50, "not audio"),
        (bytes(5000), "not audio"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "not audio"),
        (b"ffconcat version 1.0\nfile 'tests/clips/well_played.wav'\n", "not audio"),
    ],
)
def test_what_is_not_audio_is_refused(data, reason, hear):
    with pytest.raises(ClipRejected, match=reason):
        hear(data)


def test_a_picture_without_a_sound_track_is_refused(clip_bytes, hear):
    with pytest.raises(ClipRejected, match="no sound in it"):
        hear(clip_bytes("no_sound.mp4"))


def test_headers_without_sound_are_refused(clip_bytes, hear):
    with pytest.raises(ClipRejected, match=r"no sound in it|not audio"):
        hear(clip_bytes("well_played.ogg")[:120])


def test_a_wav_of_no_length_is_refused(wav, hear):
    with pytest.raises(ClipRejected, match="no sound in it"):
        hear(wav([]))


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (24, struct.pack("<I", 4_000_000_000), r"not audio|sample rate"),
        (24, struct.pack("<I", 1), "sample rate of 1 Hz"),
        (24, struct.pack("<I", 4_000), "sample rate of 4000 Hz"),
        (24, struct.pack("<I", 384_000), "sample rate of 384000 Hz"),
        (22, struct.pack("<H", 64), "64 channels, at most 8"),
        (22, struct.pack("<H", 255), "255 channels"),
    ],
)
def test_implausible_streams_are_refused(wav, place, value, reason, hear):
    data = bytearray(wav(np.zeros(3200)))
    data[place : place + len(value)] = value

    with pytest.raises(ClipRejected, match=reason):
        hear(bytes(data))


def test_a_file_over_the_size_limit_is_refused_unread(clip_bytes, hear):
    with pytest.raises(ClipRejected, match="too large"):
        hear(clip_bytes("well_played.wav"), ClipLimits(max_bytes=1000))


def test_an_opus_bomb_is_cut_at_the_limit_and_noted(opus_bomb, hear):
    sound = hear(opus_bomb(20), ClipLimits(max_seconds=30))

    assert sound.seconds == 30
    assert sound.notes == ("only the first 30 s were heard",)


def test_a_clip_of_just_the_allowed_length_is_whole(wav, hear):
    sound = hear(wav(np.full(32_000, 0.1)), ClipLimits(max_seconds=2))

    assert (sound.seconds, sound.notes) == (2, ())


def test_decoding_stops_at_the_wall_limit(opus_bomb, hear):
    with pytest.raises(ClipRejected, match=r"takes more than 0\.001 s"):
        hear(opus_bomb(20), ClipLimits(wall_seconds=0.001))


def test_a_stream_that_changes_its_rate_midway_is_heard_whole(encode, hear):
    data = encode("mp3", "mp3", rate=24_000, seconds=1) + encode("mp3", "mp3", rate=44_100, seconds=1)

    sound = hear(data)

    second = sound.samples(0)[24_000:30_000]
    assert sound.seconds == pytest.approx(2, abs=0.2)
    assert np.abs(np.fft.rfft(second)).argmax() * 16_000 / 6_000 == pytest.approx(440, abs=5)
