import numpy as np
import pytest

from bot.speech.mixdown import mix

TIMES = np.arange(32_000) / 16_000
TONE = 0.5 * np.sin(2 * np.pi * 300 * TIMES)
MUSIC = 0.5 * np.sin(2 * np.pi * 1700 * TIMES)
SILENCE = np.zeros_like(TONE)


def level(samples):
    return float(np.sqrt(np.square(samples).mean()))


def strength(samples, pitch):
    """Return the level of one pitch in the samples."""
    return float(np.abs(np.exp(-2j * np.pi * pitch * np.arange(len(samples)) / 16_000) @ samples) * 2 / len(samples))


def alone(place, count):
    return [TONE if channel == place else SILENCE for channel in range(count)]


@pytest.mark.parametrize(
    ("left", "right"),
    [(TONE, TONE), (TONE, SILENCE), (SILENCE, TONE), (TONE, -TONE)],
    ids=["both", "left", "right", "cancelling"],
)
def test_a_voice_keeps_its_level_however_it_lies_in_the_channels(hear, wav, left, right):
    sound = hear(wav([left, right]))

    assert sound.samples(0).dtype == np.float32
    assert level(sound.samples(0)) == pytest.approx(level(TONE), rel=0.02)


def test_one_cancelled_second_is_heard_inside_a_normal_clip(hear, wav):
    right = np.concatenate([TONE[:16_000], -TONE[16_000:]])

    mono = hear(wav([TONE, right])).samples(0)

    assert level(mono[16_000:]) == pytest.approx(level(TONE), rel=0.02)


@pytest.mark.parametrize("music", [0.5, 0.9, 1.0, 2.0])
def test_music_in_the_middle_does_not_cover_a_voice_that_cancels_itself(music):
    voice = TONE * 0.5
    both = np.array([voice + 0.5 * music * MUSIC, -voice + 0.5 * music * MUSIC])

    mono = mix((both.T * 32767).astype(np.int16)) / 32768

    assert strength(mono, 300) > 0.3 * strength(voice, 300)
    assert strength(mono, 1700) > 0.3 * strength(0.5 * music * MUSIC, 1700)


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize(("place", "count"), [(place, count) for count in (3, 6, 8) for place in range(count)])
def test_a_voice_in_any_single_channel_of_film_sound_keeps_its_level(hear, wav, place, count, rate):
    mono = hear(wav(alone(place, count), rate)).samples(0)

    assert level(mono) == pytest.approx(level(TONE), rel=0.02)


def test_a_voice_in_one_of_eight_channels_is_heard_beside_other_sound_in_all(hear, wav):
    others = [0.5 * np.sin(2 * np.pi * (700 + 200 * number) * TIMES) for number in range(7)]

    mono = hear(wav([*others, TONE])).samples(0)

    assert strength(mono, 300) > 0.08 * strength(TONE, 300)


def test_a_mono_clip_is_left_as_it_is(hear, wav):
    assert hear(wav(TONE)).samples(0) == pytest.approx(TONE, abs=1e-4)


def test_silence_in_all_channels_stays_silence(hear, wav):
    assert not hear(wav([SILENCE, SILENCE])).samples(0).any()


def test_the_loudest_possible_channels_do_not_overflow():
    full = np.full((16_000, 8), 32767, dtype=np.int16)

    assert (mix(full) == 32767).all()
    assert (mix(np.full((16_000, 2), -32768, dtype=np.int16)) == -32768).all()
