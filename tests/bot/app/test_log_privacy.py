"""Nothing that anybody wrote and no secret is in what the bot prints, at DEBUG, with everything going wrong."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot.app.compose import compose
from bot.assembly import Parts, SystemClock, load_policy, open_all_stores
from bot.settings import Settings
from tests.bot.app import faulty
from tests.bot.app.played import CLIPS, RUDE, START_S, Played
from tests.fakes.discord_bench import shipped
from tests.fakes.scorer import ScriptedScorer
from tests.loopback.process import RefereeProcess
from tests.loopback.world import World

WORDS = ("zanzibar", "quixotic", "marzipan", "xylophone", "flibbert")
SAID = "you worthless idiot zanzibar"
BEGIN = "import sys; sys.argv[1:] = ['run']; from tests.bot.app import faulty; faulty.main()"


@asynccontextmanager
async def broken(world: World, folder: Path, key: str, **settings: str) -> AsyncIterator[Played]:
    """Run the bot with faults in it, logging as much as it can."""
    given: dict[str, str | None] = {
        "REFEREE_LOG_LEVEL": "DEBUG",
        "REFEREE_CONTENT_KEYS": key,
        "REFEREE_THREADS": "1",
        **{f"REFEREE_{name.upper()}": value for name, value in settings.items()},
    }
    async with RefereeProcess(world, folder, arguments=("-c", BEGIN), settings=given) as referee:
        played = Played(world, referee, folder)
        await played.ready()
        yield played


async def everything_goes_wrong(played: Played) -> None:
    world = played.world
    await played.set_up("standard")
    echo = {
        "message": f"Invalid Form Body {SAID}",
        "code": 50035,
        "errors": {"content": {"_errors": [{"message": SAID}]}},
    }
    for status in (400, 500, 403):
        world.fail("POST", r"/channels/\d+/messages", status, echo, times=2)
    world.fail("PATCH", r"/guilds/\d+/members/\d+", 400, echo, times=1)
    first = await world.say("bob", SAID)
    await world.voice_message("bob", (CLIPS / "worthless.ogg").read_bytes())
    await world.slash("mod", "toxcheck", text="idiot marzipan")
    await played.kept(lambda: played.rows("id"), "an incident")
    await world.edit(first, "shut up you idiot quixotic")
    await world.say("bob", f"{faulty.MARK} xylophone {world.token}")
    await played.referee.printed("ValueError", START_S)
    with sqlite3.connect(played.folder / "referee.db", timeout=30) as other:
        other.execute("ALTER TABLE incidents RENAME TO elsewhere")
    other.close()
    await world.say("alice", "you stupid idiot flibbert")
    await played.referee.printed("cannot be used", START_S)
    await world.gateway.close(4000)
    await world.online(START_S)


@pytest.mark.parametrize("form", ["text", "json"])
async def test_nothing_that_was_said_and_no_secret_is_printed_whatever_happens(
    discord_world: World, tmp_path: Path, form: str
) -> None:
    key = Fernet.generate_key().decode()
    async with broken(discord_world, tmp_path, key, log_format=form) as played:
        await everything_goes_wrong(played)
        await played.referee.stop()
        out, err = played.referee.stdout, played.referee.stderr

    lines = err.splitlines()
    assert len(lines) > 10
    for hidden in (*WORDS, "worthless", discord_world.token, key, "bobby"):
        assert hidden not in out + err, hidden
    if form == "json":
        each_is_an_object_of_its_own(lines)


def each_is_an_object_of_its_own(lines: list[str]) -> None:
    rows = [json.loads(line) for line in lines if not line.startswith("referee: ")]
    assert len(rows) >= len(lines) - 5
    assert all({"time", "level", "logger", "message"} <= set(row) for row in rows)
    assert all(row["time"].endswith("+00:00") for row in rows)
    failed = next(row for row in rows if row.get("error") == "ValueError" and row["logger"] == "discord.client")
    assert failed["message"] == "Ignoring exception in on_message"
    assert any(place.startswith("tests/bot/app/faulty.py:") for place in failed["traceback"])
    handled: dict[str, Any] = next(row for row in rows if row["logger"] == "bot.faulty" and "message_id" in row)
    assert handled["error"] == "OSError"
    assert handled["error_text"] == "input or output"
    assert "because of KeyError:" in handled["traceback"]


async def test_one_incident_can_be_followed_through_the_log(discord_world: World, tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    async with broken(discord_world, tmp_path, key, log_format="json", log_level="INFO") as played:
        await played.set_up("standard")
        await (await discord_world.slash("admin", "policy set", category="insult", ladder="timeout:10m")).final()
        said = await discord_world.say("bob", RUDE)
        await played.kept(lambda: [row for row in played.rows("outcome") if row[0] == "done"], "an action")
        await played.referee.printed("was handed to its card", START_S)
        await played.referee.stop()

    rows = [json.loads(line) for line in played.referee.stderr.splitlines()]
    steps = [row for row in rows if row.get("incident") == "1" and row["logger"] == "bot.metered"]
    assert [row["message"].split(": ")[-1] for row in steps[:2]] == ["timeout (insult)", "timeout is done"]
    assert steps[-1]["message"] == "incident 1 was handed to its card"
    for row in steps:
        assert row["message_id"] == said["id"]
        assert row["community"] == played.community
        assert row["channel"] == said["channel_id"]


async def test_no_secret_is_in_what_the_parts_of_a_bot_show_of_themselves(tmp_path: Path) -> None:
    token, key, password = "MTIzNDU2.Gabcde.secret-signature", Fernet.generate_key().decode(), "correct-horse"
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        discord_token=SecretStr(token),
        content_keys=SecretStr(key),
        database_url=f"sqlite+aiosqlite:///{tmp_path / 'referee.db'}",
    )
    elsewhere = settings.model_copy(update={"database_url": f"postgresql+asyncpg://me:{password}@host/name"})
    async with open_all_stores(settings) as stores:
        classifier = shipped()
        parts = Parts(classifier, load_policy(settings, classifier), stores, ScriptedScorer({}), None)
        bot = await compose(elsewhere, parts, SystemClock(), [])
        try:
            services = bot.services
            shown = [repr(each) for each in (settings, elsewhere, bot, services, parts, stores, bot.http, bot.enforcer)]
            shown += [repr(getattr(services, name)) for name in services.__dataclass_fields__]
            shown += [repr(vars(each)) for each in (stores.incidents, stores.communities, stores.cards)]
        finally:
            await bot.services.fetcher.close()

    for secret in (token, key, password):
        assert not any(secret in each for each in shown)
