"""The real bot without a wire: its client gets the events of the gateway as the library's reader would hand them on.

Nothing of it asks Discord for anything: the servers are known and not set up, so that what is flagged is kept and
nobody is told of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, cast

from sqlalchemy import insert

from bot.app.client import RefereeBot
from bot.app.compose import compose
from bot.app.setup import STEPS
from bot.app.sync import setup as sync
from bot.assembly import Parts, SystemClock, load_policy
from bot.cogs.watching.catch_up import CatchUp
from bot.cogs.watching.watch import Watch
from bot.policy_community import CommunityPolicy, to_json
from bot.settings import Settings
from bot.store import Stores, open_stores
from bot.store.schema import communities
from classifier import Batcher, Classifier
from tests.loopback import payloads
from tests.loopback.guild import found
from tests.loopback.snowflakes import Payload, Snowflakes

CLEAN, RUDE = "well played, good game", "you worthless idiot"
_CHOICES = 4
_STEP_S = 0.002
_PATIENCE_S = 300.0
_PEOPLE = ("owner", "admin", "mod", "alice", "bob")


@dataclass(frozen=True, slots=True)
class Place:
    """Hold a server as the gateway tells of it, and where people talk in it."""

    guild: str
    channel: str
    payload: Payload


class Rig:
    """Feed events to a bot, and wait for what comes of them."""

    def __init__(self, bot: RefereeBot, stores: Stores, places: Sequence[Place], own: Payload) -> None:
        self.bot, self.stores, self.places = bot, stores, places
        self._own = own
        self._ids = Snowflakes()
        self._people = count(10**17)

    @property
    def watch(self) -> Watch:
        """Return the cog that takes messages in."""
        return cast(Watch, self.bot.get_cog("Watch"))

    def event(self, name: str, data: Any) -> None:  # noqa: ANN401 - whatever the gateway sends
        """Hand an event on to whoever reads it."""
        self.bot._connection.parsers[name](data)

    async def connect(self, patience_s: float | None = None) -> None:
        """Begin a session with every server still to be told of; the library waits so long for the next of them."""
        await self.bot._async_setup_hook()
        if patience_s is not None:
            self.bot._connection.guild_ready_timeout = patience_s
        for step in STEPS:
            if step is not sync:
                await step(self.bot)
        absent = [{"id": place.guild, "unavailable": True} for place in self.places]
        application = {"id": self._own["id"], "flags": 0}
        self.event("READY", {"user": self._own, "application": application, "guilds": absent})

    async def arrive(self) -> None:
        """Have every server arrive, and wait until the bot has caught up with all of them."""
        self.tell_of_servers()
        catch_up = cast(CatchUp, self.bot.get_cog("CatchUp"))
        await self._until(lambda: catch_up.is_caught_up)

    def tell_of_servers(self) -> None:
        """Have every server arrive."""
        for place in self.places:
            self.event("GUILD_CREATE", place.payload)

    def say(self, place: Place, text: str, person: int | None = None) -> None:
        """Have somebody say something, a stranger where nobody is named."""
        number = str(next(self._people) if person is None else person)
        author = payloads.user(number, f"player {number}")
        message = payloads.message(self._ids.next(), place.channel, author, text, guild_id=place.guild)
        member = {name: value for name, value in payloads.member(author).items() if name != "user"}
        self.event("MESSAGE_CREATE", {**message, "member": member})

    async def judged(self, seen: int) -> None:
        """Wait until so many messages were judged, and what came of them was done."""
        tally = self.bot.services.pipeline.tally
        await self._until(lambda: tally.seen >= seen)
        await self.watch.intake.finish(_PATIENCE_S)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(_STEP_S)


def made_places(servers: int) -> tuple[list[Place], Payload]:
    """Return servers of five channels, three roles and six members, and the bot's own user in them."""
    ids = Snowflakes()
    own = payloads.user(ids.next(), "referee", bot=True)
    people = {name: payloads.user(ids.next(), name) for name in _PEOPLE}
    places = []
    for number in range(servers):
        guild = found(ids, f"server {number}", people, own)
        me = [member for member in guild.members.values() if member["user"] is own]
        places.append(Place(guild.id, guild.channel("general")["id"], guild.payload(me)))
    return places, own


@asynccontextmanager
async def open_rig(classifier: Classifier, folder: Path, servers: int) -> AsyncIterator[Rig]:
    """Put a bot together that is in so many servers, not connected yet, on a database in a new folder."""
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite+aiosqlite:///{folder / 'referee.db'}",
        speech=False,
        threads=1,
    )
    places, own = made_places(servers)
    stores = await open_stores(settings.database_url, key_file=folder / "referee.key")
    try:
        await know(stores, [place.guild for place in places])
        async with Batcher(classifier) as scorer:
            policy = load_policy(settings, classifier)
            parts = Parts(classifier, policy, stores, scorer, None, lambda: scorer.depth)
            bot = await compose(settings, parts, SystemClock(), [])
            try:
                yield Rig(bot, stores, places, own)
            finally:
                await bot.close()
                await bot.services.fetcher.close()
    finally:
        await stores.close()


async def know(stores: Stores, guilds: Sequence[str]) -> None:
    """Write down that servers are known, in shadow and with one of a few policies each: who is new would be greeted."""
    choices = [to_json(CommunityPolicy(exempt_roles=frozenset({f"role {n}"}))) for n in range(_CHOICES)]
    rows = [
        {"id": guild, "moderator_roles": "[]", "policy": choices[number % _CHOICES], "is_set_up": True}
        for number, guild in enumerate(guilds)
    ]
    async with stores.database.writing() as connection:
        await connection.execute(insert(communities), rows)
