"""The guided set-up: one message with its choices, seen by one admin, gone with a restart."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import discord

from bot.app.tree import line_of, tell
from bot.cogs.admission import Admitted, admit_manager, is_asker
from bot.cogs.governing.setup_plan import Plan, faults, warnings
from bot.cogs.governing.setup_save import points, save
from bot.policy_presets import Preset

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_WAITS_S = 14 * 60.0
"""How long a choice is waited for: Discord lets an answer be changed for 15 minutes."""

_MOST_ROLES = 10
_LABELS = {Preset.SHADOW: "shadow only"}
_HEAD = (
    "**Set Referee up**\n"
    "1. *Review channel*: where moderators are shown what was flagged. Choose a private one.\n"
    "2. *Log channel*: where changes by hand are noted, if you like.\n"
    "3. *Moderators*: who works the review channel. None chosen: whoever can manage messages or time members out.\n"
    "4. *Preset*: how far Referee may go. Begin with shadow only, which punishes nobody."
)
_FOOT = "Nothing is changed before you press Save. If this stops answering, run `/referee setup` again."
_DISMISSED = "Nothing was changed. Run `/referee setup` when you like."


class SetupView(discord.ui.View):
    """Gather a plan from selects and carry it out on Save."""

    def __init__(self, asked: Admitted) -> None:
        super().__init__(timeout=_WAITS_S)
        self._asked = asked
        self.plan = Plan()
        communities = asked.services.communities
        known, preset = communities.get(asked.community), communities.rules(asked.community).preset
        self._review = _ChannelChoice(
            "Review channel", "review", known.review_channel, lambda plan, one: replace(plan, review_channel=one)
        )
        self._log = _ChannelChoice(
            "Log channel (optional)", "log", known.log_channel, lambda plan, one: replace(plan, log_channel=one)
        )
        self._roles = _RoleChoice(asked.guild, known.moderator_roles)
        self._preset = _PresetChoice(preset)
        for item in (self._review, self._log, self._roles, self._preset, _SaveButton(), _CancelButton()):
            self.add_item(item)

    def text(self) -> str:
        """Return what the message says: how it goes, and what is wrong with the choices so far."""
        wanted = self.plan.settings(self._asked.services.communities.get(self._asked.community))
        wrong, odd = faults(self._asked.guild, wanted), warnings(self._asked.guild, wanted)
        missing = ["**Missing before it can be saved:**", *points(wrong)] if wrong else []
        unexpected = ["**Mind:**", *points(odd)] if odd else []
        return "\n".join([_HEAD, *missing, *unexpected, _FOOT])[:2000]

    async def choose(self, interaction: "discord.Interaction[RefereeBot]", plan: Plan) -> None:
        """Note a plan with one more choice and show what it means."""
        asked = await admit_manager(interaction)
        if asked is not None:
            self.plan = plan
            await asked.answer(self.text(), view=self)

    async def save(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Carry the plan out, or say what is missing and go on."""
        asked = await admit_manager(interaction)
        if asked is None:
            return
        wanted = self.plan.settings(asked.services.communities.get(asked.community))
        if faults(asked.guild, wanted):
            await asked.answer(f"**Not saved.**\n{self.text()}"[:2000], view=self)
            return
        listing = await save(asked, self.plan)
        self.stop()
        await asked.answer(listing.text, files=listing.files)

    async def dismiss(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """End without a change."""
        asked = await admit_manager(interaction)
        if asked is not None:
            self.stop()
            await asked.answer(_DISMISSED)

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Let nobody but who asked use the choices."""
        return await is_asker(interaction, self._asked)

    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, item: discord.ui.Item[Any], /
    ) -> None:
        """Tell the admin what went wrong."""
        await tell(interaction, line_of(interaction, error))


class _ChannelChoice(discord.ui.ChannelSelect[SetupView]):
    def __init__(self, placeholder: str, kind: str, known: str | None, planned: Callable[[Plan, str], Plan]) -> None:
        super().__init__(
            channel_types=[discord.ChannelType.text],
            placeholder=placeholder,
            custom_id=f"setup:{kind}",
            min_values=0,
            default_values=[_default(one, discord.SelectDefaultValueType.channel) for one in [known] if one],
        )
        self._planned = planned

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        chosen = [str(channel.id) for channel in self.values]
        self.default_values = [_default(one, discord.SelectDefaultValueType.channel) for one in chosen]
        if self.view is not None:
            await self.view.choose(interaction, self._planned(self.view.plan, "".join(chosen)))


class _RoleChoice(discord.ui.RoleSelect[SetupView]):
    def __init__(self, guild: discord.Guild, known: frozenset[str]) -> None:
        # A role that was deleted since cannot be shown as chosen.
        there = [str(role.id) for role in guild.roles if str(role.id) in known][:_MOST_ROLES]
        super().__init__(
            placeholder="Moderators (optional)",
            custom_id="setup:moderators",
            min_values=0,
            max_values=_MOST_ROLES,
            default_values=[_default(one, discord.SelectDefaultValueType.role) for one in there],
        )

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        chosen = [str(role.id) for role in self.values]
        self.default_values = [_default(one, discord.SelectDefaultValueType.role) for one in chosen]
        if self.view is not None:
            await self.view.choose(interaction, replace(self.view.plan, moderator_roles=frozenset(chosen)))


class _PresetChoice(discord.ui.Select[SetupView]):
    def __init__(self, known: Preset) -> None:
        super().__init__(
            placeholder="Preset",
            custom_id="setup:preset",
            options=[
                discord.SelectOption(
                    label=_LABELS.get(preset, preset.value),
                    value=preset.value,
                    description=preset.description[:100],
                    default=preset is known,
                )
                for preset in Preset
            ],
        )

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        chosen = Preset(self.values[0])
        for option in self.options:
            option.default = option.value == chosen.value
        if self.view is not None:
            await self.view.choose(interaction, replace(self.view.plan, preset=chosen))


class _SaveButton(discord.ui.Button[SetupView]):
    def __init__(self) -> None:
        super().__init__(label="Save", style=discord.ButtonStyle.success, custom_id="setup:save")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        if self.view is not None:
            await self.view.save(interaction)


class _CancelButton(discord.ui.Button[SetupView]):
    def __init__(self) -> None:
        super().__init__(label="Cancel", custom_id="setup:cancel")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        if self.view is not None:
            await self.view.dismiss(interaction)


def _default(known: str, kind: discord.SelectDefaultValueType) -> discord.SelectDefaultValue:
    return discord.SelectDefaultValue(id=int(known), type=kind)
