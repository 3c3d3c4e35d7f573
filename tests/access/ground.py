"""Two servers with the whole bot in them, people of every standing, and interactions made by hand.

What Discord itself would refuse is sent all the same: the bot must not rely on it.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import simcord
from simcord import interactions
from simcord.backend import serializers
from simcord.results import InteractionResult

from bot.app import sync
from bot.app.setup import STEPS
from bot.community import Community
from bot.domain import Incident, Outcome
from tests.fakes.answers import put, said
from tests.fakes.discord_bench import DiscordBench, open_discord
from tests.fakes.fetcher import LocalFetcher

MARKED = "bazaar-only-7c1f"
"""What nobody outside of the second server may ever read."""

_KEPT = ("incidents", "reviews", "cards", "communities", "changes")
_IDLE_S = 0.001


class StandIn:
    """Stand in for what acts in Discord, and count what was asked of it."""

    def __init__(self, bench: DiscordBench) -> None:
        self.asked = 0
        bench.bot.enforcer.act = self.act  # type: ignore[method-assign]
        bench.bot.enforcer.undo = self.undo  # type: ignore[method-assign]

    async def act(self, *_: object, **__: object) -> tuple[Outcome, str]:
        self.asked += 1
        return Outcome.DONE, ""

    async def undo(self, *_: object, **__: object) -> tuple[Outcome, str]:
        self.asked += 1
        return Outcome.UNDONE, "taken back"


@dataclass(frozen=True)
class Told:
    """Hold what came of an interaction: what was said in answer, and everything that was sent, files included."""

    text: str
    sent: str
    choices: Sequence[Any]
    acknowledged: bool
    private: bool
    requests: int


@dataclass
class Ground:
    """Hold both servers and the people, by what they are; `review` and `lobby` are the channels of each server."""

    bench: DiscordBench
    folder: Path
    bazaar: simcord.GuildHandle
    people: Mapping[str, int]
    review: Mapping[int, int]
    lobby: Mapping[int, int]
    settings: Mapping[int, Community]
    acting: StandIn

    @property
    def arena(self) -> int:
        """Return the id of the server that the bench has set up, with a moderators' role."""
        return self.bench.guild.id

    def is_member(self, person: str, guild: int | None) -> bool:
        """Tell whether somebody is in a server just now."""
        return guild is not None and self.people[person] in self.bench.env.backend.guilds[guild].members

    def standing(self, person: str, guild: int | None) -> tuple[bool, bool]:
        """Return whether somebody manages a server and whether they moderate it, told by their roles just now.

        It is worked out from what the simulated Discord holds, without a line of the bot.
        """
        if guild is None or not self.is_member(person, guild):
            return False, False
        held, user = self.bench.env.backend.guilds[guild], self.people[person]
        roles = [guild, *held.members[user].role_ids]
        rights = discord.Permissions(0)
        for role in roles:
            rights.value |= held.roles[role].permissions
        manages = held.owner_id == user or rights.administrator or rights.manage_guild
        chosen = self.bench.bot.services.communities.get(str(guild)).moderator_roles
        by_role = bool({str(role) for role in roles} & chosen)
        by_right = not chosen and (rights.manage_messages or rights.moderate_members)
        return manages, manages or by_role or by_right

    async def use(
        self, person: str, guild: int | None, kind: int, data: Mapping[str, Any], message: Any = None
    ) -> Told:
        """Send an interaction as if it came from Discord; return what came of it."""
        env, backend, user = self.bench.env, self.bench.env.backend, self.people[person]
        at = self.lobby[guild] if guild is not None else backend.get_dm_channel(user).id
        if message is not None and backend.get_channel(int(message["channel_id"])).guild_id == guild:
            at = int(message["channel_id"])
        is_member = self.is_member(person, guild)
        record, payload = interactions.base_payload(
            backend, type=kind, channel_id=at, guild_id=guild if is_member else None, user_id=user, data=dict(data)
        )
        if guild is not None and not is_member:
            # Somebody who left: Discord names them as a member without roles, if at all.
            base = {"roles": [], "joined_at": None, "deaf": False, "mute": False, "permissions": "0", "flags": 0}
            payload |= {"guild_id": str(guild), "member": {**base, "user": payload.pop("user")}}
        if message is not None:
            payload["message"], record.source_message_id = message, int(message["id"])
        before = len(env.http_requests)
        backend.emit("INTERACTION_CREATE", payload)
        await env.settle(idle=_IDLE_S)
        requests = env.http_requests[before:]
        result = InteractionResult(env, record)
        return Told(
            said(result),
            json.dumps([[each.path, each.json] for each in requests]) + await _files(result),
            result.autocomplete_choices or (),
            result.acknowledged,
            all(each.ephemeral for each in result.followups),
            len(requests),
        )

    async def press(
        self, person: str, guild: int | None, custom_id: str, *, select: bool = False, values: Sequence[str] = ()
    ) -> Told:
        """Press a button, or choose from a list, of a message that shows exactly that."""
        component: dict[str, Any] = {"type": 3 if select else 2, "custom_id": custom_id, "id": 2}
        component |= {"options": [{"label": "x", "value": "x"}]} if select else {"style": 2, "label": "x"}
        message = await self.message(guild if guild is not None else self.arena)
        message["components"] = [{"type": 1, "id": 1, "components": [component]}]
        data = {"custom_id": custom_id, "component_type": component["type"]}
        return await self.use(person, guild, 3, {**data, "values": list(values)} if select else data, message)

    async def message(self, guild: int) -> dict[str, Any]:
        """Return a fresh message of the bot in a server's review channel, as Discord sends it."""
        channel = self.bench.bot.get_partial_messageable(self.review[guild], guild_id=guild)
        sent = await channel.send("a card")
        stored = self.bench.env.backend.get_message(sent.channel.id, sent.id)
        return dict(serializers.message_payload(self.bench.env.backend, stored))

    async def flagged(self, guild: int, text: str) -> tuple[Incident, int]:
        """Keep an incident of a server on a card of its own; return it with the number of the card."""
        number = str(self.bench.env.backend.snowflake())
        author = str(self.people["otto" if guild != self.arena else "ann"])
        incident = await put(self.bench, number, text, community=str(guild), author=author)
        card = await self.bench.stores.cards.attach(incident, timedelta())
        return incident, card.id

    async def put_back(self) -> None:
        """Set both servers up as they were, so that what one test did is not in the way of the next."""
        communities = self.bench.bot.services.communities
        for guild, settings in self.settings.items():
            if communities.get(str(guild)) != settings:
                await communities.save(settings, "1", discord.utils.utcnow(), "as it was")

    def everything(self) -> list[Any]:
        """Return every row that the database holds of what was flagged, said of it, shown and set."""
        path = f"file:{self.folder / 'referee.db'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as connection:
            return [sorted(map(repr, connection.execute(f"SELECT * FROM {table}"))) for table in _KEPT]  # noqa: S608

    async def bazaars(self) -> list[Any]:
        """Return all that is kept of the other server."""
        stores, community = self.bench.stores, str(self.bazaar.id)
        incidents = [each for each in await self.bench.incidents() if each.key.community == community]
        reviews = [await stores.incidents.reviews(each.id) for each in incidents]
        cards = [await stores.cards.of_incident(each.id) for each in incidents]
        settings = self.bench.bot.services.communities.get(community)
        return [incidents, reviews, cards, settings, await stores.communities.changes(community, 1000)]


