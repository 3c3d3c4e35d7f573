import pytest

from bot.errors import ClipRejected, SettingsError
from bot.speech.limits import ClipLimits


@pytest.mark.parametrize("name", ["max_bytes", "max_seconds", "wall_seconds", "memory_mb", "max_tracks"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_would_bound_nothing_is_refused(name, value):
    with pytest.raises(SettingsError, match=f"{name} is {value}"):
        ClipLimits(**{name: value})


def test_a_file_of_just_the_allowed_size_is_admitted():
    limits = ClipLimits(max_bytes=2_000_000)

    limits.admit(2_000_000)
    with pytest.raises(ClipRejected, match=r"too large: more than 2\.0 MB"):
        limits.admit(3_000_000)
