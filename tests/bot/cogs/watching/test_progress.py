"""How far a channel has been read, whatever is still being handled."""

import asyncio

import pytest

from bot.cogs.watching.progress import Progress


def marks(progress: Progress) -> dict[str, str]:
    return dict(progress.marks().get("arena", {}))


@pytest.fixture
def progress() -> Progress:
    progress = Progress()
    progress.release()
    return progress


def test_a_mark_stays_below_what_is_still_being_handled(progress: Progress) -> None:
    for message in (10, 11, 12):
        progress.begin("arena", "lobby", message)
    progress.end("arena", "lobby", 12)
    assert marks(progress) == {"lobby": "9"}

    progress.end("arena", "lobby", 10)
    assert marks(progress) == {"lobby": "10"}

    progress.end("arena", "lobby", 11)
    assert marks(progress) == {"lobby": "12"}


def test_a_message_that_arrives_out_of_order_takes_the_mark_back_until_it_is_handled(progress: Progress) -> None:
    with progress.handling("arena", "lobby", 20):
        pass
    with progress.handling("arena", "lobby", 15):
        assert marks(progress) == {"lobby": "14"}
    assert marks(progress) == {"lobby": "20"}


def test_a_message_whose_handling_is_cancelled_is_not_passed(progress: Progress) -> None:
    with pytest.raises(asyncio.CancelledError), progress.handling("arena", "lobby", 10):
        raise asyncio.CancelledError
    with progress.handling("arena", "lobby", 11):
        pass

    assert marks(progress) == {"lobby": "9"}


def test_a_message_whose_handling_fails_is_passed(progress: Progress) -> None:
    with pytest.raises(ZeroDivisionError), progress.handling("arena", "lobby", 10):
        raise ZeroDivisionError

    assert marks(progress) == {"lobby": "10"}


def test_channels_and_servers_are_apart(progress: Progress) -> None:
    progress.begin("arena", "lobby", 10)
    for community, channel in (("arena", "den"), ("other", "lobby")):
        with progress.handling(community, channel, 11):
            pass

    assert progress.marks() == {"arena": {"den": "11"}, "other": {"lobby": "11"}}


def test_nothing_is_handed_out_while_it_is_not_known_what_was_missed(progress: Progress) -> None:
    with progress.handling("arena", "lobby", 10):
        pass
    progress.hold()
    assert marks(progress) == {}

    progress.release()
    assert marks(progress) == {"lobby": "10"}


def test_what_is_written_down_is_let_go_of_and_what_moved_since_is_not(progress: Progress) -> None:
    for channel in ("lobby", "den", "hall"):
        with progress.handling("arena", channel, 10):
            pass
    taken = marks(progress)
    with progress.handling("arena", "den", 11):
        pass
    progress.forget("arena", "hall")
    progress.written("arena", taken)

    assert marks(progress) == {"den": "11"}


def test_a_message_that_is_not_done_keeps_the_mark_below_it(progress: Progress) -> None:
    with progress.handling("arena", "lobby", 10) as handling:
        handling.is_done = False
    with progress.handling("arena", "lobby", 11):
        pass
    assert marks(progress) == {"lobby": "9"}

    with progress.handling("arena", "lobby", 10):
        pass
    assert marks(progress) == {"lobby": "11"}


def test_a_server_can_be_held_alone(progress: Progress) -> None:
    for community in ("arena", "den"):
        with progress.handling(community, "lobby", 10):
            pass
    progress.hold_one("arena")
    progress.release()
    assert dict(progress.marks()) == {"den": {"lobby": "10"}}

    progress.release_one("arena")
    assert marks(progress) == {"lobby": "10"}


def test_a_message_that_arrives_while_it_is_read_from_the_past_is_not_passed_before_both_are_done(progress: Progress):
    with progress.handling("arena", "lobby", 10):
        with progress.handling("arena", "lobby", 10):
            pass
        assert marks(progress) == {"lobby": "9"}
    assert marks(progress) == {"lobby": "10"}
