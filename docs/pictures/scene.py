"""A short scene that the real bot plays in a simulated Discord; what it sends is kept as it was sent."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.app.client import RefereeBot
from bot.app.compose import compose
from bot.app.setup import STEPS
from bot.assembly import Parts
from bot.domain import Clip
from bot.policy_community import CommunityPolicy, to_json
from bot.policy_presets import Preset
from bot.settings import Settings

CLIPS = Path(__file__).parents[2] / "bot" / "console" / "match"
"""The demo match, whose voices are a synthesizer's."""

CLIP = "clip2.ogg"
_VOICE = "voice-message.ogg"
_SAID = (
    (0.0, "ok focus, kill their carry then we push"),
    (20.0, "wren you are so useless"),
    (15.0, "what an idiot, our support is brain dead"),
)
_CHECKED = "you are such a useless clown, uninstall"
_EVENING_S, _READ_AFTER_S = 19 * 3600 + 42 * 60, 120
"""Everybody plays in the evening, by UTC; a moderator looks two minutes later."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Hold a message of the bot: its components as they were sent, and when; `asked` is the command it answers."""

    components: list[dict[str, Any]]
    at: datetime
    asked: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Hold what the pictures show; `now` is when it is looked at, `names` tells people and channels by their id."""

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


class FileFetcher:
    """Hand out one recording, from a file, for every clip."""

    async def fetch(self, url: str, name: str) -> Clip:
        """Return the recording under the clip's name."""
        return Clip(name, (CLIPS / CLIP).read_bytes())

    async def close(self) -> None:
        """Let go of nothing."""


async def play(settings: Settings, parts: Parts) -> Scene:
    """Let a member be abusive in text and voice, and a moderator look at it; return what the bot sent."""
    async with _open(settings, parts) as (env, bot):
        stage = await _build(env, bot)
        await _misbehave(env, stage)
        await env.advance_time(_READ_AFTER_S)
        card = stage.card(env)
        checked = await _check(env, stage)
        [message] = [each for each in stage.review.history() if each.components]
        await stage.mia.click(message, label="False alarm")
        return Scene(card, stage.card(env), checked, stage.names(), env.now())
