"""Telling a member something once, also where an earlier process may have told it just before it was killed."""

from dataclasses import dataclass
from datetime import timedelta

import discord

from bot.domain import Incident
from bot.enforce.calls import ERRORS
from bot.enforce.notice import TAKEN_BACK

_LONGEST_NONCE = 25
_MOST_READ = 300
"""Whoever writes more than that into a channel before Referee is back may hide what it said there: it is not known."""

_CLOCKS_DIFFER_BY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Search:
    """Hold what was found of an earlier attempt; where it is not `complete`, there may be one all the same."""

    found: discord.Message | None = None
    complete: bool = True

    @property
    def excludes(self) -> bool:
        """Tell whether it is certain that there was no earlier attempt."""
        return self.complete and self.found is None


def nonce_of(kind: str, incident: Incident) -> str:
    """Return the nonce of what is told of an incident: Discord takes a message with the same one once, for minutes."""
    return f"{kind}{incident.id}:{incident.key.message}"[:_LONGEST_NONCE]


async def told(member: discord.Member, text: str, nonce: str) -> bool:
    """Tell a member by direct message where that is possible; return whether it was."""
    try:
        await member.send(text, nonce=nonce, suppress_embeds=True)
    except ERRORS:
        return False
    return True


async def earlier_directly(member: discord.Member, incident: Incident, *, apology: bool = False) -> Search:
    """Look in the direct messages for what an earlier process told a member of an incident."""
    try:
        return await earlier(await member.create_dm(), member.guild.me.id, incident, apology=apology)
    except ERRORS:
        return Search(complete=False)


async def earlier(place: discord.abc.Messageable, own_id: int, incident: Incident, *, apology: bool = False) -> Search:
    """Look in a channel for what was told of an incident since it was written, or for its apology."""
    since = (incident.created_at or incident.at) - _CLOCKS_DIFFER_BY
    mark, read = f"(Incident {incident.id})", 0
    try:
        async for message in place.history(after=since, limit=_MOST_READ, oldest_first=True):
            read += 1
            ours = message.author.id == own_id and message.content.rstrip().endswith(mark)
            if ours and (TAKEN_BACK in message.content) is apology:
                return Search(message)
    except ERRORS:
        return Search(complete=False)
    return Search(complete=read < _MOST_READ)
