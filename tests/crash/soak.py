"""Random kills under load.

    python -m tests.crash.soak --kills 1000
    python -m tests.crash.soak --kills 200 --seed 7 --json

People talk the whole time. Bots are started and killed at random moments: while they start, catch up, finish what the
one before left, handle messages, or stop because they were told to. After some kills the talk pauses, the last bot is
left alone until nothing waits any more, and everything said since the beginning is held against `laws`.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.domain import Action
from tests.crash.herd import Herd
from tests.crash.killing import Plan
from tests.crash.laws import Kept
from tests.crash.scene import CLEAN, Scene, scene

LADDER = ("warn", "delete", "timeout:10m", "kick", "ban")
_KILLS_IN_A_WORLD = 50
_CROWD = 6
_PAUSE_S = (0.05, 0.4)
_LIFE_S = (0.05, 2.0)
_TOLD_EVERY = 10
_STEPS = (
    r"(record|finish|set_words|attach|outdate|sent|caught_up|note(_all)?_seen|decide|act|recover) (before|after)",
    r"(PATCH|PUT|DELETE|POST) /(guilds|channels|users)/.* (before|after)",
    r"GET /channels/.* (before|after)",
)


@dataclass
class Figures:
    """Count what was done to how many bots, and what came of it."""

    seed: int
    kills: int = 0
    starts: int = 0
    stops: int = 0
    said: int = 0
    toxic: int = 0
    incidents: int = 0
    calls: int = 0
    worlds: int = 0
    seconds: float = 0.0
    actions: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)

    def add(self, played: Scene, kept: Kept) -> None:
        """Add what came of a world."""
        self.worlds += 1
        self.kills += played.kills
        self.toxic += len(played.toxic)
        self.incidents += len(kept.incidents)
        self.calls += len(played.world.log.calls)
        for incident in kept.incidents:
            action, outcome = incident.decision.action.value, incident.outcome.value
            self.actions[action] = self.actions.get(action, 0) + 1
            if incident.decision.action is not Action.FLAG:
                self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


async def soak(
    kills: int, seed: int, say: Callable[[str], None] = lambda _: None, settings: dict[str, str] | None = None
) -> Figures:
    """Kill so many bots, fifty in a world; raise AssertionError, with the seed in it, where a law breaks."""
    chance, began = random.Random(seed), time.monotonic()  # noqa: S311
    figures = Figures(seed)
    async with Herd() as herd:
        while figures.kills < kills:
            number = chance.getrandbits(32)
            with tempfile.TemporaryDirectory(prefix="referee-soak-") as folder:
                try:
                    await _world(
                        herd,
                        Path(folder),
                        number,
                        min(_KILLS_IN_A_WORLD, kills - figures.kills),
                        figures,
                        say,
                        settings,
                    )
                except AssertionError as error:
                    raise AssertionError(
                        f"seed {seed}, world {figures.worlds + 1} (of seed {number}): {error}"
                    ) from None
            figures.seconds = round(time.monotonic() - began, 1)
            done = f"{figures.kills} of {kills} kills, {figures.toxic} rude messages"
            say(f"{done}, {figures.seconds:.0f} s: all laws hold")
    return figures


async def _world(
    herd: Herd,
    folder: Path,
    seed: int,
    kills: int,
    figures: Figures,
    say: Callable[[str], None],
    settings: dict[str, str] | None,
) -> None:
    chance = random.Random(seed)  # noqa: S311
    async with scene(herd, folder, *LADDER, **(settings or {})) as played:
        # What was said before the very first start is nobody's to judge.
        await played.stores.communities.remember("watched_since", datetime.now(UTC).isoformat())
        async with _talk(played, random.Random(seed + 1), figures):  # noqa: S311
            while played.kills < kills:
                await _live_and_die(played, chance, figures)
                if played.kills % _TOLD_EVERY == 0:
                    say(f"{figures.kills + played.kills} kills, {len(played.toxic)} rude messages in this world")
        await played.start()
        figures.starts += 1
        figures.add(played, await played.settled(f"{kills} random kills"))


async def _live_and_die(played: Scene, chance: random.Random, figures: Figures) -> None:
    """Start a bot and kill it: at a random moment, at a random step, or while it stops as it was told."""
    way = chance.random()
    plan = Plan(chance.choice(_STEPS), chance.randint(1, 30)) if way < 0.4 else None
    bot = await played.start(plan)
    figures.starts += 1
    with suppress(TimeoutError):
        await bot.gone(chance.uniform(*_LIFE_S))
    told = bot.is_alive and way > 0.9
    if told:
        bot.stop()
        figures.stops += 1
        with suppress(TimeoutError):
            await bot.gone(chance.uniform(0.0, 0.3))
    # Told to stop it may do so in time, or before it listens to signals.
    await played.kill(*((0, -15) if told else ()))
    if chance.random() < 0.3:
        played.world.forget_nonces()


@asynccontextmanager
async def _talk(played: Scene, chance: random.Random, figures: Figures) -> AsyncIterator[None]:
    """Have people talk until the block ends."""
    talking = asyncio.create_task(_chatter(played, chance, figures))
    try:
        yield
    finally:
        talking.cancel()
        with suppress(asyncio.CancelledError):
            await talking


async def _chatter(played: Scene, chance: random.Random, figures: Figures) -> None:
    crowd = [await played.newcomer() for _ in range(_CROWD)]
    places = [
        "general",
        "general",
        "voice",
        await played.world.thread_create(crowd[0], "our next match", channel="general"),
    ]
    clean: list[dict[str, object]] = []
    while True:
        await asyncio.sleep(chance.uniform(*_PAUSE_S))
        number = chance.randrange(len(crowd))
        # Whoever was removed is replaced, or comes back.
        if played.world.user(crowd[number])["id"] not in played.world.guild.members:
            is_banned = played.world.user(crowd[number])["id"] in played.world.guild.bans
            if is_banned or chance.random() < 0.5:
                crowd[number] = await played.newcomer()
            else:
                await played.world.join_member(crowd[number])
        who, place = crowd[number], chance.choice(places)
        figures.said += 1
        what = chance.random()
        if what < 0.5:
            await played.rude(who, chance.randrange(3), channel=place)
        elif what < 0.6 and clean:
            edited = clean.pop(chance.randrange(len(clean)))
            if edited["id"] in played.world.messages:
                await played.world.edit(edited, "you worthless idiot")
                played.toxic.append(str(edited["id"]))
        else:
            clean = [*clean[-9:], await played.world.say(who, chance.choice(CLEAN), channel=place)]


def main() -> None:
    """Run it from a shell; end with 1 where a law breaks."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=1000, metavar="N", help="how many bots are killed (1000)")
    parser.add_argument("--seed", type=int, default=None, help="makes the same choices again; the moments still differ")
    parser.add_argument("--json", action="store_true", help="the figures as JSON instead of a table")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().getrandbits(31)
    tell(f"seed {seed}")
    try:
        figures = asyncio.run(soak(given.kills, seed, tell))
    except AssertionError as error:
        tell(f"a law does not hold: {error}")
        sys.exit(1)
    sys.stdout.write((json.dumps(asdict(figures), indent=2) if given.json else table(figures)) + "\n")


def table(figures: Figures) -> str:
    """Return the figures as lines."""
    return "\n".join(f"{name:<10} {value}" for name, value in asdict(figures).items())


def tell(text: str) -> None:
    """Show how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
