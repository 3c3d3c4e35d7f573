"""The files of messages, under links that look signed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from aiohttp import web

from tests.loopback.calls import Call, CallLog
from tests.loopback.faults import Faults, answer
from tests.loopback.snowflakes import Payload, Snowflakes

_CHUNK = 64 * 1024


class Serving(StrEnum):
    """Say how a file is served."""

    WHOLE = "whole"
    EXPIRED = "expired"
    MISSING = "missing"
    REDIRECTED = "redirected"
    ENDLESS = "endless"


@dataclass(slots=True)
class StoredFile:
    """Hold a file; `target` is where a redirect leads, and `size` how much an endless one sends at most."""

    data: bytes
    content_type: str
    serving: Serving = Serving.WHOLE
    target: str = ""
    size: int = 0


class Cdn:
    """Serve attachments; slow, cut and failing answers are faults on `GET /attachments/...`."""

    def __init__(self, ids: Snowflakes, log: CallLog, faults: Faults, origin: Callable[[], str]) -> None:
        self._ids, self._log, self._faults, self._origin = ids, log, faults, origin
        self._files: dict[str, StoredFile] = {}
        self.sent_bytes = 0

    def keep(self, channel: str, name: str, data: bytes, content_type: str, **fields: object) -> Payload:
        """Store a file and return the attachment to send with a message."""
        snowflake = self._ids.next()
        path = f"/attachments/{channel}/{snowflake}/{name}"
        self._files[path] = StoredFile(data, content_type)
        url = f"{self._origin()}{path}?ex=7fffffff&is=6fffffff&hm={hashlib.sha256(path.encode()).hexdigest()}&"
        return {
            "id": snowflake,
            "filename": name,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "content_type": content_type,
            **fields,
        }

    def expire(self, attachment: Payload) -> None:
        """Answer 404 with a plain text from now on, as an expired link does."""
        self._of(attachment).serving = Serving.EXPIRED

    def forbid(self, attachment: Payload) -> None:
        """Answer 403 from now on."""
        self._of(attachment).serving = Serving.MISSING

    def redirect(self, attachment: Payload, target: str) -> None:
        """Answer 302 to another address from now on."""
        stored = self._of(attachment)
        stored.serving, stored.target = Serving.REDIRECTED, target

    def flood(self, attachment: Payload, size: int) -> None:
        """Send so many bytes, without saying how many will come."""
        stored = self._of(attachment)
        stored.serving, stored.size = Serving.ENDLESS, size

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one download."""
        call = Call(request.method, request.path, query=dict(request.query))
        fault = self._faults.take(call.method, call.path)
        await self._log.record(call)
        stored = self._files.get(request.path)
        if fault is not None:
            return await fault.play(request, lambda: self._whole(stored))
        if stored is None or stored.serving in (Serving.EXPIRED, Serving.MISSING):
            status = 403 if stored is not None and stored.serving is Serving.MISSING else 404
            return web.Response(text="This content is no longer available.", status=status)
        if stored.serving is Serving.REDIRECTED:
            return web.Response(status=302, headers={"Location": stored.target})
        if stored.serving is Serving.ENDLESS:
            return await self._flood(request, stored)
        return await self._whole(stored)

    def _of(self, attachment: Payload) -> StoredFile:
        return self._files[urlsplit(attachment["url"]).path]

    async def _whole(self, stored: StoredFile | None) -> web.Response:
        if stored is None:
            return answer({"message": "404: Not Found", "code": 0}, 404)
        return web.Response(body=stored.data, headers={"Content-Type": stored.content_type})

    async def _flood(self, request: web.Request, stored: StoredFile) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": stored.content_type})
        response.enable_chunked_encoding()
        await response.prepare(request)
        left = stored.size
        while left > 0 and request.transport is not None:
            await response.write(bytes(min(_CHUNK, left)))
            self.sent_bytes += min(_CHUNK, left)
            left -= _CHUNK
        return response
