import io

import av
import numpy as np
import pytest

PLAYED = [
    ("ogg", "libopus", 48_000),
    ("mp3", "mp3", 44_100),
    ("ipod", "aac", 44_100),
    ("mp4", "aac", 48_000),
    ("mp4", "libopus", 48_000),
    ("mov", "aac", 48_000),
    ("mov", "alac", 48_000),
    ("mov", "pcm_s16be", 48_000),
    ("mov", "pcm_s24be", 48_000),
    ("mov", "pcm_f32be", 48_000),
    ("3gp", "aac", 48_000),
    ("adts", "aac", 48_000),
    ("wav", "pcm_u8", 8_000),
    ("wav", "pcm_s16le", 16_000),
    ("wav", "pcm_s24le", 48_000),
    ("wav", "pcm_s32le", 44_100),
    ("wav", "pcm_f32le", 48_000),
    ("wav", "pcm_f64le", 48_000),
    ("wav", "pcm_s16le", 192_000),
    ("wav", "pcm_mulaw", 8_000),
    ("wav", "pcm_alaw", 8_000),
    ("flac", "flac", 44_100),
    ("webm", "libopus", 48_000),
    ("matroska", "aac", 48_000),
]


def pitch(samples):
    return np.abs(np.fft.rfft(samples)).argmax() * 16_000 / len(samples)


@pytest.mark.parametrize(("container", "codec", "rate"), PLAYED)
def test_what_a_discord_client_plays_is_heard_in_full_and_without_a_note(hear, encode, container, codec, rate):
    sound = hear(encode(container, codec, rate=rate, seconds=3))

    assert sound.notes == ()
    assert len(sound.tracks) == 1
    assert sound.seconds == pytest.approx(3, abs=0.1)
    assert pitch(sound.samples(0)) == pytest.approx(440, abs=3)
    assert np.abs(sound.samples(0)[8_000:40_000]).max() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("webm", "libopus", {}),
        ("webm", "libopus", {"cluster_time_limit": "500"}),
        ("wav", "pcm_s16le", {}),
        ("flac", "flac", {}),
        ("mp3", "mp3", {"write_xing": "0"}),
        ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}),
        ("ogg", "libopus", {}),
    ],
)
def test_a_file_written_as_it_was_recorded_is_heard_in_full_and_without_a_note(hear, encode, container, codec, options):
    sound = hear(encode(container, codec, rate=48_000, seconds=3, live=True, **options))

    assert sound.notes == ()
    assert sound.seconds == pytest.approx(3, abs=0.1)


def test_an_mp4_with_a_picture_that_outlasts_the_sound_is_whole(hear):
    sound = hear(film("mp4", "aac", picture=12, sound=3))

    assert sound.notes == ()
    assert sound.seconds == pytest.approx(3, abs=0.1)


def test_a_matroska_film_with_a_picture_that_outlasts_the_sound_is_whole(hear):
    sound = hear(film("matroska", "libopus", picture=12, sound=3))

    assert sound.notes == ()
    assert sound.seconds == pytest.approx(3, abs=0.1)


def film(container: str, codec: str, *, picture: int, sound: int) -> bytes:
    held = io.BytesIO()
    with av.open(held, "w", format=container) as file:
        images = file.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p")
        tone = file.add_stream(codec, rate=48_000, layout="mono")
        for number in range(picture * 5):
            image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            image.pts = number
            file.mux(images.encode(image))
        file.mux(images.encode(None))
        samples = np.full((1, sound * 48_000), 3000, dtype=np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 48_000
        file.mux(tone.encode(frame))
        file.mux(tone.encode(None))
    return held.getvalue()
