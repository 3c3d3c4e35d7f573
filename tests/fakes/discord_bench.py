"""The real bot in a simulated Discord, on a real store, with a scripted scorer and transcriber."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.app import sync
from bot.app.client import RefereeBot
from bot.app.compose import Setup, compose
from bot.assembly import Parts, load_policy
from bot.domain import Incident, IncidentQuery
from bot.policy_community import CommunityPolicy, to_json
from bot.policy_presets import Preset
from bot.settings import Settings
from bot.store import Stores, open_stores
from classifier import Classifier, NotScored, Verdict, load
from tests.fakes.bench import LATE
from tests.fakes.chat import heard, verdict
from tests.fakes.scorer import ScriptedScorer
from tests.fakes.transcriber import Heard, ScriptedTranscriber

SCRIPT: dict[str, Verdict | NotScored] = {
    "idiot": verdict(insult=0.99),
    "you idiot": verdict(insult=0.99),
    "what an idiot you are": verdict(insult=0.99),
    "you clown": verdict(insult=0.99),
    "maybe rude": verdict(insult=0.8),
    "go back to your country": verdict(hate=0.99),
    "i will find you": verdict(threat=0.99),
    "buy gold": verdict(spam=0.99),
    "late": LATE,
}
CLIPS: dict[str, Heard | Sequence[Heard]] = {
    "voice-message.ogg": heard("you idiot"),
    "clean.ogg": heard("well played"),
    "mumbled.ogg": heard("you idiot", doubt=0.9),
}


@dataclass
class DiscordBench:
    """Hold the simulated server with everything that a test looks at.

    Ann and Ben are members, Mia moderates by her role, Ada administers, Olga owns the server.
    """

    env: simcord.Env
    bot: RefereeBot
    stores: Stores
    scorer: ScriptedScorer
    transcriber: ScriptedTranscriber
    guild: simcord.GuildHandle
    lobby: simcord.ChannelHandle
    review: simcord.ChannelHandle
    log: simcord.ChannelHandle
    ann: simcord.MemberActor
    ben: simcord.MemberActor
    mia: simcord.MemberActor
    ada: simcord.MemberActor
    olga: simcord.MemberActor
    moderators: simcord.RoleHandle

    @property
    def community(self) -> str:
        """Return the server's id as the store knows it."""
        return str(self.guild.id)

    async def incidents(self) -> list[Incident]:
        """Return what is stored, oldest first."""
        return [each async for each in self.stores.incidents.stream(IncidentQuery(limit=None))]

    async def set_up(self, preset: Preset = Preset.STANDARD) -> None:
        """Set the server up as an admin would: review and log channel, the moderators' role, and a preset."""
        communities, now = self.bot.services.communities, discord.utils.utcnow()
        settings = replace(
            communities.get(self.community),
            review_channel=str(self.review.id),
            log_channel=str(self.log.id),
            moderator_roles=frozenset({str(self.moderators.id)}),
            policy=to_json(CommunityPolicy(preset=preset)),
            is_set_up=True,
        )
        await communities.save(settings, str(self.ada.id), now, "set up")


@cache
def shipped() -> Classifier:
    """Load the shipped model once: its labels and curves are what policies are read against."""
    return load()


@asynccontextmanager
async def open_discord(
    folder: Path,
    *setup: Setup,
    script: Mapping[str, Verdict | NotScored] | None = None,
    bot_permissions: discord.Permissions | None = None,
    **settings: Any,
) -> AsyncIterator[DiscordBench]:
    """Start the bot with some of its parts (`setup` as in `compose`) in a server with people in it."""
    stores = await open_stores(f"sqlite+aiosqlite:///{folder / 'referee.db'}")
    values = Settings(_env_file=None, **settings)  # type: ignore[call-arg]
    scorer, transcriber = ScriptedScorer({**SCRIPT, **(script or {})}), ScriptedTranscriber(CLIPS)
    classifier = shipped()
    parts = Parts(classifier, load_policy(values, classifier), stores, scorer, transcriber)
    bot = await compose(values, parts, SystemTime(), [*setup, sync.setup])
    try:
        async with simcord.run(bot) as env:
            yield _populate(env, bot, stores, scorer, transcriber, bot_permissions)
    finally:
        await bot.services.fetcher.close()
        await stores.close()


class SystemTime:
    """Tell the time of the machine; simcord moves it where a test advances time."""

    def now(self) -> datetime:
        """Return the present moment."""
        return discord.utils.utcnow()


def _populate(
    env: simcord.Env,
    bot: RefereeBot,
    stores: Stores,
    scorer: ScriptedScorer,
    transcriber: ScriptedTranscriber,
    bot_permissions: discord.Permissions | None,
) -> DiscordBench:
    owner = env.create_user("olga")
    guild = env.create_guild("Arena", owner=owner)
    moderators = guild.create_role("Moderators")
    admins = guild.create_role("Admins", permissions=discord.Permissions(administrator=True))
    if bot_permissions is not None:
        env.backend.guilds[guild.id].roles[guild.roles[bot.user.name].id].permissions = bot_permissions.value

    def member(name: str, *roles: simcord.RoleHandle) -> simcord.MemberActor:
        return guild.add_member(env.create_user(name), roles=roles)

    return DiscordBench(
        env,
        bot,
        stores,
        scorer,
        transcriber,
        guild,
        lobby=guild.create_text_channel("lobby"),
        review=guild.create_text_channel("review"),
        log=guild.create_text_channel("referee-log"),
        ann=member("ann"),
        ben=member("ben"),
        mia=member("mia", moderators),
        ada=member("ada", admins),
        olga=simcord.MemberActor(env, guild, owner),
        moderators=moderators,
    )
