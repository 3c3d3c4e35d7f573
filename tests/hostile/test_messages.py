"""Messages with as much in them as fits, and more: they are read in bounded pieces, and none ends the connection."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app import odd_events
from bot.cogs.watching import watch
from bot.cogs.watching.component_text import component_texts
from bot.cogs.watching.surfaces import MessageContent, read_message
from bot.console.log_format import JsonLines, TextLines
from bot.domain import Surface
from tests.fakes.discord_bench import open_discord
from tests.hostile.attacks import PATHS, texts
from tests.hostile.inert import steering

MOST_PARTS, LONGEST_PART, MOST_CLIPS = 40, 4000, 10
NOW = datetime(2026, 5, 1, tzinfo=UTC).isoformat()
AUTHOR = {"id": "5", "username": "ann", "discriminator": "0", "avatar": None}
clean_texts = texts.map(lambda text: text.encode("utf-8", "replace").decode())


def message_of(**content: Any) -> discord.Message:
    """Return a message as discord.py reads it."""
    state = discord.Client(intents=discord.Intents.none())._connection
    base = {"id": "1", "channel_id": "2", "author": AUTHOR, "timestamp": NOW, "edited_timestamp": None, "type": 0}
    lists = ("attachments", "embeds", "mentions", "mention_roles", "components", "reactions", "sticker_items")
    flags = {"tts": False, "mention_everyone": False, "pinned": False, "flags": 0, "content": ""}
    data: Any = {**base, **{name: [] for name in lists}, **flags, **content}
    return discord.Message(state=state, channel=state._get_or_create_unavailable_guild(3) and _Place(), data=data)


class _Place:
    """Stand where a channel does."""

    id = 2
    guild = None
    type = discord.ChannelType.text

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def file(name: str, description: str = "", kind: str = "audio/ogg") -> dict[str, Any]:
    url = "https://cdn.discordapp.com/x"
    return {
        "id": "5",
        "filename": name,
        "size": 3,
        "url": url,
        "proxy_url": url,
        "content_type": kind,
        "description": description,
    }


def embed(text: str, fields: int = 25) -> dict[str, Any]:
    named = [{"name": text[:256], "value": f"{number} {text}"[:1024]} for number in range(fields)]
    return {"type": "rich", "title": text[:256], "description": text, "fields": named, "footer": {"text": text}}


def bounded(content: MessageContent) -> bool:
    """Tell whether what was read of a message is no more than is judged of one."""
    sizes = [len(part.text) for part in content.parts]
    return len(sizes) <= MOST_PARTS and max(sizes, default=0) <= LONGEST_PART and len(content.clips) <= MOST_CLIPS


@settings(deadline=None, max_examples=60)
@given(clean_texts, st.integers(0, 12), st.integers(0, 120))
def test_many_embeds_with_many_fields_and_a_hundred_files_are_read_in_bounded_pieces(
    text: str, embeds: int, files: int
) -> None:
    message = message_of(
        content=text,
        embeds=[embed(f"{number} {text}") for number in range(embeds)],
        attachments=[file(f"{number}{text}", text) for number in range(files)],
    )

    assert bounded(read_message(message))


def test_what_hides_in_the_last_of_250_fields_is_still_read() -> None:
    last = {
        "type": "rich",
        "fields": [{"name": f"n{n}", "value": f"v{n}"} for n in range(24)] + [{"name": "", "value": "you idiot"}],
    }
    content = read_message(message_of(embeds=[embed("fine", 25) for _ in range(9)] + [last]))

    assert bounded(content)
    assert any("you idiot" in part.text for part in content.parts)


@pytest.mark.parametrize("name", PATHS)
def test_a_file_is_read_by_its_name_whatever_that_is(name: str) -> None:
    content = read_message(message_of(attachments=[file(f"{name}.ogg", name)]))

    assert bounded(content)
    assert len(content.clips) == 1
    assert all(part.surface is Surface.ATTACHMENT for part in content.parts)


class Nested:
    """Stand for a component that holds others without end."""

    content = "a"

    @property
    def children(self) -> list["Nested"]:
        return [Nested(), Nested()]


def test_components_that_nest_without_end_are_left_at_some_point() -> None:
    assert len(list(component_texts([Nested()]))) <= 500


async def test_a_message_whose_components_nest_without_end_does_not_end_the_connection(tmp_path: Path) -> None:
    async with open_discord(tmp_path, odd_events.setup, watch.setup) as bench:
        await bench.set_up()
        deep: dict[str, Any] = {"type": 10, "id": 1, "content": "a"}
        for _ in range(2000):
            deep = {"type": 17, "id": 1, "components": [deep]}
        payload = {
            "id": "99",
            "channel_id": str(bench.lobby.id),
            "guild_id": str(bench.guild.id),
            "author": AUTHOR,
            "content": "a",
            "timestamp": NOW,
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
            "components": [deep],
            "flags": 1 << 15,
        }
        bench.bot._connection.parsers["MESSAGE_CREATE"](payload)
        await bench.ann.send(bench.lobby, "you idiot")
        await bench.env.settle()

        assert [incident.text for incident in await bench.incidents()] == ["you idiot"]


@pytest.mark.parametrize("form", [JsonLines, TextLines])
@settings(deadline=None, max_examples=100)
@given(text=texts)
def test_a_line_of_the_log_is_one_line_whatever_is_in_it(form: type[JsonLines] | type[TextLines], text: str) -> None:
    for name, message in (("bot", "odd: %s"), ("discord.http", "odd: %s"), ("aiohttp", f"odd {text.replace('%', '')}")):
        given = (text,) if "%s" in message else ()
        line = form(str).format(logging.LogRecord(name, logging.INFO, "x.py", 1, message, given, None))

        assert len(line.splitlines()) == 1
        assert steering(line) == []
