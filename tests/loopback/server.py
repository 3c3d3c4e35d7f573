"""The HTTP side: one port for REST, gateway and files."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from tests.loopback import routes
from tests.loopback.calls import Call, SentFile
from tests.loopback.faults import Refused, answer
from tests.loopback.oddities import oddly

if TYPE_CHECKING:
    from tests.loopback.state import State

_LARGEST = 64 << 20
_OPEN_ROUTES = ("/interactions/", "/webhooks/")
"""Their token is in the path."""


class Server:
    """Serve one world."""

    def __init__(self, state: "State") -> None:
        self._state = state
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_get("/gateway", state.gateway.serve)
        app.router.add_get("/gateway/", state.gateway.serve)
        app.router.add_get("/attachments/{path:.*}", state.cdn.serve)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)

    async def start(self) -> int:
        """Listen on a free port of the loopback interface and return it."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        address: tuple[str, int] = self._runner.addresses[0]
        return address[1]

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        call = await _read(request)
        fault = self._state.faults.take(call.method, call.path)
        if fault is None:
            return await self._done_and_noted(request, call)
        if fault.early:
            await self._state.log.record(call)
            return await fault.play(request, lambda: self._done(request, call))
        return await fault.play(request, lambda: self._done_and_noted(request, call))

    async def _done_and_noted(self, request: web.Request, call: Call) -> web.Response:
        """Answer, and note the call only then, so that who waits for it finds it done."""
        done = await self._done(request, call)
        await self._state.log.record(call)
        return done

    async def _done(self, request: web.Request, call: Call) -> web.Response:
        try:
            self._admit(request, call)
            data = await routes.handle(self._state, call)
        except Refused as refusal:
            return answer(refusal.body, refusal.status)
        await self._state.log.stir()
        return answer(oddly(data, self._state.odd_drops) if self._state.odd else data)

    def _admit(self, request: web.Request, call: Call) -> None:
        open_to_all = call.path.startswith(_OPEN_ROUTES)
        if not open_to_all and request.headers.get("Authorization") != f"Bot {self._state.token}":
            raise Refused(401, 0, "401: Unauthorized")


async def _read(request: web.Request) -> Call:
    body, files = await _content(request)
    return Call(
        request.method,
        "/" + request.match_info["path"],
        body if isinstance(body, dict) else {"items": body},
        unquote(request.headers["X-Audit-Log-Reason"]) if "X-Audit-Log-Reason" in request.headers else None,
        dict(request.query),
        files,
    )


async def _content(request: web.Request) -> tuple[Any, tuple[SentFile, ...]]:
    if request.content_type == "multipart/form-data":
        form = await request.post()
        files = [
            SentFile(name, part.filename, part.content_type, part.file.read())
            for name, part in form.items()
            if isinstance(part, web.FileField)
        ]
        return json.loads(str(form.get("payload_json") or "{}")), tuple(files)
    if request.content_type == "application/json" and request.can_read_body:
        return await request.json(), ()
    return {}, ()
