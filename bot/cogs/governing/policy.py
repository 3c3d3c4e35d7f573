"""`/policy`: what is done about which messages, shown to moderators and changed by whoever manages the server."""

from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admission import Admitted, admit_manager, admit_moderator
from bot.cogs.governing.policy_clips import add_clip_commands
from bot.cogs.governing.policy_edits import apply, names_of
from bot.cogs.governing.policy_files import as_it_was, read_document
from bot.cogs.governing.policy_history import history_listing
from bot.cogs.listing import Listing, listed, text_file
from bot.domain import Mode
from bot.policy_change import (
    with_document,
    with_exempt_channel,
    with_exempt_role,
    with_mode,
    with_preset,
    with_rule,
)
from bot.policy_community import CommunityPolicy, check_category, export
from bot.policy_presets import Preset
from bot.policy_words import describe
from bot.ui.access import moderates
from bot.ui.quote import escaped

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_MOST_OFFERED = 25
_MOST_CHANGES = 10
_UNDO = "To undo it, import the attached file: it is the policy as it was before."
_WHAT_TO_SET = "Name at least one of flag, act, ladder and human_only. Now it is:"

Channel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel | discord.Thread


async def offer_categories(
    interaction: "discord.Interaction[RefereeBot]", typed: str
) -> list[app_commands.Choice[str]]:
    """Return the categories that contain what was typed, to moderators alone: others may not see the policy."""
    if not moderates(interaction.user, interaction.client.services.communities.get(str(interaction.guild_id))):
        return []
    names = interaction.client.services.communities.basis.labels.names
    found = [name for name in names if typed.strip().lower() in name.lower()]
    return [app_commands.Choice(name=name, value=name) for name in found[:_MOST_OFFERED]]


