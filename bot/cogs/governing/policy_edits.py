"""Changing a community's policy by hand: tried, kept with its author, shown as before and after."""

from collections.abc import Callable, Mapping

import discord

from bot.cogs.admission import Admitted
from bot.cogs.listing import listed
from bot.errors import InputError
from bot.policy_community import CommunityPolicy, to_json
from bot.policy_presets import Preset
from bot.policy_words import difference
from bot.ui.log_lines import note

Edit = Callable[[CommunityPolicy], CommunityPolicy]

_ALREADY = "That is how it is already; nothing was changed."
_NO_EFFECT = "Kept, but nothing that Referee does changes by it for now."
_IN_SHADOW = (
    "The preset is *shadow*: Referee flags, but acts on nothing, also where a category is live, until you choose "
    "another one with `/policy preset`."
)


async def apply(
    asked: Admitted, what: str, edit: Edit, *, foot: str = "", files: tuple[discord.File, ...] = ()
) -> None:
    """Put an edit of the policy in force and answer with before and after; raise PolicyError where it makes no sense.

    Raise InputError where nobody would be watched any more. `what` names the change in the history. `files` and `foot`
    go with the answer, the latter at its end.
    """
    communities, community = asked.services.communities, asked.community
    rules, before = communities.rules(community), communities.of(community)
    changed = edit(rules)
    if to_json(changed) == (communities.get(community).policy or to_json(CommunityPolicy())):
        await asked.answer(_ALREADY)
        return
    _check_exempt(asked.guild, communities.build(changed).exempt_roles - before.exempt_roles)
    await communities.set_rules(community, changed, asked.author, asked.now, what)
    lines = difference(before, communities.of(community), names_of(asked.guild))
    head = f"**Changed: {what}.** Before -> after:" if lines else f"**{what}.** {_NO_EFFECT}"
    shadow = _IN_SHADOW if changed.preset is Preset.SHADOW and _differ(rules, changed) else ""
    listing = listed(head, lines, "\n".join(part for part in (shadow, foot) if part), name="changes.txt")
    await asked.answer(listing.text, files=(*listing.files, *files))
    await note(asked.bot, community, f"<@{asked.author}> changed the policy: {what}. See `/policy history`.")


def _check_exempt(guild: discord.Guild, roles: frozenset[str]) -> None:
    """Raise InputError where one of the roles, by id or by name, is that of everybody."""
    if not roles.isdisjoint((str(guild.id), guild.default_role.name)):
        raise InputError("Everybody has the role @everyone, so that nobody would be watched; use /policy mode instead.")


def names_of(guild: discord.Guild) -> Mapping[str, str]:
    """Return the names of a server's roles and channels by id."""
    channels = {str(channel.id): f"#{channel.name}" for channel in (*guild.channels, *guild.threads)}
    return {**channels, **{str(role.id): f"@{role.name.removeprefix('@')}" for role in guild.roles}}


def _differ(before: CommunityPolicy, after: CommunityPolicy) -> bool:
    """Tell whether the rules themselves are different, whatever the preset and the exemptions."""
    return (before.base, before.changes) != (after.base, after.changes)
