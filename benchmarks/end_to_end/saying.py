"""Sending what is said at its moment, with the least possible work in the server, which shares the processor."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.end_to_end.talk import Line
from bot.errors import InputError
from tests.loopback import payloads
from tests.loopback.snowflakes import Payload, made_at
from tests.loopback.world import World

_BREATH = 16
"""After so many messages in a row the server looks what was asked of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """Hold what was said: the message's id, and when it left the server, as a monotonic time."""

    message: str
    at: float
    line: Line


@dataclass(frozen=True, slots=True)
class _Prepared:
    line: Line
    message: Payload
    rest: str


class Speaker:
    """Say lines in a world; the events are made before the first is sent."""

    def __init__(self, world: World, lines: Sequence[Line]) -> None:
        self._world = world
        self._prepared = [_prepared(line) for line in lines]

    async def say_all(self) -> list[Said]:
        """Say each line at its moment, or as soon after it as the server can."""
        began = time.monotonic()
        said: list[Said] = []
        for number, each in enumerate(self._prepared):
            wait = began + each.line.moment - time.monotonic()
            if wait > 0 or number % _BREATH == 0:
                await asyncio.sleep(max(0.0, wait))
            said.append(await self._say(each))
        return said

    async def _say(self, prepared: _Prepared) -> Said:
        session = self._world.gateway.session
        if session is None:
            raise InputError("the bot has left while it was talked to; see what it said above, and run it again")
        message = prepared.message
        message["id"] = self._world.ids.next()
        message["timestamp"] = made_at(message["id"]).isoformat()
        self._world.messages[message["id"]] = message
        number = len(session.events) + 1
        # Kept for a resume, as by the gateway; what it does besides would cost as much as the bot's own work.
        session.events.append({"op": 0, "t": "MESSAGE_CREATE", "s": number, "d": message})
        own = f'"id": "{message["id"]}", "timestamp": "{message["timestamp"]}"'
        at = time.monotonic()
        if session.socket is not None:
            await session.socket.send_str(
                f'{{"op": 0, "t": "MESSAGE_CREATE", "s": {number}, "d": {{{own}, {prepared.rest}'
            )
        return Said(message["id"], at, prepared.line)


def _prepared(line: Line) -> _Prepared:
    person = {key: value for key, value in line.member.items() if key != "user"}
    guild = line.place.guild.id
    message = payloads.message("1", line.channel, line.member["user"], line.text, guild_id=guild, member=person)
    rest = json.dumps({key: value for key, value in message.items() if key not in ("id", "timestamp")})
    return _Prepared(line, message, f"{rest[1:]}}}")
