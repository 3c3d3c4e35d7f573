"""A server that is set up, in which bots are killed, and the wait for everything to be as it must."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.community import Community
from bot.policy_community import CommunityPolicy, to_json
from bot.policy_presets import Preset
from bot.store import Stores, open_stores
from tests.crash.herd import PATIENCE_S, Bot, Herd
from tests.crash.killing import Plan
from tests.crash.laws import Kept, broken, kept_in
from tests.loopback.world import World

RUDE = ("you worthless idiot", "shut up you stupid idiot", "what a pathetic loser you are")
CLEAN = ("well played, good game", "anyone up for another round?", "nice shot, see you tomorrow")
_LOOK_AGAIN_S = 0.05
_POLICY = """
version = 1
[general]
burst_seconds = 1
[category.insult]
mode = "live"
flag = 0.5
act = 0.5
ladder = {ladder}
[category.other_toxic]
mode = "live"
flag = 0.5
act = 0.5
ladder = {ladder}
"""


@dataclass
class Scene:
    """Hold a world, the folder of its database, the herd that its bots come from, and what must be flagged."""

    world: World
    folder: Path
    herd: Herd
    stores: Stores
    settings: dict[str, str] = field(default_factory=dict)
    toxic: list[str] = field(default_factory=list)
    kills: int = 0
    people: int = 0
    bot: Bot | None = None

    async def start(self, plan: Plan | None = None) -> Bot:
        """Start a bot."""
        self.bot = await self.herd.fork(self.world, self.folder, plan, **self.settings)
        return self.bot

    async def newcomer(self) -> str:
        """Return the name of a member who has just joined."""
        self.people += 1
        name = f"member{self.people}"
        await self.world.join_member(name)
        return name

    async def online(self) -> None:
        """Wait until the bot is connected."""
        await self.world.online(PATIENCE_S)

    async def kill(self, *others: int) -> None:
        """Kill the bot, if it has not ended by itself."""
        assert self.bot is not None
        self.bot.kill()
        await self.bury(*others)

    async def bury(self, *others: int) -> None:
        """Wait until the bot was killed; it may have ended with one of the other codes, which is no kill."""
        assert self.bot is not None
        code = await self.bot.gone()
        assert code in (-9, *others), f"the bot ended with {code} before it was killed: {self.log()}"
        self.kills += code == -9
        await self.world.offline()

    async def rude(self, who: str, number: int = 0, **fields: object) -> str:
        """Have somebody say something that must be flagged; return its id."""
        said = await self.world.say(who, RUDE[number % len(RUDE)], **fields)
        self.toxic.append(said["id"])
        return str(said["id"])

    async def settled(self, after: str = "", within: float = PATIENCE_S) -> Kept:
        """Wait until every law holds, for as long as the bot still does something; return what is kept then."""
        loop, calls, deadline = asyncio.get_running_loop(), -1, 0.0
        while found := broken(self.world, kept := await kept_in(self.stores), self.toxic):
            if len(self.world.log.calls) != calls:
                calls, deadline = len(self.world.log.calls), loop.time() + within
            if loop.time() > deadline:
                marks = await self.stores.communities.seen(self.world.guild.id)
                laws = "\n  ".join([*found, f"read up to {dict(marks)}"])
                raise AssertionError(f"{after or 'a kill'} ({self.kills} kills):\n  {laws}\n{self.log()}")
            # What takes long to become right is not asked for all the time.
            await asyncio.sleep(_LOOK_AGAIN_S * min(20, 1 + len(found)))
        return kept

    def log(self) -> str:
        """Return the end of what the bots wrote."""
        path = self.folder / "referee.log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else "no log"


@asynccontextmanager
async def scene(herd: Herd, folder: Path, *ladder: str, **settings: str) -> AsyncIterator[Scene]:
    """Open a server that is set up, with this ladder of actions for whatever is rude."""
    policy = folder / "policy.toml"
    policy.write_text(_POLICY.format(ladder=list(ladder)).replace("'", '"'))
    async with World() as world:
        url = settings.setdefault("database_url", f"sqlite+aiosqlite:///{folder / 'referee.db'}")
        made = Scene(
            world,
            folder,
            herd,
            await open_stores(url, keys=settings.get("content_keys")),
            {"policy": str(policy), **settings},
        )
        try:
            await _set_up(made)
            yield made
        finally:
            await made.stores.close()
            if made.bot is not None and made.bot.is_alive:
                made.bot.kill()
                await made.bot.gone()


async def _set_up(made: Scene) -> None:
    guild = made.world.guild
    moderator = guild.role("Moderator")["id"]
    community = Community(
        id=guild.id,
        review_channel=guild.channel("mod-review")["id"],
        log_channel=guild.channel("mod-log")["id"],
        moderator_roles=frozenset({moderator}),
        policy=to_json(CommunityPolicy(preset=Preset.STANDARD)),
        is_set_up=True,
        held_since=None,
    )
    await made.stores.communities.save(community)
