import numpy as np
import pytest

from benchmarks.voice.noise import game_noises
from benchmarks.voice.recording import RATE, level
from benchmarks.voice.wordless import LEVELS_DB, at_level, wordless_clips

TALK = [np.sin(np.arange(RATE * 2) / 40).astype(np.float32), np.sin(np.arange(RATE) / 9).astype(np.float32)]
KINDS = sorted(game_noises(TALK))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_noise_and_another_seed_another(kind: str) -> None:
    make = game_noises(TALK)[kind]
    one, again, other = (make(np.random.default_rng(seed), 3.3) for seed in (1, 1, 2))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [4_800, 120_480, 129_601])
def test_noise_is_as_long_as_asked_to_the_sample_and_can_be_heard(kind: str, count: int) -> None:
    made = game_noises(TALK)[kind](np.random.default_rng(3), count / RATE)

    assert (len(made), made.dtype) == (count, np.float32)
    assert np.isfinite(made).all()
    assert count < RATE or level(made) > 0


def test_wordless_clips_are_of_many_kinds_lengths_and_levels_and_the_same_every_time() -> None:
    clips, again = list(wordless_clips(22)), list(wordless_clips(22))

    assert len({clip.kind for clip in clips}) == 11
    assert len({len(clip.samples) for clip in clips}) == 4
    assert {round(20 * np.log10(level(clip.samples))) for clip in clips if clip.kind == "tone"} <= set(LEVELS_DB)
    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(clips, again, strict=True))
    assert all(np.isfinite(clip.samples).all() for clip in clips)


def test_a_silent_clip_stays_silent_at_any_level() -> None:
    assert level(at_level(np.zeros(100, np.float32), -12)) == 0
