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
_ODD = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What reading a piece of a message raises that a server sent in another form than the library expects."""
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
    """Hold what was typed, what came with it, and what is to be listened to; `unread` where part of it is odd."""

    text: str
    parts: tuple[Part, ...] = ()
    clips: tuple[discord.Attachment, ...] = ()
    unread: bool = False

    @property
    def is_silent(self) -> bool:
        """Tell whether there is nothing to read; there may be something to hear."""
        return not self.text.strip() and not self.parts


def read_message(message: discord.Message) -> MessageContent:
    """Return everything that a message says, what it forwards included."""
    attachments = [each for source in _sources(message) for each in source.attachments]
    found = _Found()
    for attachment in attachments:
        found.add_clip(attachment)
    _find_parts(message, found)
    parts = _bounded(found.parts)
    return MessageContent(message.content or "", parts, tuple(found.clips[:_MOST_CLIPS]), found.unread)


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


class _Found:
    """Gather what can be read, piece by piece; a piece that is not as it should be leaves the others alone."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.clips: list[discord.Attachment] = []
        self.unread = False

    def add(self, surface: Surface, texts: Iterable[str | None]) -> None:
        """Add texts up to the first that cannot be read."""
        try:
            for text in texts:
                if text:
                    self.parts.append(Part(surface, text.strip()))
        except _ODD:
            self.unread = True

    def add_clip(self, attachment: discord.Attachment) -> None:
        """Add an attachment if something can be heard in it."""
        try:
            if is_clip(attachment):
                self.clips.append(attachment)
        except _ODD:
            self.unread = True


def _sources(message: discord.Message) -> tuple[discord.Message | discord.MessageSnapshot, ...]:
    return (message, *message.message_snapshots)


def _find_parts(message: discord.Message, found: _Found) -> None:
    found.add(Surface.FORWARD, (snapshot.content for snapshot in message.message_snapshots))
    for source in _sources(message):
        for embed in source.embeds:
            for texts in _EMBED_TEXTS:
                found.add(Surface.EMBED, texts(embed))
        for attachment in source.attachments:
            found.add(Surface.ATTACHMENT, _attachment_texts(attachment))
        found.add(Surface.STICKER, (sticker.name for sticker in source.stickers))
        found.add(Surface.COMPONENT, component_texts(source.components))
    if message.poll is not None:
        found.add(Surface.POLL, _poll_texts(message.poll))


def _poll_texts(poll: discord.Poll) -> Iterator[str | None]:
    yield poll.question
    yield from (answer.text for answer in poll.answers)


def _embed_head(embed: discord.Embed) -> Iterator[str | None]:
    yield embed.title
    yield embed.description


def _embed_fields(embed: discord.Embed) -> Iterator[str | None]:
    yield from (f"{field.name or ''} {field.value or ''}" for field in embed.fields)


def _embed_author(embed: discord.Embed) -> Iterator[str | None]:
    yield embed.author.name


def _embed_footer(embed: discord.Embed) -> Iterator[str | None]:
    yield embed.footer.text


_EMBED_TEXTS = (_embed_head, _embed_fields, _embed_author, _embed_footer)


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
