"""What `/incidents` offers while somebody types; nothing to those who may not use it."""

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.domain import REPORTED, UNCHECKED, Incident, IncidentQuery, Platform
from bot.ui.access import moderates
from bot.ui.words import category_words, found_words, state_words

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_MOST_OFFERED = 25
_MOST_READ = 100
_LONGEST_NAME = 100


async def offer_categories(
    interaction: "discord.Interaction[RefereeBot]", typed: str
) -> list[app_commands.Choice[str]]:
    """Return the categories that contain what was typed."""
    if not _may_see(interaction):
        return []
    names = (*interaction.client.services.communities.basis.labels.names, UNCHECKED, REPORTED)
    wanted = typed.strip().lower()
    found = [name for name in names if wanted in name or wanted in category_words(name)]
    return [app_commands.Choice(name=category_words(name), value=name) for name in found[:_MOST_OFFERED]]


async def offer_waiting(
    interaction: "discord.Interaction[RefereeBot]", typed: int | str
) -> list[app_commands.Choice[int]]:
    """Return the newest incidents of this server that wait, their numbers beginning with what was typed."""
    return _choices(await _newest(interaction, waiting=True), typed)


async def offer_decided(
    interaction: "discord.Interaction[RefereeBot]", typed: int | str
) -> list[app_commands.Choice[int]]:
    """Return the newest incidents of this server that have a verdict."""
    found = await _newest(interaction, waiting=False)
    return _choices([incident for incident in found if not incident.state.waits], typed)


async def _newest(interaction: "discord.Interaction[RefereeBot]", *, waiting: bool) -> list[Incident]:
    if not _may_see(interaction):
        return []
    services, community = interaction.client.services, str(interaction.guild_id)
    query = IncidentQuery(community=community, platform=Platform.DISCORD, waiting=waiting, limit=_MOST_READ)
    return list(await services.stores.incidents.find(query))


def _may_see(interaction: "discord.Interaction[RefereeBot]") -> bool:
    return moderates(interaction.user, interaction.client.services.communities.get(str(interaction.guild_id)))


def _choices(incidents: list[Incident], typed: int | str) -> list[app_commands.Choice[int]]:
    found = [incident for incident in incidents if str(incident.id).startswith(str(typed).strip().lstrip("#"))]
    return [app_commands.Choice(name=_name(incident), value=incident.id) for incident in found[:_MOST_OFFERED]]


def _name(incident: Incident) -> str:
    """Return an incident in few words; what was said is not among them."""
    words = f"#{incident.id}, {incident.at:%d %b %H:%M} UTC: {found_words(incident)}, {state_words(incident)}"
    return words[:_LONGEST_NAME]
