"""What was read of each message last, so that an event that changes nothing costs nothing."""

import hashlib
from collections import OrderedDict
from dataclasses import replace

from bot.cogs.watching.surfaces import MessageContent

_MOST_CLIPS = 100
"""An edit can bring new clips each time; one that is forgotten and comes back is heard again, and is known then."""


class Revisions:
    """Remember a digest of the last content of so many messages at most, and the last clips that they had."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._known: OrderedDict[str, tuple[bytes, frozenset[int]]] = OrderedDict()

    def news(self, name: str, content: MessageContent) -> MessageContent | None:
        """Note a message's content; return it with the clips that are new, None where it is what it was."""
        clips = frozenset(clip.id for clip in content.clips)
        digest = _digest(content, clips)
        before, heard = self._known.pop(name, (b"", frozenset[int]()))
        self._known[name] = (digest, _newest(heard | clips))
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        if digest == before:
            return None
        return replace(content, clips=tuple(clip for clip in content.clips if clip.id not in heard))

    def forget(self, name: str) -> None:
        """Take the next event about a message for news, whatever it says."""
        self._known.pop(name, None)


def _newest(clips: frozenset[int]) -> frozenset[int]:
    return clips if len(clips) <= _MOST_CLIPS else frozenset(sorted(clips)[-_MOST_CLIPS:])


def _digest(content: MessageContent, clips: frozenset[int]) -> bytes:
    told = repr((content.text, [(part.surface, part.text) for part in content.parts], sorted(clips)))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()
