"""What was not kept is tried again, in turn and within bounds."""

from functools import partial

import pytest

from bot.cogs.watching.again import Again


async def attempt(tried: list[str], name: str, result: bool) -> bool:
    tried.append(name)
    return result


async def test_what_succeeds_is_not_tried_again():
    again, tried = Again(), list[str]()
    for name in ("one", "two"):
        again.add(name, partial(attempt, tried, name, True))
    await again.try_all()
    await again.try_all()

    assert tried == ["one", "two"]


async def test_a_round_ends_at_the_first_failure_which_goes_behind_the_others():
    again, tried = Again(), list[str]()
    for name in ("bad", "good"):
        again.add(name, partial(attempt, tried, name, name == "good"))
    await again.try_all()
    assert tried == ["bad"]

    await again.try_all()
    assert tried == ["bad", "good", "bad"]


async def test_one_that_breaks_is_logged_and_the_others_have_their_turn(caplog: pytest.LogCaptureFixture):
    again, tried = Again(), list[str]()

    async def broken() -> bool:
        raise KeyError("nobody expected this")

    again.add("message 1", broken)
    again.add("message 2", partial(attempt, tried, "message 2", True))
    await again.try_all()
    await again.try_all()

    assert tried == ["message 2"]
    assert [record.getMessage() for record in caplog.records] == ["message 1 is not tried again before the next start"]


async def test_beyond_the_limit_the_oldest_is_dropped_and_logged(caplog: pytest.LogCaptureFixture):
    again, tried = Again(most=1), list[str]()
    for name in ("one", "two"):
        again.add(name, partial(attempt, tried, name, True))
    await again.try_all()

    assert tried == ["two"]
    assert "one is not tried again before the next start" in caplog.text
