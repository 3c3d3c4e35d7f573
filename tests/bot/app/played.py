"""A server on the loopback Discord with the bot as a process in it, and what tests ask of both."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.store.cipher import ContentCipher
from bot.store.keys import load_keys
from bot.store.sealed import INCIDENT_AUTHOR
from tests.loopback.answers import text_of
from tests.loopback.process import RefereeProcess
from tests.loopback.world import World

CLIPS = Path(__file__).parents[2] / "clips"
RUDE, WORSE, CLEAN = "you worthless idiot", "shut up you stupid idiot", "well played, good game"
REVIEW = "mod-review"
_LOOK_AGAIN_S = 0.05
START_S = 30.0
"""How long a start may take on a busy machine: the model is loaded, and speech with the first clip."""


@dataclass
class Played:
    """Hold the server and the bot in it."""

    world: World
    referee: RefereeProcess
    folder: Path

    @property
    def community(self) -> str:
        """Return the server's id."""
        return self.world.guild.id

    def mention(self, who: str) -> str:
        """Return how a message names somebody."""
        return f"<@{self.world.users[who]['id']}>"

    async def ready(self) -> None:
        """Wait until the bot is connected and has caught up."""
        await self.world.online(START_S)
        await self.referee.printed("ready as", START_S)

    async def set_up(self, preset: str = "shadow", **options: Any) -> str:
        """Set the server up as its admin does; return what the bot answered."""
        answer = await self.world.slash(
            "admin", "referee setup", review_channel=REVIEW, log_channel="mod-log", preset=preset, **options
        )
        return (await answer.final()).text

    async def card(self, *words: str, channel: str = REVIEW) -> Any:
        """Wait for a card with these words in the review channel."""
        return await self.world.message(
            channel, lambda message: all(word in text_of(message) for word in words), within=START_S
        )

    def cards(self) -> list[Any]:
        """Return the bot's messages in the review channel."""
        own = self.world.bot["id"]
        return [message for message in self.world.messages_in(REVIEW) if message["author"]["id"] == own]

    async def kept(self, predicate: Callable[[], object], what: str, within: float = START_S) -> None:
        """Wait until the other process's database holds what the predicate asks for; nothing tells when it does."""
        try:
            async with asyncio.timeout(within):
                while not predicate():  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            held = self.rows("id, author, surface, category, state, outcome, outcome_detail")
            raise AssertionError(f"{what} not kept within {within} s but {held}; {self.referee.output}") from None

    def rows(self, columns: str = "*", table: str = "incidents") -> list[Any]:
        """Return what the database holds, oldest first; `opened(author)` is the name that is sealed there."""
        connection = sqlite3.connect(f"file:{self.folder / 'referee.db'}?mode=ro", uri=True)
        connection.create_function("opened", 1, self._opened)
        try:
            return connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()  # noqa: S608
        finally:
            connection.close()

    def _opened(self, stored: str) -> str:
        cipher = ContentCipher(load_keys(None, self.folder / "referee.key", may_create=False))
        return cipher.open_name(stored, INCIDENT_AUTHOR, "a name")


@asynccontextmanager
async def play(world: World, folder: Path, **settings: str | None) -> AsyncIterator[Played]:
    """Run the bot until the block ends; settings without their prefix, in lower case."""
    given = {f"REFEREE_{name.upper()}": value for name, value in {"threads": "1", **settings}.items()}
    async with RefereeProcess(world, folder, settings=given) as referee:
        played = Played(world, referee, folder)
        await played.ready()
        yield played
