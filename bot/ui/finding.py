"""A card's message that an earlier process sent just before it was killed, found again by its buttons."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import discord

_MOST_READ = 300
_CLOCKS_DIFFER_BY = timedelta(minutes=2)


async def card_message(
    place: discord.PartialMessageable, own_id: int, card_id: int, since: datetime
) -> discord.Message | None:
    """Return the message of ours that shows a card made at that time, None where there is none.

    Raise one of `bot.enforce.calls.ERRORS` where the channel cannot be read.
    """
    # The oldest first: a card is sent soon after it was made, however much was written since.
    async for message in place.history(after=since - _CLOCKS_DIFFER_BY, limit=_MOST_READ, oldest_first=True):
        if message.author.id == own_id and any(_is_of(name, card_id) for name in _names(message.components)):
            return message
    return None


def _is_of(custom_id: str, card_id: int) -> bool:
    head, _, rest = custom_id.partition("referee:card:")
    return not head and rest.rpartition(":")[2] == str(card_id)


def _names(components: Iterable[object]) -> Iterator[str]:
    """Yield the ids of components, nested ones included."""
    for component in components:
        name = getattr(component, "custom_id", None)
        if isinstance(name, str):
            yield name
        yield from _names(getattr(component, "children", ()))