class PolicyCommands(commands.Cog):
    """Show and change a server's policy."""

    policy = app_commands.Group(
        name="policy", description="Show and change what is done about which messages.", guild_only=True
    )

    @policy.command(name="show", description="Show the policy in force.")
    @app_commands.describe(category="Show this category alone.")
    @app_commands.autocomplete(category=offer_categories)
    async def show(self, interaction: "discord.Interaction[RefereeBot]", category: str | None = None) -> None:
        """Show the policy in force, or one category of it."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        communities = asked.services.communities
        preset, trouble = communities.rules(asked.community).preset, communities.trouble(asked.community)
        head = f"**Preset: {preset}.** {preset.description}"
        if trouble:
            head += f"\n**The policy of this server is not in force, so that nothing is done:** {escaped(trouble)}"
        await _send(asked, listed(head, _described(asked, category), name="policy.txt"))

    @policy.command(name="set", description="Change the rule of one category.")
    @app_commands.describe(
        category="The category to change.",
        flag="Show it to moderators from here: 0.7, 70%, 1 in 100, or default.",
        act="Act on it from here: 0.9, 90%, 1 in 1000, or default.",
        ladder="What is done, mildest first: warn, delete, timeout:10m, kick, ban; or none, or default.",
        human_only="Whether a moderator decides every time.",
    )
    @app_commands.autocomplete(category=offer_categories)
    async def set_rule(
        self,
        interaction: "discord.Interaction[RefereeBot]",
        category: str,
        flag: str | None = None,
        act: str | None = None,
        ladder: str | None = None,
        human_only: Literal["yes", "no", "default"] | None = None,
    ) -> None:
        """Change thresholds, ladder or human_only of a category."""
        asked = await admit_manager(interaction)
        if asked is None:
            return
        basis = asked.services.communities.basis
        check_category(category, basis)
        typed = {"flag": flag, "act": act, "ladder": ladder, "human_only": human_only}
        entries = {name: text for name, text in typed.items() if text is not None}
        if not entries:
            await _send(asked, listed(_WHAT_TO_SET, _described(asked, category)))
            return
        given = ", ".join(f"{name} {escaped(text, 100)}" for name, text in entries.items())
        await apply(asked, f"set {category}: {given}", lambda r: with_rule(basis, r, category, **entries))

    @policy.command(name="preset", description="Choose how far Referee may go.")
    @app_commands.describe(preset="How far it may go; shadow punishes nobody.")
    async def choose_preset(
        self,
        interaction: "discord.Interaction[RefereeBot]",
        preset: Literal["shadow", "relaxed", "standard", "strict"],
    ) -> None:
        """Put another preset in force."""
        asked = await admit_manager(interaction)
        if asked is None:
            return
        chosen, basis = Preset(preset), asked.services.communities.basis
        await apply(asked, f"preset {chosen}", lambda r: with_preset(basis, r, chosen), foot=chosen.description)

    @policy.command(name="mode", description="Switch a category, or all of them, off, to shadow or live.")
    @app_commands.describe(
        mode="off: ignored. shadow: only shown to moderators. live: acted on.",
        category="The category; leave it out for all of them.",
    )
    @app_commands.autocomplete(category=offer_categories)
    async def choose_mode(
        self,
        interaction: "discord.Interaction[RefereeBot]",
        mode: Literal["off", "shadow", "live", "default"],
        category: str | None = None,
    ) -> None:
        """Put a category, or every one, in another mode."""
        asked = await admit_manager(interaction)
        if asked is None:
            return
        basis, chosen = asked.services.communities.basis, None if mode == "default" else Mode(mode)
        if category is not None:
            check_category(category, basis)
        what = f"mode {mode} for {category or 'every category'}"
        await apply(asked, what, lambda r: with_mode(basis, r, category, chosen))

    @policy.command(name="exempt", description="Leave a role or a channel alone, or list those left alone.")
    @app_commands.describe(
        role="Whoever has this role is not watched.",
        channel="What is written there is not watched.",
        remove="Watch it again.",
    )
    async def exempt(
        self,
        interaction: "discord.Interaction[RefereeBot]",
        role: discord.Role | None = None,
        channel: Channel | None = None,
        remove: bool = False,
    ) -> None:
        """Exempt a role or a channel, or no longer so; list them where none is named."""
        if role is None and channel is None:
            asked = await admit_moderator(interaction)
            if asked is not None:
                await _send(asked, listed("**Not watched:**", _exempted(asked)))
            return
        asked = await admit_manager(interaction)
        if asked is not None:
            await _exempt(asked, role, channel, exempt=not remove)

    @policy.command(name="import", description="Replace the rules by those of a file.")
    @app_commands.describe(file="A policy as TOML, as /policy export gives it, of 64 KB at most.")
    async def import_file(self, interaction: "discord.Interaction[RefereeBot]", file: discord.Attachment) -> None:
        """Put the rules of a file in force."""
        asked = await admit_manager(interaction)
        if asked is not None:
            text = await read_document(file)
            await _replace(asked, "imported a policy", text)

    @policy.command(name="reset", description="Go back to the policy that Referee came with.")
    async def reset(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Take back what was imported or set by hand; preset and exemptions stay."""
        asked = await admit_manager(interaction)
        if asked is not None:
            await _replace(asked, "back to the operator's policy", None)

    @policy.command(name="export", description="Get the rules as a file to edit and import.")
    async def export_file(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Hand the rules out as a file."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        communities = asked.services.communities
        rules = communities.rules(asked.community)
        file = text_file(export(communities.basis, rules), "policy.toml")
        text = (
            f"The rules of this server; the preset (*{rules.preset}*) and what is exempt are kept apart. Change the "
            "file and give it to `/policy import`."
        )
        await asked.answer(text, files=(file,))

    @policy.command(name="history", description="Show who changed what, newest first.")
    async def history(self, interaction: "discord.Interaction[RefereeBot]") -> None:
        """Show the last changes of settings and policy."""
        asked = await admit_moderator(interaction)
        if asked is None:
            return
        changes = await asked.services.stores.communities.changes(asked.community, _MOST_CHANGES)
        if not changes:
            await asked.answer("Nothing has been changed yet.")
            return
        await _send(asked, history_listing(changes))


async def _send(asked: Admitted, listing: Listing) -> None:
    await asked.answer(listing.text, files=listing.files)


def _described(asked: Admitted, category: str | None) -> list[str]:
    """Return the policy in words, or one category of it; raise PolicyError where there is no such category."""
    communities = asked.services.communities
    lines = describe(communities.of(asked.community), names_of(asked.guild))
    if category is None:
        return lines
    check_category(category, communities.basis)
    return [line for line in lines if line.startswith(f"{category}: ")] or [f"{category}: not watched"]


def _exempted(asked: Admitted) -> list[str]:
    lines = describe(asked.services.communities.of(asked.community), names_of(asked.guild))
    return [line for line in lines if line.startswith("exempt ")]


async def _exempt(asked: Admitted, role: discord.Role | None, channel: Channel | None, *, exempt: bool) -> None:
    basis = asked.services.communities.basis

    def edit(rules: CommunityPolicy) -> CommunityPolicy:
        if role is not None:
            rules = with_exempt_role(basis, rules, str(role.id), exempt=exempt)
        if channel is not None:
            rules = with_exempt_channel(basis, rules, str(channel.id), exempt=exempt)
        return rules

    named = " and ".join(thing.mention for thing in (role, channel) if thing is not None)
    await apply(asked, f"{'exempt' if exempt else 'no longer exempt'}: {named}", edit)


async def _replace(asked: Admitted, what: str, text: str | None) -> None:
    """Put the rules of a text in force, or the operator's again, and hand out those before it."""
    basis, before = asked.services.communities.basis, as_it_was(asked)
    await apply(asked, what, lambda r: with_document(basis, r, text), foot=_UNDO if before else "", files=before)


async def setup(bot: "RefereeBot") -> None:
    """Add `/policy`."""
    cog = PolicyCommands()
    add_clip_commands(cog.policy)
    await bot.add_cog(cog)
