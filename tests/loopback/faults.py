"""Answers that go wrong on request."""

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web

from tests.loopback.calls import PATIENCE_S
from tests.loopback.snowflakes import Payload

Answering = Callable[[], Awaitable[web.Response]]
_BODIES: dict[int, Payload] = {
    401: {"message": "401: Unauthorized", "code": 0},
    403: {"message": "Missing Permissions", "code": 50013},
    404: {"message": "Unknown Message", "code": 10008},
    429: {"message": "You are being rate limited.", "retry_after": 0.05, "global": False},
}


class Feature(StrEnum):
    """Name what a server that only resembles Discord may lack."""

    COMMANDS = "commands"
    AUTOMOD = "auto-moderation"
    COMPONENTS_V2 = "components-v2"
    BULK_DELETE = "bulk-delete"
    BULK_BAN = "bulk-ban"


class Refused(Exception):
    """The server answers with an error of Discord's."""

    def __init__(self, status: int, code: int, message: str, **more: object) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.body: Payload = {"message": message, "code": code, **more}


def answer(data: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return JSON with exactly the content type that discord.py insists on; None is an empty 204."""
    if data is None:
        return web.Response(status=204)
    # A charset after the type, which aiohttp would add, makes discord.py take the body for text.
    sent = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(body=json.dumps(data).encode(), status=status, headers=sent)


async def cut_short(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Promise the whole body, send half of it and drop the connection."""
    body = whole.body if isinstance(whole.body, bytes) else b""
    promised = {"Content-Type": whole.headers.get("Content-Type", "application/json")}
    response = web.StreamResponse(status=whole.status, headers={**promised, "Content-Length": str(len(body) + 64)})
    await response.prepare(request)
    await response.write(body[: len(body) // 2] or b"{")
    if request.transport is not None:
        request.transport.close()
    return response


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=503)


@dataclass(slots=True)
class Hold:
    """Keep matching requests waiting, before anything is done."""

    dropped: bool = False
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Do what the requests ask."""
        self._over.set()

    def drop(self) -> None:
        """Close the connections and do nothing of what was asked."""
        self.dropped = True
        self._over.set()

    async def reached(self, within: float = PATIENCE_S) -> None:
        """Wait until the first request is there."""
        try:
            async with asyncio.timeout(within):
                await self._arrived.wait()
        except TimeoutError:
            raise AssertionError(f"no request reached the hold within {within} s") from None

    async def wait(self) -> None:
        """Stay until the hold is over."""
        self._arrived.set()
        await self._over.wait()


@dataclass(slots=True)
class Fault:
    """Say what happens to a matching request; `left` of None never runs out."""

    method: str
    pattern: re.Pattern[str]
    left: int | None
    status: int | None = None
    body: Payload = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    cut: bool = False
    seconds: float = 0.0
    hold: Hold | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, request: web.Request, go_on: Answering) -> web.StreamResponse:
        """Answer the request: late, wrongly or in part."""
        if self.hold is not None:
            await self.hold.wait()
            if self.hold.dropped:
                return hang_up(request)
        if self.seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), self.seconds)
        if self.status is not None:
            if self.done:
                await go_on()
            return answer(self.body, self.status, self.headers)
        whole = await go_on()
        return await cut_short(request, whole) if self.cut else whole

    @property
    def early(self) -> bool:
        """Tell whether the request is to be noted when it arrives, not when it is done."""
        return not self.cut and not self.done


class Faults:
    """Keep the faults to come; the first that matches is used."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._holds: list[Hold] = []
        self._over = asyncio.Event()

    def fail(
        self,
        method: str,
        pattern: str,
        status: int,
        body: Payload | None = None,
        headers: dict[str, str] | None = None,
        *,
        times: int | None = 1,
        done: bool = False,
    ) -> None:
        """Answer so to matching requests, without doing what they ask, or with; `times` of None means for ever.

        The body is, if none is given, the usual one of that status. A 429 carries the `Via` header, without which
        discord.py takes it for a ban by Cloudflare; pass headers to send another set.
        """
        usual = {"Via": "1.1 loopback", "X-RateLimit-Scope": "user"} if status == 429 else {}
        content = body if body is not None else _BODIES.get(status, {"message": f"{status}: broken", "code": 0})
        chosen = headers if headers is not None else usual
        self._faults.append(Fault(method, re.compile(pattern), times, status, content, chosen, done=done))

    def slow(self, method: str, pattern: str, seconds: float, *, times: int | None = 1) -> None:
        """Do what matching requests ask, after so many seconds."""
        self._faults.append(Fault(method, re.compile(pattern), times, seconds=seconds, over=self._over))

    def cut(self, method: str, pattern: str, *, times: int | None = 1) -> None:
        """Do what matching requests ask, and send half of the answer."""
        self._faults.append(Fault(method, re.compile(pattern), times, cut=True))

    def hold(self, method: str, pattern: str, *, times: int | None = 1) -> Hold:
        """Keep matching requests waiting, before anything is done, until released or dropped."""
        held = Hold()
        self._holds.append(held)
        self._faults.append(Fault(method, re.compile(pattern), times, hold=held))
        return held

    def clear(self) -> None:
        """Forget every fault, answer what is slow and drop what is held."""
        self._faults.clear()
        self._over.set()
        self._over = asyncio.Event()
        for held in self._holds:
            held.drop()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that meets this request, used up by one."""
        for fault in self._faults:
            if fault.method in ("*", method) and fault.pattern.fullmatch(path):
                if fault.left is not None:
                    fault.left -= 1
                    if not fault.left:
                        self._faults.remove(fault)
                return fault
        return None