@asynccontextmanager
async def open_ground(folder: Path) -> AsyncIterator[Ground]:
    """Open both servers, set up: the first with a moderators' role, the second without one."""
    async with open_discord(folder, *(step for step in STEPS if step is not sync.setup)) as bench:
        bench.bot.services = replace(bench.bot.services, fetcher=LocalFetcher())  # type: ignore[arg-type]
        await bench.set_up()
        env, arena = bench.env, bench.guild
        managers = arena.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
        helpers = arena.create_role("Helpers", permissions=discord.Permissions(manage_messages=True))
        users = {name: env.create_user(name) for name in ("max", "hal", "rex", "gus", "bea", "otto", "sue")}
        bazaar = env.create_guild("Bazaar", owner=users["otto"])
        judges = bazaar.create_role("Judges", permissions=discord.Permissions(moderate_members=True))
        for name, roles in (("max", [managers]), ("hal", [helpers]), ("rex", [bench.moderators]), ("bea", [])):
            arena.add_member(users[name], roles=roles)
        gus = arena.add_member(users["gus"], roles=[bench.moderators])
        bazaar.add_member(users["bea"], roles=[judges])
        bazaar.add_member(users["hal"])
        review, lobby = bazaar.create_text_channel("review"), bazaar.create_text_channel("lobby")
        await env.settle()
        # A second ago: their Discord still shows them everything.
        env.backend.remove_member_role(arena.id, users["rex"].id, bench.moderators.id)
        arena.remove_member(gus)
        await env.settle()
        communities = bench.bot.services.communities
        known = replace(communities.get(str(bazaar.id)), review_channel=str(review.id), is_set_up=True)
        await communities.save(known, str(users["otto"].id), discord.utils.utcnow(), "set up")
        named = {"ann": bench.ann, "mia": bench.mia, "ada": bench.ada, "olga": bench.olga, **users}
        yield Ground(
            bench,
            folder,
            bazaar,
            {name: person.id for name, person in named.items()},
            review={arena.id: bench.review.id, bazaar.id: review.id},
            lobby={arena.id: bench.lobby.id, bazaar.id: lobby.id},
            settings={guild: communities.get(str(guild)) for guild in (arena.id, bazaar.id)},
            acting=StandIn(bench),
        )


async def _files(result: InteractionResult) -> str:
    """Return what is in the files of every answer."""
    answers = [*([result.response] if result.response is not None else []), *result.followups]
    files = [await each.read() for answer in answers for each in answer.attachments]
    return "\n".join(file.decode(errors="replace") for file in files)
