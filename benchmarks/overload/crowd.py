"""Who says what: several servers of the loopback Discord, one of which floods and one of which is quiet."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.loopback.guild import Guild
from tests.loopback.world import World

_WORDS = (
    *("the", "a", "you", "me", "we", "they", "go", "push", "hold", "left", "right", "mid", "top", "base", "tower"),
    *("heal", "tank", "carry", "ward", "jungle", "lane", "gank", "nice", "good", "great", "bad", "close", "late"),
    *("early", "fast", "slow", "team", "enemy", "fight", "again", "next", "round", "win", "lose", "map", "gold"),
)
_RUDE = ("you worthless idiot", "shut up you stupid idiot", "what a clown you are", "nobody wants you here, idiot")
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Mix:
    """Hold what is said: how many words a line has, and which part of the lines is rude."""

    words: int = 20
    rude: float = 0.03
    seed: int = 7


class Crowd:
    """Talk in servers at given rates, every line a new one, and count what was said."""

    def __init__(self, world: World, mix: Mix) -> None:
        self._world, self._mix = world, mix
        self._random = random.Random(mix.seed)  # noqa: S311 - no secret
        self._number = 0
        self.said: Counter[str] = Counter()
        self.authors: dict[str, list[str]] = {}

    def settle(self, guild: Guild, names: list[str]) -> None:
        """Say who talks in a server."""
        self.authors[guild.id] = names

    async def talk(self, rates: Mapping[str, float], seconds: float) -> None:
        """Say so many lines a second in each server, for so long; what cannot be sent in time is left out."""
        began = time.monotonic()
        sent: Counter[str] = Counter()
        while (passed := time.monotonic() - began) < seconds:
            for server, rate in rates.items():
                while sent[server] < rate * passed and time.monotonic() - began < seconds:
                    await self.say(server)
                    sent[server] += 1
            await asyncio.sleep(_STEP_S)

    async def say(self, server: str) -> None:
        """Say one line."""
        names = self.authors[server]
        name = names[self._number % len(names)]
        guild = self._world.guilds[server]
        draft = self._world.draft(name, self._line(), channel=guild.channel("general"))
        self.said[server] += 1
        # Told, but not kept: what the server of the test does is not what is measured.
        await self._world.announce("MESSAGE_CREATE", draft)

    def _line(self) -> str:
        self._number += 1
        words = self._random.choices(_WORDS, k=self._mix.words)
        if self._random.random() < self._mix.rude:
            words.insert(0, self._random.choice(_RUDE))
        return f"{' '.join(words)} {self._number}"
