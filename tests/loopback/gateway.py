"""The gateway websocket: sessions, their numbered events, and the ways a connection goes wrong."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.loopback.intents import readable, wanted
from tests.loopback.oddities import UNKNOWN_EVENT, oddly
from tests.loopback.snowflakes import Payload

if TYPE_CHECKING:
    from tests.loopback.state import State

_BAD_TOKEN, _BAD_INTENTS = 4004, 4014
_ENDS_SESSION = (1000, 1001)


@dataclass(slots=True, eq=False)
class Session:
    """Hold one session: what was asked for at its start, and every event numbered for it."""

    id: str
    identify: Payload
    events: list[Payload] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None
    ready: bool = False
    resumes: int = 0

    @property
    def intents(self) -> int:
        """Return the intents asked for."""
        return int(self.identify["intents"])


class Gateway:
    """Serve one bot at a time; a new IDENTIFY begins a new session."""

    def __init__(self, state: "State") -> None:
        self._state = state
        self._refusals: list[int] = []
        self._thrown_out: set[web.WebSocketResponse] = set()
        self._beats = 0
        self._sockets: set[web.WebSocketResponse] = set()
        self.sessions: list[Session] = []
        self.received: list[Payload] = []
        self.heartbeat_ms = 41_250
        self.beaten_at: list[float] = []
        """When each heartbeat came, as a monotonic time."""
        self.silent = False
        self._door = asyncio.Event()
        self._door.set()

    @property
    def session(self) -> Session | None:
        """Return the newest session that can still be resumed."""
        return self.sessions[-1] if self.sessions and self.sessions[-1].id else None

    @property
    def connected(self) -> bool:
        """Tell whether a bot is connected and has its guilds."""
        return self.session is not None and self.session.socket is not None and self.session.ready

    @property
    def identifies(self) -> list[Payload]:
        """Return what each session sent to identify, the oldest first."""
        return [session.identify for session in self.sessions]

    def refuse_next(self, code: int) -> None:
        """Close the connection with this code at the next IDENTIFY or RESUME."""
        self._refusals.append(code)

    async def dispatch(self, event: str, data: Payload) -> None:
        """Number an event and send it; with nobody connected it is kept for a resume."""
        session = self.session
        if session is None or not wanted(event, data, session.intents):
            return
        shown = readable(event, data, session.intents, self._state.bot["id"])
        await self._send_numbered(session, event, shown)

    async def close(self, code: int) -> None:
        """Close the bot's connection with a code; the session stays open to a resume."""
        for socket in list(self._sockets):
            self._thrown_out.add(socket)
            await socket.close(code=code)

    async def reconnect(self) -> None:
        """Ask the bot to come back (op 7)."""
        await self._send({"op": 7, "d": None, "s": None, "t": None})

    async def invalidate(self, *, resumable: bool) -> None:
        """Call the session invalid (op 9); one that is not resumable is gone, with what it missed."""
        socket = self.session.socket if self.session else None
        if self.session is not None and not resumable:
            self.session.id = ""
        if socket is not None:
            await _post(socket, {"op": 9, "d": resumable, "s": None, "t": None})

    @contextlib.asynccontextmanager
    async def outage(self, code: int | None = None) -> AsyncIterator[None]:
        """Throw the bot out, by op 7 or a close code, and let nobody in before the block ends."""
        self._door.clear()
        await (self.reconnect() if code is None else self.close(code))
        await self._state.log.until(lambda: not self.connected, what="the bot's leaving")
        try:
            yield
        finally:
            self._door.set()

    async def settle(self) -> None:
        """Wait until the bot has taken what it was sent before: ask for a heartbeat and await it."""
        session = self.session
        if session is None or session.socket is None or self.silent:
            return
        beats = self._beats
        await _post(session.socket, {"op": 1, "d": None, "s": None, "t": None})
        await self._state.log.until(lambda: self._beats > beats or session.socket is None, what="the bot's heartbeat")

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Talk to one connection until it ends."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        await self._door.wait()
        await _post(socket, {"op": 10, "d": {"heartbeat_interval": self.heartbeat_ms}, "s": None, "t": None})
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._take(socket, json.loads(message.data))
        finally:
            self._sockets.discard(socket)
            self._left(socket)
            await self._state.log.stir()
        return socket

    def _left(self, socket: web.WebSocketResponse) -> None:
        for session in self.sessions:
            if session.socket is socket:
                session.socket = None
                # Where the server closes, the client may answer with a code of its own.
                if socket.close_code in _ENDS_SESSION and socket not in self._thrown_out:
                    session.id = ""

    async def _take(self, socket: web.WebSocketResponse, packet: Payload) -> None:
        self.received.append(packet)
        takers: dict[int, Any] = {1: self._beat, 2: self._identify, 6: self._resume, 8: self._chunk}
        taker = takers.get(packet["op"])
        if taker is not None:
            await taker(socket, packet.get("d"))
        await self._state.log.stir()

    async def _beat(self, socket: web.WebSocketResponse, _data: object) -> None:
        self._beats += 1
        self.beaten_at.append(time.monotonic())
        if not self.silent:
            await _post(socket, {"op": 11, "d": None, "s": None, "t": None})

    async def _identify(self, socket: web.WebSocketResponse, data: Payload) -> None:
        session = Session(self._state.ids.next(), data)
        self.sessions.append(session)
        code = self._refusal(data)
        if code is not None:
            session.id = ""
            await socket.close(code=code)
            return
        session.socket = socket
        await self._send_numbered(session, "READY", self._ready(session))
        for guild in list(self._state.guilds.values()):
            await self.dispatch("GUILD_CREATE", self.guild_payload(guild.id))
        if self._state.odd:
            await self._send_numbered(session, UNKNOWN_EVENT, {"id": "1"})
        session.ready = True

    def _refusal(self, data: Payload) -> int | None:
        if self._refusals:
            return self._refusals.pop(0)
        if data["token"] != self._state.token:
            return _BAD_TOKEN
        return _BAD_INTENTS if data["intents"] & self._state.forbidden_intents else None

    def _ready(self, session: Session) -> Payload:
        return {
            "v": 10,
            "user": self._state.bot,
            "session_id": session.id,
            "resume_gateway_url": self._state.gateway_url,
            "shard": session.identify.get("shard", [0, 1]),
            "guilds": [{"id": guild, "unavailable": True} for guild in self._state.guilds],
            "application": {"id": self._state.application_id, "flags": 0},
        }

    def guild_payload(self, guild_id: str) -> Payload:
        """Return a guild as a new session is told of it: of its members, Discord then names the bot alone."""
        guild = self._state.guilds[guild_id]
        return guild.payload([guild.members[self._state.bot["id"]]])

    async def _resume(self, socket: web.WebSocketResponse, data: Payload) -> None:
        if self._refusals:
            await socket.close(code=self._refusals.pop(0))
            return
        session = self.session
        if session is None or session.id != data["session_id"] or data["token"] != self._state.token:
            await _post(socket, {"op": 9, "d": False, "s": None, "t": None})
            return
        session.resumes += 1
        missed = int(data["seq"] or 0)
        # Counted anew each time: what happens during the replay is replayed as well, in its turn.
        while missed < len(session.events):
            await _post(socket, session.events[missed])
            missed += 1
        session.socket = socket
        await self._send_numbered(session, "RESUMED", {"_trace": []})

    async def _chunk(self, _socket: web.WebSocketResponse, data: Payload) -> None:
        guild = self._state.guilds[str(data["guild_id"])]
        asked = data.get("user_ids")
        asked = [asked] if isinstance(asked, str | int) else asked
        query, most = str(data.get("query") or "").casefold(), data.get("limit") or len(guild.members)
        people = [
            person
            for key, person in guild.members.items()
            if (key in map(str, asked) if asked else person["user"]["username"].casefold().startswith(query))
        ]
        chunk = {"guild_id": guild.id, "members": people[:most], "chunk_index": 0, "chunk_count": 1}
        await self.dispatch("GUILD_MEMBERS_CHUNK", {**chunk, "not_found": [], "nonce": data.get("nonce")})

    async def _send_numbered(self, session: Session, event: str, data: Payload) -> None:
        shown = oddly(data, self._state.odd_drops) if self._state.odd else data
        # A copy as of now: what is replayed later must not show what changed in between.
        packet = json.loads(json.dumps({"op": 0, "t": event, "s": len(session.events) + 1, "d": shown}))
        session.events.append(packet)
        if session.socket is not None and not self.silent:
            await _post(session.socket, packet)
        await self._state.log.stir()

    async def _send(self, packet: Payload) -> None:
        assert self.session is not None
        assert self.session.socket is not None
        await _post(self.session.socket, packet)


async def _post(socket: web.WebSocketResponse, packet: Payload) -> None:
    # A bot that was killed is gone before the server knows it.
    with contextlib.suppress(ConnectionError):
        await socket.send_json(packet)
