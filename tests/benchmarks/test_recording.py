import io
import wave

import av
import numpy as np
import pytest

from benchmarks.voice.recording import (
    RATE,
    Samples,
    from_wav,
    joined,
    level,
    mixed,
    ogg,
    resampled,
    silence,
    speech_level,
)


def tone(seconds: float, loud: float = 0.3, rate: int = RATE) -> Samples:
    return (loud * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def decibels(ratio: float) -> float:
    return float(20 * np.log10(ratio))


@pytest.mark.parametrize("snr", [20, 10, 5, 0])
def test_speech_stands_above_the_noise_by_as_much_as_was_asked(snr: int) -> None:
    speech = np.concatenate([silence(1), tone(2, 0.1), silence(1)])
    noise = np.random.default_rng(1).standard_normal(len(speech)).astype(np.float32)

    added = mixed(speech, noise, snr) - speech

    assert decibels(speech_level(speech) / level(added)) == pytest.approx(snr, abs=0.01)


def test_the_ratio_holds_where_the_mix_is_turned_down() -> None:
    speech, noise = tone(2, 0.9), np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32)

    mix = mixed(speech, noise, 0)
    share = float(np.dot(mix, speech) / np.dot(speech, speech))

    assert np.abs(mix).max() <= 0.951
    assert decibels(share * speech_level(speech) / level(mix - share * speech)) == pytest.approx(0, abs=0.1)


def test_pauses_do_not_make_speech_quieter() -> None:
    assert speech_level(np.concatenate([silence(3), tone(1)])) == pytest.approx(level(tone(1)), rel=0.01)


@pytest.mark.parametrize("quiet", [silence(1), silence(0)])
def test_silence_has_no_level_and_can_be_mixed(quiet: Samples) -> None:
    assert (level(quiet), speech_level(quiet)) == (0, 0)
    assert level(mixed(quiet, tone(1), 5)) == 0
    assert np.array_equal(mixed(tone(1), silence(1), 5), tone(1))


def test_a_clip_is_what_discord_makes_of_a_voice_message() -> None:
    data = ogg(tone(3, 2.0))

    with av.open(io.BytesIO(data)) as file:
        [stream] = file.streams
        found = (file.format.name, stream.codec_context.name, stream.codec_context.sample_rate, stream.layout.name)
        seconds = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert found == ("ogg", "opus", 48_000, "mono")
    assert seconds == pytest.approx(3, abs=0.05)
    assert len(data) * 8 / seconds < 48_000


def test_a_wav_file_is_read_whatever_length_its_header_claims() -> None:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((tone(1, rate=16_000) * 32_767).astype("<i2").tobytes())
    data = bytearray(held.getvalue())
    data[40:44] = (0x7FFFF000).to_bytes(4, "little")

    samples = from_wav(bytes(data))

    assert len(samples) / RATE == pytest.approx(1, abs=0.01)
    assert level(samples) == pytest.approx(level(tone(1)), rel=0.02)


def test_sound_of_another_rate_keeps_its_length() -> None:
    assert len(resampled(tone(2, rate=22_050), 22_050)) / RATE == pytest.approx(2, abs=0.01)


def test_parts_are_joined_with_pauses_and_their_beginnings_told() -> None:
    samples, starts = joined([tone(1), tone(2)], 0.5)

    assert starts == (0, 1.5)
    assert len(samples) / RATE == 4
    assert level(samples[int(1.1 * RATE) : int(1.4 * RATE)]) == 0
