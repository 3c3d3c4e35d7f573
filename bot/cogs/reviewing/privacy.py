"""`/privacy`: what is stored, what of it is about me, and how it is erased. For everybody."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.app.tree import line_of, tell
from bot.cogs.admission import Admitted, is_asker
from bot.cogs.listing import listed
from bot.cogs.reviewing.incident_pages import newest
from bot.community import Card
from bot.domain import Incident, IncidentQuery, Outcome, Platform
from bot.settings import Settings
from bot.ui.words import action_words, found_words, state_words

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_MOST_LINES, _MOST_BYTES = 5000, 7_000_000
_CONFIRM_S = 300.0
_ONLY_SERVERS = "This works only in a server that Referee was invited to."
_NOTHING = "Nothing about you is stored in this server."
_STAYS = "Messages that Discord still shows, timeouts, kicks and bans stay; moderators can change those."
_EXPIRED = "Nothing was erased: the question has expired. Use /privacy erase again."
_KEPT = "Nothing was erased."
_INFO = """### What Referee stores about you
- **Messages that are not flagged are not stored.** The last few lines are held in memory to read them together.
- **A message that is flagged, reported or could not be checked becomes an incident**: its text, your Discord
  ID, when and where, what was found and what was done.
- **For how long:** the text {content_days}, the rest {incident_days}. Texts and names are encrypted in the database.
- **Voice clips** are listened to in memory and never stored; of a flagged one, what was heard is kept as text.
- **Who sees it:** this server's moderators, and whoever runs this bot. Other servers never do.
- **Reports:** a report that you make is kept with your ID for the moderators. Its author is not told who reported.
- **Never:** your messages train no model, nobody is profiled across servers, nothing is sold or passed on.
- **Your rights here:** `/privacy my_data` shows what is stored about you, `/privacy erase` erases it."""


class PrivacyCommands(commands.Cog):
    """Show members what is stored about them, and erase it."""

    privacy = app_commands.Group(
        name="privacy", description="What is stored about you, and how to erase it.", guild_only=True
    )

    @privacy.command(name="info", description="What is stored, for how long, and who sees it.")
    async def info(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Tell what is stored."""
        asked = await _admit(interaction)
        if asked is not None:
            await asked.answer(info_words(asked.services.settings))

    @privacy.command(name="my_data", description="Show what is stored about you in this server.")
    async def my_data(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Show its user every incident about them, without the names of others."""
        asked = await _admit(interaction)
        if asked is None:
            return
        lines, size = [], 0
        async for incident in newest(asked.services.stores.incidents, _about(asked), _MOST_LINES):
            line = data_line(incident)
            size += len(line.encode("utf-8", "replace"))
            if size > _MOST_BYTES:
                break
            lines.append(line)
        if not lines:
            await asked.answer(_NOTHING)
            return
        head = f"**Stored about you in this server: {_counted(len(lines))}, newest first.**"
        listing = listed(head, lines, "`/privacy erase` erases it.", name="my-data.txt")
        await asked.answer(listing.text, files=listing.files)

    @privacy.command(name="erase", description="Erase what is stored about you in this server.")
    async def erase(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Ask its user whether to erase what is stored about them."""
        asked = await _admit(interaction)
        if asked is None:
            return
        question = EraseQuestion(asked)
        await asked.answer(
            "Erase what you wrote, and that it was you, from every incident of this server? It cannot be brought back, "
            f"and you can no longer appeal with it. {_STAYS}",
            view=question,
        )


class EraseQuestion(ui.View):
    """Ask once before anything is erased."""

    def __init__(self, asked: Admitted) -> None:
        super().__init__(timeout=_CONFIRM_S)
        self._asked = asked

    @ui.button(label="Erase my data", style=discord.ButtonStyle.danger)
    async def yes(self, interaction: "discord.Interaction[RefereeBot]", button: ui.Button[Self]) -> None:
        """Erase."""
        # At once, so that a second click does nothing.
        self.stop()
        asked = await _admit(interaction)
        if asked is None:
            return
        cards = await _cards_about(asked)
        asked.services.pipeline.forget(asked.community, asked.author)
        erased = await asked.services.stores.incidents.erase(asked.community, asked.author)
        what = f"Erased: {_counted(erased)}." if erased else f"{_NOTHING} Reports that you made have lost your name."
        await asked.answer(f"{what} {_STAYS}")
        for card in cards:
            if card.message is not None:
                await asked.bot.cards.show(card.id)

    @ui.button(label="Keep it", style=discord.ButtonStyle.secondary)
    async def no(self, interaction: "discord.Interaction[RefereeBot]", button: ui.Button[Self]) -> None:
        """Leave everything as it is."""
        self.stop()
        asked = await _admit(interaction)
        if asked is not None:
            await asked.answer(_KEPT)

    async def interaction_check(self, interaction: "discord.Interaction[Any]", /) -> bool:
        """Let nobody but who asked use the buttons."""
        return await is_asker(interaction, self._asked)

    async def on_timeout(self) -> None:
        """Say that nothing was done."""
        # The answer may have been dismissed, and then there is nobody to tell.
        with suppress(discord.HTTPException):
            await self._asked.answer(_EXPIRED)

    async def on_error(self, interaction: discord.Interaction[Any], error: Exception, item: ui.Item[Any], /) -> None:
        """Tell who clicked what went wrong."""
        await tell(interaction, line_of(interaction, error))


def info_words(settings: Settings) -> str:
    """Return what is stored, and how long the settings keep it."""
    return _INFO.format(content_days=_days(settings.content_days), incident_days=_days(settings.incident_days))


def data_line(incident: Incident) -> str:
    """Return an incident as the member that it is about may read it: nobody else is named."""
    said = "the text has expired" if incident.text is None else f'"{" ".join(incident.text.split())}"'
    words = [f"{incident.at:%Y-%m-%d %H:%M} UTC", found_words(incident), _done(incident), state_words(incident), said]
    return " | ".join(words)


def _done(incident: Incident) -> str:
    """Return what was done; details are left out, for they may name who did it."""
    action = incident.decision.action
    if not action.punishes or incident.outcome not in (Outcome.DONE, Outcome.UNDONE):
        return "nothing was done automatically"
    words = action_words(action, incident.decision.duration)
    return f"{words}, taken back" if incident.outcome is Outcome.UNDONE else words


def _about(asked: Admitted) -> IncidentQuery:
    return IncidentQuery(author=asked.author, community=asked.community, platform=Platform.DISCORD)


async def _cards_about(asked: Admitted) -> list[Card]:
    """Return the cards that show something of the member, found while it is still known whose they are."""
    stores, found = asked.services.stores, dict[int, Card]()
    async for incident in newest(stores.incidents, _about(asked), _MOST_LINES):
        card = await stores.cards.of_incident(incident.id)
        if card is not None:
            found[card.id] = card
    return list(found.values())


async def _admit(interaction: "discord.Interaction[RefereeBot]") -> Admitted | None:
    """Return what a command works with, whoever uses it in a server; else tell them where it works."""
    guild = interaction.guild
    if guild is None or interaction.client.get_guild(guild.id) is None:
        await tell(interaction, _ONLY_SERVERS)
        return None
    is_command = interaction.type is discord.InteractionType.application_command
    await interaction.response.defer(ephemeral=True, thinking=is_command)
    return Admitted(interaction, guild)


def _counted(number: int) -> str:
    return "1 incident" if number == 1 else f"{number} incidents"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


async def setup(bot: "RefereeBot") -> None:
    """Add `/privacy`."""
    await bot.add_cog(PrivacyCommands())
