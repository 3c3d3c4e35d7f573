import numpy as np
import pytest

from bot.speech.decode import decode
from bot.speech.limits import ClipLimits
from bot.speech.mixdown import to_mono

TONE = 0.5 * np.sin(2 * np.pi * 300 * np.arange(32_000) / 16_000)
SILENCE = np.zeros_like(TONE)


def level(samples):
    return float(np.sqrt(np.square(samples).mean()))


@pytest.mark.parametrize(
    ("left", "right", "kept"),
    [(TONE, TONE, 1.0), (TONE, SILENCE, 0.5), (SILENCE, TONE, 0.5), (TONE, -TONE, 1.0)],
    ids=["both", "left", "right", "cancelling"],
)
def test_a_voice_is_kept_however_it_lies_in_the_channels(wav, left, right, kept):
    mono = to_mono(decode(wav([left, right]), ClipLimits()))

    assert mono.dtype == np.float32
    assert level(mono) == pytest.approx(kept * level(TONE), rel=0.02)


def test_one_cancelled_second_is_heard_inside_a_normal_clip(wav):
    right = np.concatenate([TONE[:16_000], -TONE[16_000:]])

    mono = to_mono(decode(wav([TONE, right]), ClipLimits()))

    assert level(mono[16_000:]) == pytest.approx(level(TONE), rel=0.02)


def test_a_mono_clip_keeps_its_level(wav):
    assert level(to_mono(decode(wav(TONE), ClipLimits()))) == pytest.approx(level(TONE), rel=0.02)
