"""Where somebody speaks."""

import wave
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.speech.slices import LONGEST_S, Slice, slices
from bot.speech.sound import RATE


@pytest.fixture(scope="module")
def voice(clip_bytes):
    with wave.open(BytesIO(clip_bytes("well_played.wav"))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        return samples if file.getnchannels() == 1 else samples[:: file.getnchannels()]


def found_in(samples) -> list[Slice]:
    return list(slices(lambda start, end: samples[start:end], len(samples)))


def silence(seconds: float):
    return np.zeros(int(seconds * RATE), np.float32)


def test_nobody_speaks_in_silence():
    assert found_in(silence(90)) == []


def test_no_sound_has_no_slices():
    assert found_in(silence(0)) == []


def test_a_sentence_after_minutes_of_silence_is_found_where_it_is(voice):
    [found] = found_in(np.concatenate([silence(150), voice, silence(30)]))

    assert found.stretches[0][0] / RATE == pytest.approx(150, abs=0.6)
    assert found.seconds < len(voice) / RATE + 1


@pytest.mark.parametrize("offset", [58.0, 59.0, 59.5, 119.2])
def test_a_sentence_over_the_end_of_a_block_is_not_cut(voice, offset):
    [found] = found_in(np.concatenate([silence(offset), voice, silence(20)]))

    assert found.stretches[0][0] <= (offset + 0.5) * RATE
    assert found.stretches[-1][1] >= offset * RATE + len(voice) - RATE // 2


def test_much_speech_is_cut_into_slices_that_the_model_has_room_for(voice):
    found = found_in(np.concatenate([voice, silence(0.7)] * 40))

    assert len(found) > 3
    assert all(piece.seconds <= LONGEST_S for piece in found)
    stretches = [each for piece in found for each in piece.stretches]
    assert stretches == sorted(stretches)
    assert sum(end - start for start, end in stretches) > 0.8 * 40 * len(voice)


def test_speech_without_a_pause_is_cut_all_the_same(voice):
    loud = np.abs(voice) > 0.02
    gapless = voice[np.convolve(loud, np.ones(3200), "same") > 0]

    found = found_in(np.tile(gapless, 30))

    assert all(piece.seconds <= LONGEST_S for piece in found)
    assert sum(piece.seconds for piece in found) > 0.8 * 30 * len(gapless) / RATE


@given(
    st.lists(st.tuples(st.integers(1, 50_000), st.integers(1, 50_000)), min_size=1, max_size=6),
    st.floats(0, 1, exclude_max=True),
)
def test_a_moment_of_a_slice_is_found_again_in_the_clip(gaps, share):
    place, stretches = 0, []
    for silent, spoken in gaps:
        stretches.append((place + silent, place + silent + spoken))
        place = stretches[-1][1]
    piece = Slice(tuple(stretches))
    samples = np.arange(place, dtype=np.float64)

    moment = int(share * len(piece.of(lambda start, end: samples[start:end])))

    assert piece.at(moment / RATE) * RATE == pytest.approx(piece.of(lambda start, end: samples[start:end])[moment])
    assert piece.at(1e6) * RATE == pytest.approx(place)


def test_what_begins_in_the_margin_of_a_stretch_begins_with_the_next():
    piece = Slice(((16_000, 48_000), (160_000, 192_000)))

    assert [piece.begins_at(at) for at in (0.0, 1.0, 1.4, 1.6, 2.0, 2.5, 3.9)] == [
        *(1.0, 2.0, 2.4),
        *(10.0, 10.0, 10.5),
        11.9,
    ]
