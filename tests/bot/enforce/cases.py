"""Short ways to put an incident before the real enforcer, and to look at what it did."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.domain import Action, Decision, Incident, Mode, Outcome, Platform, SourceKey
from tests.fakes.discord_bench import DiscordBench, open_discord

HOUR = timedelta(hours=1)


class Gate:
    """Hold the calls of the real client back until it is opened; `reached` tells that one came."""

    def __init__(self, bot: discord.Client) -> None:
        self._pass_on = bot.http.request
        self.open, self.reached = asyncio.Event(), asyncio.Event()
        bot.http.request = self.request

    async def request(self, route: Any, **rest: Any) -> Any:
        """Wait, then do what was asked."""
        self.reached.set()
        await self.open.wait()
        return await self._pass_on(route, **rest)


@asynccontextmanager
async def arena(
    folder: Path, bot_permissions: discord.Permissions | None = None, **settings: Any
) -> AsyncIterator[DiscordBench]:
    """Open a server that is set up, in which the bot has every permission but Administrator, or those given."""
    async with open_discord(folder, **settings) as bench:
        grant(bench, bench.guild.roles[bench.bot.user.name], without() if bot_permissions is None else bot_permissions)
        await bench.set_up()
        yield bench


def grant(bench: DiscordBench, role: simcord.RoleHandle, permissions: discord.Permissions) -> None:
    """Give a role these permissions and no other."""
    bench.env.backend.edit_role(bench.guild.id, role.id, {"permissions": permissions.value})


def deny(bench: DiscordBench, *rights: str) -> None:
    """Take permissions from the bot."""
    grant(bench, bench.guild.roles[bench.bot.user.name], without(*rights))


async def flagged(
    bench: DiscordBench,
    action: Action,
    message: Any = None,
    *,
    author: Any = None,
    channel: Any = None,
    duration: timedelta | None = None,
    **rest: Any,
) -> Incident:
    """Keep an incident about a message, sent by Ann in the lobby unless told otherwise, with an action decided."""
    if message is None:
        message = await (author or bench.ann).send(channel or bench.lobby, "you clown")
    name = message if isinstance(message, str) else str(message.id)
    key = SourceKey(Platform.DISCORD, bench.community, str((channel or bench.lobby).id), name)
    if duration is None and action is Action.TIMEOUT:
        duration = HOUR
    decision = Decision(action, action, Mode.LIVE, "insult", 0.97, ("said so",), True, duration)
    values: dict[str, Any] = {"text": "you clown", "toxic": 0.97, "categories": {"insult": 0.97}, **rest}
    incident = Incident(
        key=key,
        author=str((author or bench.ann).id),
        at=bench.bot.services.clock.now(),
        decision=decision,
        model_version="test-1",
        outcome=Outcome.PENDING,
        created_at=bench.bot.services.clock.now(),
        **values,
    )
    return (await bench.stores.incidents.record(incident)).incident


async def enforced(bench: DiscordBench, action: Action, *about: Any, **rest: Any) -> tuple[Outcome, str]:
    """Return what became of an incident that the policy decided on."""
    return await bench.bot.enforcer.enforce(await flagged(bench, action, *about, **rest))


async def done_by_the_bot(bench: DiscordBench, deed: Awaitable[Any]) -> Any:
    """Return what comes of a deed that a handler of the bot awaits, so that its timers are the simulation's."""
    answers = []

    async def on_message(message: discord.Message) -> None:
        if message.content == "go":
            answers.append(await deed)

    bench.bot.add_listener(on_message)
    await bench.ben.send(bench.lobby, "go")
    return answers[0]


def texts(channel: simcord.ChannelHandle) -> list[str]:
    """Return what stands in a channel."""
    return [message.content for message in channel.history()]


def direct_messages(bench: DiscordBench, person: simcord.MemberActor) -> list[str]:
    """Return what somebody got by direct message."""
    return texts(person.user.dm_channel)


def timeout_of(bench: DiscordBench, person: simcord.MemberActor) -> str | None:
    """Return until when somebody is timed out."""
    return bench.env.backend.guilds[bench.guild.id].members[person.id].timed_out_until


def calls(bench: DiscordBench, method: str, part: str) -> list[Any]:
    """Return the calls of the API whose path has a part in it."""
    return [call for call in bench.env.http_requests if call.method == method and part in call.path]


def without(*names: str) -> discord.Permissions:
    """Return every permission but Administrator and these."""
    rights = discord.Permissions.all()
    rights.update(administrator=False, **dict.fromkeys(names, False))
    return rights


def top_role(bench: DiscordBench, name: str, *members: simcord.MemberActor) -> None:
    """Give members a role above that of the bot."""
    role = bench.guild.create_role(name)
    lift(bench, role)
    for member in members:
        bench.env.backend.edit_member(bench.guild.id, member.id, {"role_ids": [role.id]})


def lift(bench: DiscordBench, role: simcord.RoleHandle) -> None:
    """Move a role above all others."""
    highest = max(each.position for each in bench.env.backend.guilds[bench.guild.id].roles.values())
    bench.env.backend.reorder_roles(bench.guild.id, [{"id": str(role.id), "position": highest + 1}])


def listening(bench: DiscordBench, enforcer: Any) -> list[tuple[str, str]]:
    """Return a list that an enforcer's alarms go into from now on."""
    heard: list[tuple[str, str]] = []

    async def alarm(community: str, text: str) -> None:
        heard.append((community, text))

    enforcer._alarm = alarm
    return heard
