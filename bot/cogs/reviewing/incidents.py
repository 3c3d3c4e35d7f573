"""`/incidents`: the moderators' list of what was flagged in their server, and in no other."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admission import Admitted, admit_moderator
from bot.cogs.listing import text_file
from bot.cogs.reviewing.incident_file import NOTICE, FileFormat, Written, write
from bot.cogs.reviewing.incident_offers import offer_categories, offer_decided, offer_waiting
from bot.cogs.reviewing.incident_pages import IncidentPages, Source, newest
from bot.cogs.reviewing.incident_search import looked_words, search
from bot.domain import Incident, IncidentQuery, Platform, ReviewState
from bot.errors import InputError, UnknownIncident
from bot.ui.access import LARGEST_ID
from bot.ui.face import mention
from bot.ui.incident_view import LONGEST_QUOTE, incident_panel
from bot.ui.panel import send_panel
from bot.ui.quote import escaped
from bot.ui.words import category_words

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

Days = app_commands.Range[int, 1, 3650]

_STATES = [
    app_commands.Choice(name="waits for a verdict", value="waiting"),
    app_commands.Choice(name="nobody has looked at it", value="open"),
    app_commands.Choice(name="escalated", value="escalated"),
    app_commands.Choice(name="confirmed", value="confirmed"),
    app_commands.Choice(name="false alarm", value="dismissed"),
]
_MOST_EXPORTED = 1_000_000
"""More than ever fits into a file, which is full before."""


class IncidentCommands(commands.Cog):
    """List, show, search and hand out a server's incidents."""

    incidents = app_commands.Group(
        name="incidents", description="What was flagged in this server, for its moderators.", guild_only=True
    )

    @incidents.command(name="list", description="List incidents, newest first.")
    @app_commands.describe(
        state="Only those that stand like this.",
        category="Only those of this category.",
        member="Only those of this member.",
        days="Only those of the last so many days.",
    )
    @app_commands.choices(state=_STATES)
    @app_commands.autocomplete(category=offer_categories)
    async def list_them(
        self,
        interaction: "discord.Interaction[RefereeBot]",
        state: str | None = None,
        category: app_commands.Range[str, 1, 40] | None = None,
        member: discord.User | None = None,
        days: Days | None = None,
    ) -> None:
        """List the incidents of this server that the options name."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        query = replace(_narrowed(asked, state, days), category=category, author=str(member.id) if member else None)
        named = [_state_words(state), _since_words(days)]
        if category is not None:
            named.append(escaped(category_words(category), 40))
        if member is not None:
            named.append(f"of {mention(str(member.id))}")
        await IncidentPages(_head("Incidents", *named), _source(asked, query)).show(asked)

    @incidents.command(name="mine", description="List the incidents that you gave a verdict on or took over.")
    async def mine(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """List what its user worked on."""
        asked = await admit_moderator(interaction)
        if asked is not None:
            query = replace(_narrowed(asked), reviewed_by=asked.author)
            await IncidentPages(_head("Incidents that you worked on"), _source(asked, query)).show(asked)

    @incidents.command(name="show", description="Show everything about one incident.")
    @app_commands.rename(number="id")
    @app_commands.describe(number="The number of the incident.")
    @app_commands.autocomplete(number=offer_waiting)
    async def show(self, interaction: "discord.Interaction[RefereeBot]", number: int) -> None:
        """Show one incident of this server."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        incident = await _own(asked, number)
        stores = asked.services.stores
        reviews, card = await stores.incidents.reviews(incident.id), await stores.cards.of_incident(incident.id)
        await send_panel(interaction, incident_panel(incident, reviews, card))
        if incident.text is not None and len(incident.text) > LONGEST_QUOTE:
            whole = text_file(incident.text, f"incident-{incident.id}.txt")
            await interaction.followup.send("The whole text:", file=whole, ephemeral=True)

    @incidents.command(name="reopen", description="Take back the verdict on an incident, so that it waits again.")
    @app_commands.rename(number="id")
    @app_commands.describe(number="The number of the incident.")
    @app_commands.autocomplete(number=offer_decided)
    async def reopen(self, interaction: "discord.Interaction[RefereeBot]", number: int) -> None:
        """Make an incident of this server wait for a verdict again."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        incident = await _own(asked, number)
        if incident.state.waits:
            await asked.answer(f"Incident {incident.id} waits for a verdict already.")
            return
        await asked.services.desk.reopen(incident.id, asked.author)
        card = await asked.services.stores.cards.of_incident(incident.id)
        if card is not None:
            await asked.bot.cards.show(card.id)
        await asked.answer(f"Incident {incident.id} waits for a verdict again. What was taken back stays taken back.")

    @incidents.command(name="search", description="Find incidents by what was said.")
    @app_commands.describe(text="What to look for; upper and lower case are the same.")
    async def search(
        self, interaction: "discord.Interaction[RefereeBot]", text: app_commands.Range[str, 1, 100]
    ) -> None:
        """Look through the newest texts of this server."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        store = asked.services.stores.incidents
        found = await search(store, _narrowed(asked), text)
        head = f"**Incidents that say** {escaped(text, 100)}\n-# {looked_words(found)}"
        await IncidentPages(head, found.source(store)).show(asked)

    @incidents.command(name="export", description="Hand out incidents as a file, for review alone.")
    @app_commands.rename(form="format")
    @app_commands.describe(
        form="csv for a spreadsheet, json for a program.",
        days="Only those of the last so many days.",
        state="Only those that stand like this.",
    )
    @app_commands.choices(state=_STATES)
    async def export(
        self,
        interaction: "discord.Interaction[RefereeBot]",
        form: Literal["csv", "json"],
        days: Days | None = None,
        state: str | None = None,
    ) -> None:
        """Send this server's incidents as a file that only its user sees."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        if form not in {known.value for known in FileFormat}:
            raise InputError("There is no such format: choose csv or json.")
        query = _narrowed(asked, state, days)
        written = await write(newest(asked.services.stores.incidents, query, _MOST_EXPORTED), FileFormat(form))
        if not written.rows:
            await asked.answer("There are no such incidents to hand out.")
            return
        name = f"incidents-{asked.community}-{asked.now:%Y-%m-%d}.{form}"
        await asked.answer(_export_words(written), files=(discord.File(BytesIO(written.data), name),))


def _narrowed(asked: Admitted, state: str | None = None, days: int | None = None) -> IncidentQuery:
    """Return the query for this server's own incidents, which nothing that is typed can widen; raise InputError."""
    if state is not None and state not in {choice.value for choice in _STATES}:
        raise InputError("There is no such state: choose one of those that are offered.")
    return IncidentQuery(
        community=asked.community,
        platform=Platform.DISCORD,
        state=ReviewState(state) if state not in (None, "waiting") else None,
        waiting=state == "waiting",
        since=asked.now - timedelta(days=days) if days is not None else None,
    )


