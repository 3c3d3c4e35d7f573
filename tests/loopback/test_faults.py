"""What goes wrong on request: refusals, cut answers, bad files and lost connections, met by the real discord.py."""

from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest

from tests.loopback.bots import ProbeBot, running
from tests.loopback.calls import Call
from tests.loopback.world import World

SEND = r"/channels/\d+/messages"


@pytest.fixture
async def bot(discord_world: World) -> AsyncIterator[ProbeBot]:
    async with running(discord_world) as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def channel_of(bot: ProbeBot) -> discord.TextChannel:
    return bot.guilds[0].text_channels[0]


async def test_a_rate_limit_is_waited_out(discord_world: World, bot: ProbeBot) -> None:
    discord_world.fail("POST", SEND, 429)

    await channel_of(bot).send("hello")

    assert len(discord_world.made("POST", SEND)) == 2
    assert [one["content"] for one in discord_world.messages_in("general")] == ["hello"]


@pytest.mark.parametrize(("status", "error"), [(403, discord.Forbidden), (404, discord.NotFound)])
async def test_a_refusal_does_nothing_and_comes_once(
    discord_world: World, bot: ProbeBot, status: int, error: type[discord.HTTPException]
) -> None:
    discord_world.fail("POST", SEND, status)

    with pytest.raises(error):
        await channel_of(bot).send("hello")
    assert discord_world.messages_in("general") == []
    await channel_of(bot).send("again")

    assert len(discord_world.messages_in("general")) == 1


async def test_a_refusal_can_last_for_ever_and_be_cleared(discord_world: World, bot: ProbeBot) -> None:
    discord_world.fail("*", SEND, 403, {"message": "Missing Access", "code": 50001}, times=None)

    for _ in range(2):
        with pytest.raises(discord.Forbidden, match="50001"):
            await channel_of(bot).send("hello")
    discord_world.faults.clear()
    await channel_of(bot).send("hello")

    assert len(discord_world.messages_in("general")) == 1


async def test_a_cut_answer_comes_after_the_deed(discord_world: World, bot: ProbeBot) -> None:
    discord_world.cut("POST", SEND)

    with pytest.raises(aiohttp.ClientPayloadError):
        await channel_of(bot).send("hello")

    assert len(discord_world.messages_in("general")) == 1


async def test_a_message_that_was_sent_twice_is_there_once(discord_world: World, bot: ProbeBot) -> None:
    discord_world.fail("POST", SEND, 502, done=True)

    sent = await channel_of(bot).send("hello")

    assert len(discord_world.made("POST", SEND)) == 2
    assert [one["id"] for one in discord_world.messages_in("general")] == [str(sent.id)]


async def test_a_held_request_is_done_on_release_or_never(discord_world: World, bot: ProbeBot) -> None:
    held = discord_world.hold("POST", SEND)
    await discord_world.say("alice", "ping")
    await held.reached()
    assert len(discord_world.messages_in("general")) == 1
    held.release()
    answered = await discord_world.message("general")

    dropped = discord_world.hold("POST", SEND)
    await discord_world.say("alice", "card")
    await dropped.reached()
    dropped.drop()

    assert answered["content"] == "pong"
    assert len(discord_world.messages_in("general")) == 3


async def test_a_hold_that_nothing_reaches_fails_the_test(discord_world: World) -> None:
    with pytest.raises(AssertionError, match="no request reached"):
        await discord_world.hold("POST", SEND).reached(within=0.01)


async def test_a_slow_answer_comes_late(discord_world: World, session: aiohttp.ClientSession) -> None:
    discord_world.slow("GET", "/attachments/.*", 30)
    attachment = discord_world.upload("clip.ogg", b"12345")

    with pytest.raises(TimeoutError):
        await session.get(attachment["url"], timeout=aiohttp.ClientTimeout(total=0.05))


async def test_files_expire_move_break_and_never_end(discord_world: World, session: aiohttp.ClientSession) -> None:
    names = ("whole", "expired", "forbidden", "moved", "flood", "cut")
    files = {name: discord_world.upload(f"{name}.ogg", b"12345" * 100, "audio/ogg") for name in names}
    discord_world.cdn.expire(files["expired"])
    discord_world.cdn.forbid(files["forbidden"])
    discord_world.cdn.redirect(files["moved"], "http://127.0.0.1:9/elsewhere")
    discord_world.cdn.flood(files["flood"], 300_000)
    discord_world.cut("GET", r"/attachments/.*/cut\.ogg")

    answers = [await session.get(files[name]["url"], allow_redirects=False) for name in names]

    assert [answer.status for answer in answers] == [200, 404, 403, 302, 200, 200]
    assert await answers[0].read() == b"12345" * 100
    assert answers[0].content_type == "audio/ogg"
    assert answers[3].headers["Location"] == "http://127.0.0.1:9/elsewhere"
    assert answers[4].content_length is None
    assert len(await answers[4].read()) == 300_000
    with pytest.raises(aiohttp.ClientPayloadError):
        await answers[5].read()
    assert len(discord_world.made("GET", "/attachments/.*")) == 6


async def test_nothing_is_lost_over_a_reconnect(discord_world: World, bot: ProbeBot) -> None:
    async with discord_world.gateway.outage():
        for text in ("one", "two"):
            await discord_world.say("alice", text)
        assert not bot.heard
    await discord_world.until(lambda: len(bot.heard) == 2)

    assert [one.content for one in bot.heard] == ["one", "two"]
    assert len(discord_world.gateway.identifies) == 1
    assert discord_world.gateway.sessions[0].resumes == 1


async def test_an_invalid_session_that_is_resumable_is_resumed(discord_world: World, bot: ProbeBot) -> None:
    await discord_world.gateway.invalidate(resumable=True)
    await discord_world.until(lambda: discord_world.gateway.sessions[0].resumes == 1)

    assert len(discord_world.gateway.identifies) == 1


async def test_a_lost_session_begins_anew_without_what_was_missed(
    discord_world: World, bot: ProbeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot, "before_identify_hook", _at_once)

    await discord_world.gateway.invalidate(resumable=False)
    await discord_world.say("alice", "while away")
    await discord_world.until(lambda: len(discord_world.gateway.sessions) == 2)
    await discord_world.online()
    await discord_world.say("alice", "here again")
    await discord_world.until(lambda: bot.heard)

    assert [one.content for one in bot.heard] == ["here again"]


async def _at_once(_shard: int | None, *, initial: bool) -> None:
    """Identify without the pause that discord.py makes between two sessions."""


async def test_a_silent_gateway_keeps_events_for_the_resume(discord_world: World, bot: ProbeBot) -> None:
    discord_world.gateway.silent = True
    await discord_world.say("alice", "unheard")
    assert not bot.heard
    discord_world.gateway.silent = False
    await discord_world.gateway.reconnect()
    await discord_world.until(lambda: bot.heard)

    assert bot.heard[0].content == "unheard"


async def test_a_closed_connection_is_opened_again(discord_world: World, bot: ProbeBot) -> None:
    async with discord_world.gateway.outage(4000):
        assert not discord_world.gateway.connected
    await discord_world.online()

    assert len(discord_world.gateway.identifies) == 1


async def test_a_wait_that_ends_in_vain_names_the_calls(discord_world: World) -> None:
    await discord_world.log.record(Call("GET", "/users/@me"))

    with pytest.raises(AssertionError, match=r"(?s)DELETE /nothing did not come within 0.01 s.*GET /users/@me"):
        await discord_world.call("DELETE", "/nothing", within=0.01)
