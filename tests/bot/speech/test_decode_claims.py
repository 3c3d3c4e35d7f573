import struct

import numpy as np
import pytest

from bot.errors import ClipRejected
from bot.speech.limits import ClipLimits

TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(64_000) / 16_000)


@pytest.fixture
def wav_of(wav):
    """Make a WAV of four seconds that states another size of its sound."""

    def make(size: int) -> bytes:
        data = bytearray(wav(TONE))
        place = data.index(b"data") + 4
        data[place : place + 4] = struct.pack("<I", size)
        return bytes(data)

    return make


@pytest.mark.parametrize("size", [0, 1, 32_000, 0x7FFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFDB])
def test_a_wav_that_states_no_length_or_less_than_it_holds_is_heard_to_its_end(hear, wav_of, size):
    sound = hear(wav_of(size))

    assert sound.seconds == pytest.approx(4, abs=0.01)
    assert sound.notes == ()


def test_a_wav_that_states_more_than_it_holds_is_noted(hear, wav_of):
    assert hear(wav_of(32_000 * 60)).notes == ("the file ends after 4 s, it claims 60 s",)


def test_a_wav_that_lacks_less_than_a_second_is_whole(hear, wav_of):
    assert hear(wav_of(32_000 * 4 + 20_000)).notes == ()


@pytest.mark.parametrize(("claimed", "notes"), [(0, 0), (16_000, 0), (64_000, 0), (16_000 * 600, 1)])
def test_a_flac_is_judged_by_what_it_holds(hear, encode, claimed, notes):
    data = bytearray(encode("flac", "flac", rate=16_000, seconds=4))
    kept = int.from_bytes(data[18:26], "big") >> 36 << 36
    data[18:26] = (kept | claimed).to_bytes(8, "big")

    sound = hear(bytes(data))

    assert sound.seconds == pytest.approx(4, abs=0.01)
    assert sound.notes == ("the file ends after 4 s, it claims 600 s",) * notes


@pytest.mark.parametrize("times", [lambda _: 0, lambda time: min(time, 48_000), lambda time: time // 100])
def test_an_ogg_whose_times_claim_less_is_heard_to_its_end(hear, clip_bytes, repaged, times):
    sound = hear(repaged(clip_bytes("push_left.ogg"), times=times))

    assert sound.seconds == pytest.approx(3.26, abs=0.05)


def test_an_ogg_cut_out_of_a_longer_one_is_whole(hear, clip_bytes, repaged):
    sound = hear(repaged(clip_bytes("push_left.ogg"), times=lambda time: time + 48_000 * 3600 if time > 0 else time))

    assert sound.seconds == pytest.approx(3.26, abs=0.05)
    assert sound.notes == ()


def test_two_ogg_streams_one_after_the_other_are_both_heard(hear, clip_bytes, repaged):
    sound = hear(clip_bytes("push_left.ogg") + repaged(clip_bytes("worthless.ogg"), serial=77))

    assert sound.seconds == pytest.approx(3.26 + 3.16, abs=0.1)
    assert np.abs(sound.samples(0)[55_000:]).max() > 0.05
    assert sound.notes == ()


def test_an_ogg_stream_of_another_kind_behind_the_first_does_not_pass_for_heard(hear, clip_bytes, repaged):
    other = repaged(clip_bytes("worthless.ogg"), serial=77).replace(b"OpusHead", b"Speex   ", 1)

    sound = hear(clip_bytes("push_left.ogg") + other)

    assert sound.notes or sound.seconds > 6


@pytest.mark.parametrize("milliseconds", [0, 100, 1000])
def test_what_an_edit_list_hides_is_heard(hear, encode, milliseconds):
    data = bytearray(encode("mp4", "aac", rate=48_000, seconds=4))
    place = data.index(b"elst") + 12
    data[place : place + 4] = struct.pack(">I", milliseconds)

    sound = hear(bytes(data))

    assert sound.seconds == pytest.approx(4, abs=0.1)
    assert sound.notes == ()


def test_an_mp4_whose_times_claim_less_is_heard_to_its_end(hear, encode):
    data = bytearray(encode("mp4", "aac", rate=48_000, seconds=4))
    place = data.index(b"stts") + 8
    for entry in range(struct.unpack_from(">I", data, place)[0]):
        struct.pack_into(">I", data, place + 8 + 8 * entry, 1)

    assert hear(bytes(data)).seconds == pytest.approx(4, abs=0.1)


def test_an_mp4_that_was_cut_off_is_noted(hear, quicktime):
    whole = quicktime(16_000 * 20, TONE.astype("<i2").tobytes() * 5)

    assert hear(whole).notes == ()
    assert hear(whole[: len(whole) // 2]).notes[0].startswith("the file ends after 10 s, it claims 20 s")


@pytest.mark.parametrize(
    ("container", "codec"), [("webm", "libopus"), ("flac", "flac"), ("wav", "pcm_f32le"), ("wav", "pcm_s16le")]
)
def test_a_file_that_was_cut_off_is_heard_up_to_there_and_noted(hear, encode, container, codec):
    data = encode(container, codec, rate=48_000, seconds=10)

    sound = hear(data[: len(data) // 2])

    assert 4 < sound.seconds < 5.5
    assert "it claims 10 s" in sound.notes[0]


def test_an_mp4_whose_tables_were_cut_off_is_refused(hear, encode):
    data = encode("mp4", "aac", rate=48_000, seconds=4)

    with pytest.raises(ClipRejected):
        hear(data[: len(data) // 2])


@pytest.mark.parametrize("container", ["mp4", "webm", "ogg", "flac", "mp3"])
def test_a_clip_of_just_the_allowed_length_is_whole_with_its_padding(hear, encode, container):
    codec = {"mp4": "aac", "webm": "libopus", "ogg": "libopus"}.get(container, container)

    sound = hear(encode(container, codec, rate=48_000, seconds=2), ClipLimits(max_seconds=2))

    assert (sound.seconds, sound.notes) == (2, ())


def test_a_piece_of_an_mp4_that_points_beyond_the_file_is_noted(hear, encode):
    data = bytearray(encode("mp4", "aac", rate=48_000, seconds=4, pitches=(440, 880)))
    place = data.index(b"stco") + 8
    pieces = struct.unpack_from(">I", data, place)[0]
    struct.pack_into(">I", data, place + 4 + 4 * (pieces // 2), 0x7FFF_FFF0)

    sound = hear(bytes(data))

    assert sound.seconds < 4.1
    assert any("it claims 4 s" in note for note in sound.notes)


def test_a_recording_in_fragments_that_breaks_off_is_noted(hear, encode):
    options = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "500000"}
    data = encode("mp4", "aac", rate=48_000, seconds=4, live=True, **options)

    sound = hear(data[: len(data) // 2])

    assert 1.5 < sound.seconds < 2.5
    assert sound.notes
