import pytest

from bot.clip_time import clip_time


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0:00"),
        (9.99, "0:09"),
        (42.0, "0:42"),
        (60.0, "1:00"),
        (3599.9, "59:59"),
        (3600.0, "1:00:00"),
        (3727.0, "1:02:07"),
        (36_000.0, "10:00:00"),
        (-0.5, "0:00"),
    ],
)
def test_a_moment_of_a_clip_is_shown_as_a_player_shows_it(seconds: float, shown: str) -> None:
    assert clip_time(seconds) == shown
