"""A short scene that the real bot plays in a simulated Discord; what it sends is kept as it was sent."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.app.compose import compose
from bot.app.setup import STEPS
from bot.assembly import Parts
from bot.domain import Clip
from bot.fetch import ClipFetcher
from bot.policy_community import CommunityPolicy, to_json
from bot.policy_presets import Preset
from bot.services import Services
from bot.settings import Settings

CLIP = Path(__file__).parents[2] / "bot" / "console" / "match" / "clip2.ogg"
"""A recording of the demo match, whose voices are a synthesizer's."""

_WARNED_FOR = "wren you are so useless"
_TYPED = "what an idiot, our support is brain dead"
_CHECKED = "wren you stupid clown, uninstall"
_LATER_S, _SOON_S, _READ_AFTER_S = 240, 25, 90
_PATIENCE_S = 60.0
"""How long the model may take; the simulation gives up after five seconds otherwise."""

Components = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sent:
    """Hold a message of the bot: its components as they were sent, and when it was sent.

    `answers` says which command it answers, and `to` whom; both are empty where it answers none.
    """

    components: Components
    at: datetime
    answers: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold what the pictures show; `names` tells people and channels by their id, `now` when it is looked at."""

    card: Sent
    decided: Sent
    check: Sent
    names: Mapping[str, str]
    now: datetime


class SimulatedTime:
    """Tell the time of the simulated Discord."""

    def now(self) -> datetime:
        """Return the present moment there."""
        return discord.utils.utcnow()


class OneRecording(ClipFetcher):
    """Hand out the same recording for every clip: the simulation has no host to fetch one from."""

    async def fetch(self, url: str, name: str) -> Clip:
        """Return the recording under the name of the clip that was asked for."""
        return Clip(name, CLIP.read_bytes())


@dataclass(frozen=True, slots=True)
class _Stage:
    """Hold the simulated server: Vex plays, Mia moderates."""

    env: simcord.Env
    guild: simcord.GuildHandle
    chat: simcord.ChannelHandle
    review: simcord.ChannelHandle
    log: simcord.ChannelHandle
    moderators: simcord.RoleHandle
    vex: simcord.MemberActor
    mia: simcord.MemberActor

    @property
    def names(self) -> dict[str, str]:
        """Return what people and channels are called, by their id."""
        people = {str(each.id): f"@{each.name}" for each in (self.vex, self.mia)}
        return people | {str(each.id): f"#{each.name}" for each in (self.chat, self.review, self.log)}

    @property
    def newest(self) -> discord.Message:
        """Return the last message in the review channel, which is the newest card."""
        return self.review.history()[-1]

    def card(self) -> Sent:
        """Return the newest card as it is now."""
        message = self.newest
        raw = self.env.backend.get_message(self.review.id, message.id)
        return Sent(deepcopy(raw.components), message.created_at)


async def play(settings: Settings, parts: Parts) -> Scene:
    """Let a member be abusive in text and voice, and a moderator look at it; return what the bot sent."""
    async with _open(settings, parts) as stage:
        await _misbehave(stage)
        await stage.env.advance_time(_READ_AFTER_S)
        card, read = stage.card(), stage.env.now()
        check = await _check(stage)
        await stage.mia.click(stage.newest, label="False alarm")
        return Scene(card, stage.card(), check, stage.names, read)


async def _misbehave(stage: _Stage) -> None:
    """Let Vex be warned, which Mia confirms, and minutes later be abusive again: typed, then spoken."""
    await stage.vex.send(stage.chat, _WARNED_FOR)
    await stage.mia.click(stage.newest, label="Confirm")
    await stage.env.advance_time(_LATER_S)
    await stage.vex.send(stage.chat, _TYPED)
    await stage.env.advance_time(_SOON_S)
    await stage.vex.send(stage.chat, attachments=[("voice-message.ogg", b"served by OneRecording")])


async def _check(stage: _Stage) -> Sent:
    result = await stage.mia.slash(stage.chat, "toxcheck", text=_CHECKED)
    answer = result.response
    if answer is None:
        raise RuntimeError("/toxcheck was not answered: see what the bot logged.")
    return Sent(answer.components, answer.message.created_at, "/toxcheck", str(stage.mia.id))


@asynccontextmanager
async def _open(settings: Settings, parts: Parts) -> AsyncIterator[_Stage]:
    bot = await compose(settings, parts, SimulatedTime(), STEPS)
    try:
        async with simcord.run(bot, settle_timeout=_PATIENCE_S) as env:
            stage = _build(env)
            await bot.services.fetcher.close()
            bot.services = replace(bot.services, fetcher=OneRecording((), max_bytes=settings.clip_megabytes << 20))
            await _set_up(bot.services, stage)
            yield stage
    finally:
        await bot.services.fetcher.close()


def _build(env: simcord.Env) -> _Stage:
    guild = env.create_guild("Arena", owner=env.create_user("Olga"))
    moderators = guild.create_role("Moderators")
    return _Stage(
        env,
        guild,
        chat=guild.create_text_channel("team-chat"),
        review=guild.create_text_channel("review"),
        log=guild.create_text_channel("referee-log"),
        moderators=moderators,
        vex=guild.add_member(env.create_user("Vex")),
        mia=guild.add_member(env.create_user("Mia"), roles=[moderators]),
    )


async def _set_up(services: Services, stage: _Stage) -> None:
    """Set the server up as an admin would, in the standard preset."""
    community = replace(
        services.communities.get(str(stage.guild.id)),
        review_channel=str(stage.review.id),
        log_channel=str(stage.log.id),
        moderator_roles=frozenset({str(stage.moderators.id)}),
        policy=to_json(CommunityPolicy(preset=Preset.STANDARD)),
        is_set_up=True,
    )
    await services.communities.save(community, str(stage.mia.id), stage.env.now(), "set up")
