"""Every text of a message, a thread or a member is read; each kind on its own is enough to be flagged."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.components import _component_factory
from simcord.backend.models import MessageSticker, Poll, PollAnswer

from bot.cogs.watching import watch
from bot.cogs.watching.component_text import component_texts
from bot.cogs.watching.surfaces import MessageContent, is_clip, read_message
from bot.domain import Part, Surface
from tests.fakes.discord_bench import DiscordBench, open_discord

IN_A_DAY = (datetime.now(UTC) + timedelta(days=1)).isoformat()
NONE = discord.Intents.none()
V2 = {"flags": 1 << 15}


def attached(name: str, **rest: Any) -> dict[str, Any]:
    url = f"https://cdn.simcord.invalid/{name}"
    file = {"id": "5", "filename": name, "size": 3, "url": url, "proxy_url": url, **rest}
    return {"attachments": [file]}


def embed(**fields: Any) -> dict[str, Any]:
    return {"embeds": [{"type": "rich", **fields}]}


def text(content: str) -> dict[str, Any]:
    return {"type": 10, "content": content}


def option(**fields: str) -> dict[str, Any]:
    return {"value": "1", "label": "one", **fields}


def row(*components: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(components)}


def button(label: str) -> dict[str, Any]:
    return {"type": 2, "style": 2, "custom_id": "b", "label": label}


def select(**fields: Any) -> dict[str, Any]:
    return {"type": 3, "custom_id": "s", "options": [option()], **fields}


def poll(question: str, *answers: str) -> dict[str, Any]:
    return {"poll": Poll(question, [PollAnswer(n, answer) for n, answer in enumerate(answers, 1)], IN_A_DAY)}


GALLERY = {"type": 12, "items": [{"media": {"url": "https://example.org/a.png"}, "description": "you idiot"}]}
SECTION = {"type": 9, "components": [text("fine")], "accessory": button("you idiot")}

CASES: dict[str, tuple[Surface, dict[str, Any]]] = {
    "embed title": (Surface.EMBED, embed(title="you idiot")),
    "embed description": (Surface.EMBED, embed(description="you idiot")),
    "embed field": (Surface.EMBED, embed(fields=[{"name": "you", "value": "idiot"}])),
    "embed author": (Surface.EMBED, embed(author={"name": "you idiot"})),
    "embed footer": (Surface.EMBED, embed(footer={"text": "you idiot"})),
    "poll question": (Surface.POLL, poll("you idiot", "yes", "no")),
    "poll answer": (Surface.POLL, poll("who?", "ben", "you idiot")),
    "file name": (Surface.ATTACHMENT, attached("you_idiot.png")),
    "hidden file name": (Surface.ATTACHMENT, attached("SPOILER_you-idiot.png")),
    "file name that ends in the word": (Surface.ATTACHMENT, attached("you.idiot")),
    "file name without a stem": (Surface.ATTACHMENT, attached(".idiot")),
    "file title": (Surface.ATTACHMENT, attached("a.png", title="you idiot")),
    "alt text": (Surface.ATTACHMENT, attached("a.png", description="you idiot")),
    "sticker": (Surface.STICKER, {"stickers": [MessageSticker(7, "you idiot", 1, 1)]}),
    "button": (Surface.COMPONENT, {"content": "hi", "components": [row(button("you idiot"))]}),
    "placeholder": (Surface.COMPONENT, {"content": "hi", "components": [row(select(placeholder="you idiot"))]}),
    "option": (Surface.COMPONENT, {"content": "hi", "components": [row(select(options=[option(label="you idiot")]))]}),
    "option's note": (
        Surface.COMPONENT,
        {"content": "hi", "components": [row(select(options=[option(description="you idiot")]))]},
    ),
    "text display": (Surface.COMPONENT, {"components": [text("you idiot")], **V2}),
    "container": (Surface.COMPONENT, {"components": [{"type": 17, "components": [text("you idiot")]}], **V2}),
    "section": (Surface.COMPONENT, {"components": [SECTION], **V2}),
    "gallery": (Surface.COMPONENT, {"components": [GALLERY], **V2}),
}


async def post(bench: DiscordBench, content: str = "", **rest: Any) -> Any:
    """Post a message with whatever a user, an app or a link's preview may put into one."""
    message = bench.env.backend.create_message(bench.lobby.id, bench.ann.id, content, **rest)
    await bench.env.settle()
    return message


FORWARDS: dict[Surface, dict[str, Any]] = {
    Surface.FORWARD: {"content": "you idiot"},
    Surface.EMBED: embed(title="you idiot"),
    Surface.ATTACHMENT: attached("you_idiot.png"),
    Surface.STICKER: {"stickers": [MessageSticker(7, "you idiot", 1, 1)]},
    Surface.COMPONENT: {"components": [text("you idiot")], **V2},
}


