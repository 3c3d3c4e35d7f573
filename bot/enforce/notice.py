"""What members are told: what happened, why, and whom to ask."""

from datetime import timedelta

import discord

from bot.domain import REPORTED, UNCHECKED, Action, Incident, Surface
from bot.enforce.target import Kind, Target
from bot.ui.quote import escaped
from classifier import LabelSet

_APPEAL = "If you think that this is a mistake, talk to the moderators of the server"
SEEN_S = 30.0
"""How long a warning stands in the channel: long enough to be read by whoever just wrote there."""

TAKEN_BACK = "a moderator took it back, and it does not count against you"
"""What an apology says, and nothing else that members are told."""

_SUBJECTS = {Surface.NAME: "your name", Surface.TITLE: "a title of yours", Surface.CLIP: "a voice message of yours"}
_UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


def spelled(length: timedelta) -> str:
    """Return a length of time in the largest unit that divides it, such as "10 minutes"; seconds are left out."""
    minutes = timedelta(minutes=max(1, round(length / timedelta(minutes=1))))
    unit, size = next((unit, size) for unit, size in _UNITS if not minutes % size)
    return f"{minutes // size} {unit}{'s' if minutes // size > 1 else ''}"


class Notices:
    """Write to members."""

    def __init__(self, labels: LabelSet) -> None:
        self._labels = labels

    def warning(self, target: Target, incident: Incident) -> str:
        """Return the warning that a member gets by direct message."""
        link = ""
        if target.kind is Kind.MESSAGE and target.channel is not None:
            link = f" https://discord.com/channels/{target.guild.id}/{target.channel.id}/{target.message}"
        what = f"In **{escaped(target.guild.name, 100)}**, {_subject(incident)} was flagged{self._why(incident)}.{link}"
        return f"{what}\nPlease keep to the rules of the server. {_appeal(incident)}"

    def public_warning(self, target: Target, incident: Incident) -> str:
        """Return the warning that is shown in the channel, without what was said."""
        subject = _subject(incident)
        return f"<@{target.author}>, {subject} was flagged{self._why(incident)}. {_appeal(incident)}"

    def punishment(self, target: Target, incident: Incident, action: Action, length: timedelta | None) -> str:
        """Return what a member is told of a timeout, a kick or a ban."""
        server = f"**{escaped(target.guild.name, 100)}**"
        done = {
            Action.TIMEOUT: f"You are timed out in {server} for {spelled(length or timedelta())}",
            Action.KICK: f"You are being removed from {server}",
            Action.BAN: f"You are being banned from {server}",
        }
        return f"{done[action]}: {_subject(incident)} was flagged{self._why(incident)}.\n{_appeal(incident)}"

    def apology(self, guild: discord.Guild, incident: Incident) -> str:
        """Return what a member is told of a false alarm."""
        what = f"In **{escaped(guild.name, 100)}**, {_subject(incident)} was flagged by mistake"
        return f"{what}: {TAKEN_BACK}. (Incident {incident.id})"

    def _why(self, incident: Incident) -> str:
        name = incident.category
        if name in (UNCHECKED, REPORTED, ""):
            return ""
        known = name in self._labels.names
        meaning = f" ({self._labels[name].description.rstrip('.').lower()})" if known else ""
        return f" as {escaped(name.replace('_', ' '), 60)}{meaning}"


async def told_in_channel(target: Target, text: str, nonce: str) -> None:
    """Tell a member where everybody reads it, for a short while; raise one of ERRORS."""
    if isinstance(target.channel, discord.abc.Messageable):
        only_them = discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(target.author)])
        await target.channel.send(text, nonce=nonce, allowed_mentions=only_them, delete_after=SEEN_S)


def _subject(incident: Incident) -> str:
    return _SUBJECTS.get(incident.surface, "a message of yours")


def _appeal(incident: Incident) -> str:
    return f"{_APPEAL}. (Incident {incident.id})"
