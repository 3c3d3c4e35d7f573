"""Ids of log records, so that one incident can be followed through the log.

    _log.info("incident %d was shown", incident.id, extra=ids_of(incident.key, incident=incident.id))

What a record says of itself needs no `extra`: of "incident %d was shown" the id is found by its word.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Protocol

IDS = "referee_ids"
"""The attribute of a record that holds them."""

_FIELDS = {
    "incident": "incident",
    "card": "card",
    "message": "message_id",
    "channel": "channel",
    "thread": "channel",
    "community": "community",
    "server": "community",
}
_PLACES = re.compile(rf"(?:\b({'|'.join(_FIELDS)}) )?%(?:%|[-#0 +]*\d*(?:\.\d+)?([a-zA-Z]))")
_IS_ID = re.compile(r"[\w:.-]{1,80}")


class Key(Protocol):
    """Name what an excerpt or an incident is about, as `bot.domain.SourceKey` does."""

    @property
    def community(self) -> str:
        """Return the community."""

    @property
    def channel(self) -> str:
        """Return the channel."""

    @property
    def message(self) -> str:
        """Return the message."""


def ids(
    *,
    community: object = None,
    channel: object = None,
    message: object = None,
    incident: object = None,
    card: object = None,
) -> dict[str, Mapping[str, str]]:
    """Return the `extra` of a log record: these ids, without those that are None."""
    given = {"community": community, "channel": channel, "message_id": message, "incident": incident, "card": card}
    return {IDS: {name: str(value) for name, value in given.items() if value is not None}}


def ids_of(key: Key, *, incident: int | None = None, card: int | None = None) -> dict[str, Mapping[str, str]]:
    """Return the `extra` of a log record about what a key names."""
    return ids(community=key.community, channel=key.channel, message=key.message, incident=incident, card=card)


def found_in(template: object, arguments: object) -> dict[str, str]:
    """Return the ids that a record names in words, as in `incident %d`; what does not look like an id is left."""
    if not isinstance(template, str) or not isinstance(arguments, tuple):
        return {}
    named = zip(_words(template), arguments, strict=False)
    return {
        _FIELDS[word]: str(value)
        for word, value in named
        if word and isinstance(value, str | int) and _IS_ID.fullmatch(str(value))
    }


def _words(template: str) -> Iterator[str]:
    """Yield the word before each place of a template that takes an argument."""
    for place in _PLACES.finditer(template):
        if place.group(2):
            yield place.group(1) or ""
