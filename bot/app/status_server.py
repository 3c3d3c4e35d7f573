"""`/healthz`, `/readyz` and `/metrics` in a thread of their own, so that they answer when the bot does not.

Whoever reaches the port may read them, so that nothing about anybody is in them. Connections are few, short, and serve
one request: a client that is slow, or many of them, cost the bot nothing.
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError
from typing import Any

from aiohttp import web

from bot.app.metrics import Metrics
from bot.app.observation import Observation
from bot.app.pulse import LoopPulse
from bot.errors import SettingsError

_MOST_CONNECTIONS = 32
_CONNECTION_S = 10.0
_STALLED_S = 5.0
"""A bot whose event loop has not turned for so long loses messages soon: the gateway expects its heartbeats."""
_LOOK_WITHIN_S = 6.0
_LOOK_EVERY_S = 0.2
_HEADERS = {
    "Server": "referee",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}
_METHODS = ("GET", "HEAD")

Look = Callable[[], Awaitable[Observation | str]]
"""Looks at the bot, in the bot's event loop; a text says why there is nothing to see."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket on exactly that address; raise SettingsError where it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family, backlog=_MOST_CONNECTIONS)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no such address"
        raise SettingsError(
            f"REFEREE_STATUS_PORT: {host}:{port} cannot be listened on ({why}). "
            "Choose another port, or end what uses it."
        ) from None


class StatusServer:
    """Serve what `look` sees on a socket until it is stopped; start it in the event loop that `look` belongs to."""

    def __init__(self, opened: socket.socket, look: Look, pulse: LoopPulse) -> None:
        self._socket, self._look, self._pulse = opened, look, pulse
        self._bots_loop = asyncio.get_running_loop()
        self._metrics = Metrics()
        self._turn = asyncio.Lock()
        self._seen: Observation | str = "referee: it is starting"
        self._seen_at = float("-inf")
        self._stop: Callable[[], object] = lambda: None
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="referee-status", daemon=True)

    async def start(self) -> None:
        """Begin to serve."""
        self._thread.start()
        await asyncio.to_thread(self._serving.wait)

    async def stop(self) -> None:
        """End, whatever is still being asked."""
        self._stop()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        server = web.Server(self._answer, access_log=None)
        open_now = set[_Connection]()

        def connection() -> asyncio.BaseProtocol:
            return _Connection(server, loop, open_now) if len(open_now) < _MOST_CONNECTIONS else _Refusal()

        listening = await loop.create_server(connection, sock=self._socket)
        self._stop = lambda: loop.call_soon_threadsafe(over.set)
        self._serving.set()
        await over.wait()
        listening.close()
        for each in list(open_now):
            each.cut()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method not in _METHODS:
            return _reply(405, b"only GET and HEAD\n", {"Allow": ", ".join(_METHODS)})
        if request.path == "/healthz":
            return self._health()
        if request.path == "/readyz":
            return await self._readiness()
        if request.path == "/metrics":
            return await self._all_metrics()
        return _reply(404, b"there are /healthz, /readyz and /metrics\n")

    def _health(self) -> web.Response:
        is_alive = self._pulse.still_s() < _STALLED_S
        return _as_json(200 if is_alive else 503, {"alive": is_alive})

    async def _readiness(self) -> web.Response:
        seen = await self._see()
        missing = [seen] if isinstance(seen, str) else list(seen.missing)
        return _as_json(503 if missing else 200, {"ready": not missing, "missing": missing})

    async def _all_metrics(self) -> web.Response:
        seen = await self._see()
        text = self._metrics.text(seen if isinstance(seen, Observation) else None)
        return _reply(200, text, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _see(self) -> Observation | str:
        """Return what there is to see, at most so old that many who ask cost the bot no more than one."""
        async with self._turn:
            if time.monotonic() - self._seen_at >= _LOOK_EVERY_S:
                self._seen = await self._fresh()
                self._seen_at = time.monotonic()
            return self._seen

    async def _fresh(self) -> Observation | str:
        looking = self._look()
        try:
            asked = asyncio.run_coroutine_threadsafe(_await(looking), self._bots_loop)
            async with asyncio.timeout(_LOOK_WITHIN_S):
                return await asyncio.wrap_future(asked)
        except TimeoutError:
            return f"event loop: it did not answer within {_LOOK_WITHIN_S:.0f} s"
        except (RuntimeError, CancelledError):
            return "referee: it is stopping"


async def _await(looking: Awaitable[Observation | str]) -> Observation | str:
    return await looking


class _Connection(web.RequestHandler):
    """Serve one request, and not for long."""

    __slots__ = ("_end", "_open_now")

    def __init__(self, server: Any, loop: asyncio.AbstractEventLoop, open_now: "set[_Connection]") -> None:  # noqa: ANN401
        super().__init__(server, loop=loop, lingering_time=0, keepalive_timeout=0)
        self.access_logger = None
        self._logging_enabled = False
        self._open_now = open_now
        self._end = loop.call_later(_CONNECTION_S, self.cut)
        # From here on: a burst of connections is counted before the first of them is made.
        open_now.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._end.cancel()
        self._open_now.discard(self)
        super().connection_lost(exc)

    def cut(self) -> None:
        """End the connection, whatever the client does."""
        self._open_now.discard(self)
        self.force_close()
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what cannot be read without repeating any of it, and log nothing of it."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        return _reply(status, b"this cannot be answered\n")


class _Refusal(asyncio.Protocol):
    """Close a connection that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it at once."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


def _as_json(status: int, told: dict[str, object]) -> web.Response:
    return _reply(status, json.dumps(told).encode() + b"\n", {"Content-Type": "application/json"})


def _reply(status: int, body: bytes, headers: dict[str, str] | None = None) -> web.Response:
    kind = {"Content-Type": "text/plain; charset=utf-8"}
    response = web.Response(status=status, body=body, headers={**_HEADERS, **kind, **(headers or {})})
    response.force_close()
    return response
