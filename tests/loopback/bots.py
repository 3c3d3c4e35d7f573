"""A small bot of discord.py in the test's own process, to prove the loopback Discord with the real library."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import discord
import yarl
from discord import app_commands, ui
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.loopback.world import World


class Verdict(ui.DynamicItem[ui.Button[ui.LayoutView]], template=r"card:(?P<verb>[a-z]+):(?P<id>\d+)"):
    """A button that outlives a restart."""

    def __init__(self, verb: str, number: int) -> None:
        super().__init__(ui.Button(label=verb.title(), custom_id=f"card:{verb}:{number}"))
        self.verb, self.number = verb, number

    @classmethod
    async def from_custom_id(cls, _interaction, _item, match):
        return cls(match["verb"], int(match["id"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        if self.verb == "edit":
            await interaction.response.edit_message(view=Card(self.number + 1))
        elif self.verb == "later":
            await interaction.response.defer()
            await interaction.followup.send("done later", ephemeral=True)
        elif self.verb == "form":
            await interaction.response.send_modal(Form())
        else:
            allowed = interaction.permissions.manage_messages
            await interaction.response.send_message(f"{self.verb} {self.number} {allowed}", ephemeral=True)


class Card(ui.LayoutView):
    """A card of text and buttons."""

    def __init__(self, number: int) -> None:
        super().__init__(timeout=None)
        row = ui.ActionRow(*(Verdict(verb, number) for verb in ("confirm", "edit", "later", "form")))
        self.add_item(ui.Container(ui.TextDisplay(f"## Incident {number}"), row))


class Form(ui.Modal, title="Relabel"):
    """A form with a text, a select and a list of boxes."""

    why = ui.Label(text="Why", component=ui.TextInput(custom_id="why"))
    place = ui.Label(text="Where", component=ui.ChannelSelect(custom_id="place"))
    kinds = ui.Label(
        text="Kinds",
        component=ui.CheckboxGroup(
            custom_id="kinds",
            options=[
                discord.CheckboxGroupOption(label="A", value="a"),
                discord.CheckboxGroupOption(label="B", value="b"),
            ],
        ),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        place = self.place.component.values[0].name
        answer = f"{self.why.component.value} in {place}: {self.kinds.component.values}"
        await interaction.response.send_message(answer, ephemeral=True)


class Picker(ui.View):
    """A message with a select of members."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @ui.select(cls=ui.UserSelect, custom_id="who")
    async def who(self, interaction: discord.Interaction, select: ui.UserSelect["Picker"]) -> None:
        await interaction.response.send_message(f"picked {select.values[0].display_name}")


policy = app_commands.Group(name="policy", description="The policy", guild_only=True)
policy_rule = app_commands.Group(name="rule", description="One rule", parent=policy)


@policy_rule.command(name="set", description="Set a rule")
@app_commands.choices(mode=[app_commands.Choice(name="Live", value="live")])
async def set_rule(
    interaction: discord.Interaction,
    category: str,
    mode: str,
    member: discord.Member,
    room: discord.TextChannel,
    rank: discord.Role,
    clip: discord.Attachment,
    after: int = 1,
) -> None:
    await interaction.response.defer(ephemeral=True)
    size = len(await clip.read())
    names = f"{member.display_name} {room.name} {rank.name} {size} {after}"
    await interaction.edit_original_response(content=f"{category} {mode} {names}")


@set_rule.autocomplete("category")
async def propose(_interaction: discord.Interaction, written: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=one, value=one) for one in ("insult", "hate") if one.startswith(written)]


@app_commands.context_menu(name="Check")
async def check(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"checked {message.content}", ephemeral=True)


class ProbeBot(commands.Bot):
    """Keep what it is told, and answer `card` and `picker` with the like."""

    def __init__(self, world: World, intents: discord.Intents | None = None, **options: object) -> None:
        chosen = intents or discord.Intents(guilds=True, messages=True, message_content=True, members=True)
        super().__init__(
            "!", intents=chosen, guild_ready_timeout=0.01, chunk_guilds_at_startup=False, help_command=None, **options
        )
        self.world = world
        self.heard: list[discord.Message] = []
        self.edits: list[discord.RawMessageUpdateEvent] = []
        self.joined: list[str] = []
        self.names: list[tuple[str, str]] = []
        self.automod: list[discord.AutoModAction] = []
        self.threads: list[str] = []

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Verdict)
        self.add_view(Picker())
        for command in (policy, check):
            self.tree.add_command(command)
        await self.tree.sync()

    async def note(self, notes: list[Any], noted: object) -> None:
        """Keep something and wake the test that waits for it."""
        notes.append(noted)
        await self.world.log.stir()

    async def on_message(self, message: discord.Message) -> None:
        if message.author.id == self.application_id:
            return
        await self.note(self.heard, message)
        if message.content == "card":
            await message.channel.send(view=Card(7), allowed_mentions=discord.AllowedMentions.none())
        elif message.content == "picker":
            await message.channel.send("pick", view=Picker())
        elif message.content == "ping":
            await message.reply("pong")

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        await self.note(self.edits, event)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self.note(self.joined, guild.name)

    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        await self.note(self.names, (before.display_name, after.display_name))

    async def on_automod_action(self, action: discord.AutoModAction) -> None:
        await self.note(self.automod, action)

    async def on_thread_create(self, thread: discord.Thread) -> None:
        await self.note(self.threads, thread.name)

    async def on_raw_thread_update(self, event: discord.RawThreadUpdateEvent) -> None:
        await self.note(self.threads, event.data["name"])


@contextmanager
def pointed_at(world: World) -> Iterator[None]:
    """Point discord.py at the world, by its class attributes, until the block ends."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = world.api_url, yarl.URL(world.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


@asynccontextmanager
async def running(world: World, **options: object) -> AsyncIterator[ProbeBot]:
    """Run a bot until the block ends."""
    with pointed_at(world):
        bot = ProbeBot(world, **options)
        task = asyncio.create_task(bot.start(world.token))
        try:
            await world.online()
            await bot.wait_until_ready()
            yield bot
        finally:
            await bot.close()
            await asyncio.gather(task, return_exceptions=True)
