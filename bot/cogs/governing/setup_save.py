"""Putting a set-up in force, and saying what it changed and what comes next."""

from dataclasses import replace

from bot.cogs.admission import Admitted
from bot.cogs.governing.policy_edits import names_of
from bot.cogs.governing.setup_plan import Plan, changed, faults, warnings
from bot.cogs.listing import Listing, listed
from bot.enforce.permissions import missing_permissions
from bot.policy_change import with_preset
from bot.policy_community import to_json
from bot.policy_presets import Preset
from bot.policy_words import difference
from bot.ui.log_lines import note
from bot.ui.quote import escaped

_NOT_SAVED = "**Not saved.** First put this right:"
_NEXT_IN_SHADOW = (
    "Next: Referee flags from now on and punishes nobody. Watch what it shows for some days, then choose "
    "`/policy preset`. To try it, use `/toxcheck`."
)
_NEXT = "Next: `/policy show` says what Referee does from now on, and `/referee status` whether all is well."


async def save(asked: Admitted, plan: Plan) -> Listing:
    """Carry a plan out where nothing is wrong with it; return what to answer. Raise PolicyError or StoreError."""
    communities, community = asked.services.communities, asked.community
    before = communities.get(community)
    after = plan.settings(before)
    wrong = faults(asked.guild, after)
    if wrong:
        return Listing("\n".join([_NOT_SAVED, *points(wrong)]))
    rules = communities.rules(community)
    chosen = with_preset(communities.basis, rules, plan.preset or rules.preset)
    names = names_of(asked.guild)
    policy = difference(communities.of(community), communities.build(chosen), names)
    lines = [*changed(before, after, names), *_preset_line(rules.preset, chosen.preset), *policy]
    await communities.save(replace(after, policy=to_json(chosen)), asked.author, asked.now, "set up", *lines)
    await asked.bot.cards.restore()
    await note(asked.bot, community, f"<@{asked.author}> set Referee up, preset {chosen.preset}.")
    head = "**Saved.** Before -> after:" if lines else "**Saved.** Nothing changed."
    foot = [*_notes(asked), _NEXT_IN_SHADOW if chosen.preset is Preset.SHADOW else _NEXT]
    return listed(head, lines, "\n".join(foot), name="changes.txt")


def points(lines: list[str]) -> list[str]:
    """Return lines as a list in Markdown."""
    return [f"- {line}" for line in lines]


def _preset_line(before: Preset, after: Preset) -> list[str]:
    return [f"preset: {before} -> {after}"] if before is not after else []


def _notes(asked: Admitted) -> list[str]:
    community = asked.services.communities.get(asked.community)
    lacking = [f"Permissions: {escaped(line, 200)}" for line in missing_permissions(asked.guild, community)]
    return points([*warnings(asked.guild, community), *lacking])
