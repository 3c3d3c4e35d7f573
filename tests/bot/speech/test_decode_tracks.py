import io
from fractions import Fraction

import av
import numpy as np
import pytest

from bot.errors import ClipRejected
from bot.speech.limits import ClipLimits


def pitches(sound):
    """Return the pitch of each track."""
    return [
        round(float(np.abs(np.fft.rfft(sound.samples(number))).argmax() * 16_000 / (len(track) / 2)))
        for number, track in enumerate(sound.tracks)
    ]


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("matroska", "libopus"), ("mov", "pcm_s16le")])
def test_every_track_is_heard(hear, encode, container, codec):
    sound = hear(encode(container, codec, rate=48_000, seconds=2, pitches=(440, 880, 1320)))

    assert sound.notes == ()
    assert pitches(sound) == pytest.approx([440, 880, 1320], abs=3)
    assert sound.seconds == pytest.approx(2, abs=0.1)


def test_tracks_beyond_the_limit_are_noted(hear, encode):
    sound = hear(encode("matroska", "pcm_s16le", rate=16_000, seconds=0.5, pitches=(300, 400, 500, 600, 700)))

    assert sound.notes == ("2 more sound track(s) were not heard",)
    assert pitches(sound) == pytest.approx([300, 400, 500], abs=3)


def test_each_track_is_heard_up_to_the_limit(hear, encode):
    data = encode("mp4", "aac", rate=48_000, seconds=4, pitches=(440, 880))

    sound = hear(data, ClipLimits(max_seconds=1.5))

    assert [len(track) for track in sound.tracks] == [48_000, 48_000]
    assert sound.notes == ("only the first 1.5 s were heard",)


async def test_the_same_sound_twice_is_listened_to_once(decoder, encode):
    sound = await decoder.decode(encode("mp4", "aac", rate=48_000, seconds=1, pitches=(440, 440, 880)))

    assert sound.notes == ()
    assert pitches(sound) == pytest.approx([440, 880], abs=3)


async def test_the_child_hands_over_every_track(decoder, encode, hear):
    data = encode("matroska", "libopus", rate=48_000, seconds=9, pitches=(440, 880))

    assert await decoder.decode(data) == hear(data)


@pytest.mark.parametrize("first", [True, False])
def test_a_track_of_an_unknown_kind_does_not_hide_the_others(hear, encode, first):
    data = encode("matroska", "pcm_s16le", rate=16_000, seconds=1, pitches=(300, 600))
    place = data.index(b"A_PCM/INT/LIT") if first else data.rindex(b"A_PCM/INT/LIT")

    sound = hear(data[:place] + b"A_REAL/ABCDEF" + data[place + 13 :])

    assert pitches(sound) == pytest.approx([600 if first else 300], abs=3)
    assert sound.notes == ("1 sound track(s) cannot be decoded: its sound is in a format that is not listened to",)


def test_a_kind_of_sound_that_no_client_plays_is_refused_though_it_could_be_decoded(hear, encode):
    data = encode("wav", "adpcm_ima_wav", rate=16_000, seconds=1)

    with pytest.raises(ClipRejected, match="in a format that is not listened to"):
        hear(data)


def test_a_broken_track_does_not_hide_the_others(hear):
    data = broken_second_track()

    sound = hear(data, ClipLimits(max_bad_packets=5))

    assert pitches(sound)[0] == pytest.approx(440, abs=3)
    assert len(sound.samples(0)) == pytest.approx(48_000, abs=1600)
    assert any("sound track 2" in note and "more than 5 damaged packets" in note for note in sound.notes)


def test_damaged_packets_are_counted_over_all_tracks(hear):
    sound = hear(broken_second_track())

    assert any("damaged packet(s) were skipped" in note for note in sound.notes)
    assert pitches(sound)[0] == pytest.approx(440, abs=3)


def broken_second_track() -> bytes:
    """Return a file of two AAC tracks, the packets of the second made invalid."""
    held = io.BytesIO()
    with av.open(held, "w", format="mp4") as file:
        whole, broken = [file.add_stream("aac", rate=48_000, layout="mono") for _ in range(2)]
        tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(144_000) / 48_000)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48_000
        file.mux([*whole.encode(frame), *whole.encode(None)])
        for packet in [*broken.encode(frame), *broken.encode(None)]:
            bad = av.Packet(b"\xc5" * packet.size)
            bad.pts, bad.dts, bad.time_base, bad.stream = packet.pts, packet.dts, packet.time_base, broken
            file.mux(bad)
    return held.getvalue()


def beginning_at(*starts: float) -> bytes:
    """Make a Matroska file with a tone of two seconds on each track, which begins so many seconds late."""
    held, rate = io.BytesIO(), 16_000
    with av.open(held, "w", format="matroska") as file:
        for stream in [file.add_stream("pcm_s16le", rate=rate, layout="mono") for _ in starts]:
            tone = (9000 * np.sin(2 * np.pi * (300 + 200 * stream.index) * np.arange(2 * rate) / rate)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = int(starts[stream.index] * rate)
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    return held.getvalue()


def loud_from(samples) -> float:
    return float(np.argmax(np.abs(samples) > 0.05)) / 16_000


def test_sound_that_begins_late_in_a_film_has_the_times_of_the_film(hear):
    sound = hear(beginning_at(0, 5))

    assert [loud_from(sound.samples(track)) for track in (0, 1)] == [
        pytest.approx(0, abs=0.1),
        pytest.approx(5, abs=0.1),
    ]
    assert sound.seconds == pytest.approx(7, abs=0.1)
    assert sound.notes == ()


@pytest.mark.parametrize("start", [5.0, 3600.0, 0.3])
def test_a_file_whose_clock_does_not_begin_at_nought_is_heard_from_its_first_sound(hear, start):
    sound = hear(beginning_at(start))

    assert loud_from(sound.samples(0)) == pytest.approx(0, abs=0.1)
    assert sound.seconds == pytest.approx(2, abs=0.1)


def test_a_track_that_claims_to_begin_after_all_that_is_heard_is_heard(hear):
    sound = hear(beginning_at(0, 9000))

    assert loud_from(sound.samples(1)) == pytest.approx(0, abs=0.1)
