"""What can be read of a message, a thread or a member: every text that others see, and the clips."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import discord

from bot.cogs.watching.component_text import component_texts
from bot.domain import Part, Surface

_MOST_PARTS = 40
_LONGEST_TEXT = 4000
_MOST_OVERFLOW = 4
"""Of the parts, how many may hold what is left when the others are full."""
_MOST_CLIPS = 10
_BETWEEN_WORDS = re.compile(r"[\s._+~-]+")
_ENDING = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,4}$")
"""A longer ending is no file type, but a word that hides behind a dot."""
_CLIP_TYPES = ("audio/", "video/", "application/ogg")
_FILM_NAMES = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v", ".3gp", ".mpeg", ".mpg", ".ogv", ".wmv", ".flv")
_CLIP_NAMES = (
    *(".ogg", ".oga", ".opus", ".mp3", ".m4a", ".wav", ".flac", ".aac", ".wma", ".aiff", ".amr", ".weba"),
    *_FILM_NAMES,
)


@dataclass(frozen=True, slots=True)
class MessageContent:
    """Hold what was typed, what came with it, and what is to be listened to."""

    text: str
    parts: tuple[Part, ...] = ()
    clips: tuple[discord.Attachment, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Tell whether there is nothing to read; there may be something to hear."""
        return not self.text.strip() and not self.parts


def read_message(message: discord.Message) -> MessageContent:
    """Return everything that a message says, what it forwards included."""
    forwarded = message.message_snapshots
    attachments = [*message.attachments, *(each for snapshot in forwarded for each in snapshot.attachments)]
    clips = [attachment for attachment in attachments if is_clip(attachment)]
    return MessageContent(message.content, _bounded(_message_parts(message)), tuple(clips[:_MOST_CLIPS]))


def read_thread(thread: discord.Thread) -> MessageContent:
    """Return a thread's title, and the names of the tags that it was given."""
    return MessageContent(thread.name, _bounded(Part(Surface.TITLE, tag.name) for tag in thread.applied_tags))


def read_member(member: discord.Member) -> MessageContent:
    """Return the names by which a member is seen."""
    guild = member.primary_guild
    names = (member.nick, member.global_name, member.name, guild.tag if guild else None)
    return MessageContent("", _bounded(Part(Surface.NAME, name or "") for name in names))


def is_clip(attachment: discord.Attachment) -> bool:
    """Tell whether something can be heard in an attachment.

    Its type and its name both come from whoever sent it, so that either of them is enough.
    """
    kind = (attachment.content_type or "").strip().lower()
    named = attachment.filename.lower().endswith(_CLIP_NAMES)
    return attachment.is_voice_message() or kind.startswith(_CLIP_TYPES) or named


def is_film(attachment: discord.Attachment) -> bool:
    """Tell whether an attachment calls itself a film, not only a recording."""
    kind = (attachment.content_type or "").strip().lower()
    named = attachment.filename.lower().endswith(_FILM_NAMES)
    return (kind.startswith("video/") or named) and not attachment.is_voice_message()


def _message_parts(message: discord.Message) -> Iterator[Part]:
    yield from _of(Surface.FORWARD, (snapshot.content for snapshot in message.message_snapshots))
    sources: tuple[discord.Message | discord.MessageSnapshot, ...] = (message, *message.message_snapshots)
    for source in sources:
        yield from _of(Surface.EMBED, (text for embed in source.embeds for text in _embed_texts(embed)))
        yield from _of(Surface.ATTACHMENT, (text for each in source.attachments for text in _attachment_texts(each)))
        yield from _of(Surface.STICKER, (sticker.name for sticker in source.stickers))
        yield from _of(Surface.COMPONENT, component_texts(source.components))
    if message.poll is not None:
        yield from _of(Surface.POLL, (message.poll.question, *(answer.text for answer in message.poll.answers)))


def _of(surface: Surface, texts: Iterable[str | None]) -> Iterator[Part]:
    return (Part(surface, text) for text in texts if text)


def _embed_texts(embed: discord.Embed) -> Iterator[str | None]:
    yield embed.title
    yield embed.description
    yield from (f"{field.name or ''} {field.value or ''}" for field in embed.fields)
    yield embed.author.name
    yield embed.footer.text


def _attachment_texts(attachment: discord.Attachment) -> Iterator[str | None]:
    # The title is the name as it was before Discord reduced it to plain letters.
    for name in (_ENDING.sub("", attachment.filename.removeprefix("SPOILER_")), attachment.title or ""):
        yield _BETWEEN_WORDS.sub(" ", name)
    yield attachment.description


def _bounded(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return the parts without blank and repeated ones; what is over the limits is joined and cut."""
    kept = list(dict.fromkeys(Part(part.surface, part.text.strip()) for part in parts if part.text.strip()))
    whole = [part for part in kept if len(part.text) <= _LONGEST_TEXT]
    if len(whole) == len(kept) <= _MOST_PARTS:
        return tuple(kept)
    whole = whole[: _MOST_PARTS - _MOST_OVERFLOW]
    taken = frozenset(whole)
    rest = [part for part in kept if part not in taken]
    joined = "\n".join(part.text for part in rest)
    pieces = [joined[n * _LONGEST_TEXT : (n + 1) * _LONGEST_TEXT] for n in range(_MOST_OVERFLOW)]
    return (*whole, *(Part(rest[0].surface, piece) for piece in pieces if piece.strip()))
