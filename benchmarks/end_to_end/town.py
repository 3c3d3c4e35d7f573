"""Where the talk is: servers of the loopback Discord, set up by their admins with the bot's own commands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.loopback import payloads
from tests.loopback.guild import Guild
from tests.loopback.payloads import ChannelType
from tests.loopback.world import World

_ACT = "0.6"
_DELETE, _TIMEOUT = "delete", "timeout:10m"
_PUNISHED = ("insult", "other_toxic", "hate")
"""The usual categories of what is rude; where the model is this sure, it is acted on."""


@dataclass(frozen=True, slots=True)
class Place:
    """Hold a server, the channels that are talked in, and whether rude members are timed out there."""

    guild: Guild
    channels: Sequence[str]
    times_out: bool


@dataclass(slots=True)
class Town:
    """Hold the servers, and let people move there."""

    world: World
    places: Sequence[Place]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    def founded(cls, world: World, servers: int, channels: int) -> "Town":
        """Found so many servers of so many channels each; in every other one, rude members are timed out."""
        return cls(world, [_place(world, number, channels) for number in range(servers)])

    def newcomer(self, place: Place) -> dict[str, Any]:
        """Let somebody new join a server, and return them as a member; the bot is not told, as without the intent."""
        name = f"member {next(self._numbers)}"
        person = payloads.user(self.world.ids.next(), name)
        self.world.users[name] = person
        member = payloads.member(person)
        place.guild.members[person["id"]] = member
        return member

    async def set_up(self) -> None:
        """Have each admin choose channels, moderators and what is done about rude members."""
        for place in self.places:
            general = place.guild.channel("general")
            chosen = {"review_channel": "mod-review", "log_channel": "mod-log", "moderators": "Moderator"}
            await self._say(general, "referee setup", preset="standard", **chosen)
            ladder = _TIMEOUT if place.times_out else _DELETE
            for category in _PUNISHED:
                await self._say(general, "policy set", category=category, act=_ACT, ladder=ladder)

    async def _say(self, channel: Any, command: str, **options: str) -> None:  # noqa: ANN401 - a payload
        answer = await self.world.slash("admin", command, channel=channel, **options)
        await answer.final()


def _place(world: World, number: int, channels: int) -> Place:
    guild = world.new_guild(f"Server {number + 1}")
    made = [payloads.channel(world.ids.next(), ChannelType.TEXT, f"match-{n + 1}", 10 + n) for n in range(channels)]
    guild.channels |= {channel["id"]: channel for channel in made}
    return Place(guild, [channel["id"] for channel in made], times_out=number % 2 == 1)