def _source(asked: Admitted, query: IncidentQuery) -> Source:
    store = asked.services.stores.incidents

    async def below(before: int | None, most: int) -> list[Incident]:
        return list(await store.find(replace(query, before_id=before, limit=most)))

    return below


async def _own(asked: Admitted, number: int) -> Incident:
    """Return an incident of this server; another server's is as unknown as none. Raise UnknownIncident."""
    unknown = UnknownIncident(f"There is no incident {number} in this server; it may have expired.")
    if not 0 < number <= LARGEST_ID:
        raise unknown
    try:
        incident = await asked.services.stores.incidents.get(number)
    except UnknownIncident:
        raise unknown from None
    if incident.key.community != asked.community or incident.key.platform is not Platform.DISCORD:
        raise unknown
    return incident


def _head(title: str, *named: str) -> str:
    return f"**{', '.join([title, *(name for name in named if name)])}**"


def _state_words(state: str | None) -> str:
    return next((choice.name for choice in _STATES if choice.value == state), "")


def _since_words(days: int | None) -> str:
    return "" if days is None else "of the last day" if days == 1 else f"of the last {days} days"


def _export_words(written: Written) -> str:
    rows = "1 incident" if written.rows == 1 else f"The newest {written.rows} incidents"
    cut = " Older ones did not fit into the file: name fewer days." if written.cut else ""
    return f"{rows}.{cut}\n{NOTICE}"


async def setup(bot: "RefereeBot") -> None:
    """Add `/incidents`."""
    await bot.add_cog(IncidentCommands())