async def test_an_insult_is_flagged_wherever_in_a_message_it_stands(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        posted = {str((await post(bench, **fields)).id): (case, surface) for case, (surface, fields) in CASES.items()}
        incidents = await bench.incidents()

    assert [(posted[each.key.message][0], each.surface) for each in incidents] == list(posted.values())
    assert {each.author for each in incidents} == {str(bench.ann.id)}
    assert {each.text for each in incidents} == {"you idiot", "idiot"}


async def test_what_is_forwarded_is_judged_as_the_forwarders(tmp_path: Path):
    async with open_discord(tmp_path, watch.setup) as bench:
        for fields in FORWARDS.values():
            await post(bench, **fields)
        for message in bench.lobby.history():
            await bench.ben.forward(message, bench.review)
        found = [each.surface for each in await bench.incidents() if each.author == str(bench.ben.id)]

    assert found == list(FORWARDS)


class Snapshots:
    """Collect the messages that the library makes of what Discord sends."""

    def __init__(self, bench: DiscordBench) -> None:
        self.read: list[MessageContent] = []
        bench.bot.add_listener(self.on_message)

    async def on_message(self, message: discord.Message) -> None:
        self.read.append(read_message(message))


async def contents(folder: Path, *messages: dict[str, Any]) -> list[MessageContent]:
    async with open_discord(folder) as bench:
        seen = Snapshots(bench)
        for fields in messages:
            await post(bench, **fields)
        return seen.read


async def test_links_and_repeated_or_blank_texts_are_no_parts_of_a_message(tmp_path: Path):
    link = embed(title="hello", description="hello", url="https://example.org", fields=[{"name": " ", "value": " "}])

    assert await contents(tmp_path, link) == [MessageContent("", (Part(Surface.EMBED, "hello"),))]


async def test_however_much_comes_with_a_message_the_parts_are_bounded_and_the_end_is_still_read(tmp_path: Path):
    fields = [{"name": f"n{n}", "value": "v"} for n in range(25)]
    embeds = [{"type": "rich", "title": f"t{n}", "fields": [{**f, "value": f"v{n}"} for f in fields]} for n in range(9)]
    embeds.append({"type": "rich", "description": "x" * 4050 + " the end"})

    [content] = await contents(tmp_path, {"embeds": embeds})

    assert len(content.parts) <= 40
    assert max(len(part.text) for part in content.parts) <= 4000
    assert content.parts[-1].text.endswith("the end")


@pytest.mark.parametrize(
    ("name", "rest", "expected"),
    [
        ("voice-message.ogg", {"content_type": "audio/ogg", "duration_secs": 1.0, "waveform": "AA=="}, True),
        ("no ending", {"content_type": "audio/mpeg"}, True),
        ("match.bin", {"content_type": "video/mp4; codecs=avc1"}, True),
        ("song.MP3", {"content_type": None}, True),
        ("song.mp3", {"content_type": "image/png"}, True),
        ("no ending", {"content_type": "text/plain", "duration_secs": 1.0, "waveform": "AA=="}, True),
        ("picture.png", {"content_type": "image/png"}, False),
        ("no ending", {"content_type": None}, False),
    ],
)
def test_what_can_be_heard_is_told_by_its_kind_or_by_its_name(name: str, rest: dict[str, Any], expected: bool):
    [file] = attached(name, **rest)["attachments"]

    assert is_clip(discord.Attachment(data=file, state=discord.Client(intents=NONE)._connection)) is expected


async def test_at_most_ten_clips_of_a_message_are_listened_to(tmp_path: Path):
    files = [attached(f"{n}.ogg")["attachments"][0] for n in range(12)]

    [content] = await contents(tmp_path, {"attachments": files})

    assert [clip.filename for clip in content.clips] == [f"{n}.ogg" for n in range(10)]


def test_a_component_of_a_kind_that_is_not_known_yet_breaks_nothing() -> None:
    class Novelty:
        label = "you idiot"
        children = (None, 5)

    known = _component_factory({"type": 17, "components": [text("fine"), {"type": 999, "whatever": 1}]})  # type: ignore[arg-type,typeddict-item]

    assert list(component_texts([known, None, Novelty()])) == ["fine", "you idiot"]


def test_components_that_contain_themselves_are_left_at_some_point() -> None:
    class Endless:
        label = "again"

        @property
        def children(self) -> list["Endless"]:
            return [self, self]

    assert len(list(component_texts([Endless()]))) < 1000
