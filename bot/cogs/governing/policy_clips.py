"""`/policy words` and `/policy clips`: what the speech model listens for, and clips that cannot be judged."""

from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import app_commands

from bot.clip_words import MOST_WORDS
from bot.cogs.admission import admit_manager, admit_moderator
from bot.cogs.governing.policy_edits import apply
from bot.cogs.listing import listed
from bot.policy_change import with_clip_words, with_foreign_clips, without_clip_word
from bot.policy_community import CommunityPolicy
from bot.ui.access import moderates
from bot.ui.quote import escaped

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_MOST_OFFERED = 25
_LONGEST_NAMED = 200
_NO_WORDS = "No words are set. Add names and terms of your game, so that they are heard right: `/policy words add`."
_LIKELY = "**Names and terms that are likely in clips** ({} of {}):"
_FOREIGN = {"show": True, "ignore": False, "default": None}


async def offer_clip_words(
    interaction: "discord.Interaction[RefereeBot]", typed: str
) -> list[app_commands.Choice[str]]:
    """Return the words that contain what was typed, to moderators alone: others may not see the policy."""
    communities, community = interaction.client.services.communities, str(interaction.guild_id)
    if not moderates(interaction.user, communities.get(community)):
        return []
    part = typed.strip().casefold()
    found = [word for word in communities.of(community).clip_words if part in word.casefold()]
    return [app_commands.Choice(name=word, value=word) for word in found[:_MOST_OFFERED]]


@app_commands.describe(
    add="Names and terms of your game or server, with commas between them.", remove="A word to take out."
)
@app_commands.autocomplete(remove=offer_clip_words)
async def edit_clip_words(
    interaction: "discord.Interaction[RefereeBot]", add: str | None = None, remove: str | None = None
) -> None:
    """Add or take out words that are likely in clips; list them where none is named."""
    if add is None and remove is None:
        await _list_words(interaction)
        return
    asked = await admit_manager(interaction)
    if asked is None:
        return
    basis = asked.services.communities.basis

    def edit(rules: CommunityPolicy) -> CommunityPolicy:
        # First out, then in: so that a full list takes another word in one go.
        rules = rules if remove is None else without_clip_word(basis, rules, remove)
        return rules if add is None else with_clip_words(basis, rules, add)

    named = {"words for clips": add, "no longer a word for clips": remove}
    what = "; ".join(f"{how}: {escaped(text, _LONGEST_NAMED)}" for how, text in named.items() if text is not None)
    await apply(asked, what, edit)


async def _list_words(interaction: "discord.Interaction[RefereeBot]") -> None:
    asked = await admit_moderator(interaction)
    if asked is None:
        return
    words = asked.services.communities.of(asked.community).clip_words
    listing = listed(_LIKELY.format(len(words), MOST_WORDS) if words else _NO_WORDS, words, name="words.txt")
    await asked.answer(listing.text, files=listing.files)


@app_commands.describe(foreign="show: moderators get a card. ignore: they do not, for that alone.")
async def choose_foreign_clips(
    interaction: "discord.Interaction[RefereeBot]", foreign: Literal["show", "ignore", "default"]
) -> None:
    """Choose whether moderators are shown clips in a language that cannot be judged."""
    asked = await admit_manager(interaction)
    if asked is not None:
        basis, review = asked.services.communities.basis, _FOREIGN[foreign]
        what = f"clips in a language that cannot be judged: {foreign}"
        await apply(asked, what, lambda r: with_foreign_clips(basis, r, review))


def add_clip_commands(group: app_commands.Group) -> None:
    """Add what is said of clips to the group `/policy`."""
    words: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="words", description="Tell the speech model names and terms of your game.", callback=edit_clip_words
    )
    clips: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="clips",
        description="Choose what happens to voice clips in a language that cannot be judged.",
        callback=choose_foreign_clips,
    )
    group.add_command(words)
    group.add_command(clips)
