from bot.cogs.watching.shedding import Shedding


class SetClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def told(shedding: Shedding) -> list[tuple[str, str]]:
    return [(news.server, news.text.split()[0]) for news in shedding.news()]


def test_a_beginning_is_told_once_and_so_is_the_end_with_how_many_there_were():
    clock = SetClock()
    shedding = Shedding(clock)
    for _ in range(500):
        shedding.note("1")
    assert told(shedding) == [("1", "More")]
    shedding.note("1")
    assert told(shedding) == []
    clock.now += 29
    assert told(shedding) == []
    clock.now += 2
    [over] = shedding.news()

    assert (over.server, "judged in time again" in over.text, "501" in over.text) == ("1", True, True)
    assert dict(shedding.spells) == {}


def test_what_begins_again_soon_is_not_told_again():
    clock = SetClock()
    shedding = Shedding(clock)
    news = 0
    for _ in range(20):
        shedding.note("1")
        news += len(shedding.news())
        clock.now += 40
        news += len(shedding.news())

    assert news == 2 * 2


def test_servers_are_told_of_their_own_messages_alone():
    shedding = Shedding(SetClock())
    shedding.note("1")
    assert told(shedding) == [("1", "More")]
    shedding.note("2")
    assert told(shedding) == [("2", "More")]
