"""Questions over HTTP that `referee doctor --live` asks: short, bounded, and never followed elsewhere."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import aiohttp

_WITHIN_S = 8.0
_MOST_BYTES = 1 << 20
_HELLO = 10


@dataclass(frozen=True, slots=True)
class Answered:
    """Hold an answer; `date` is the server's clock at the moment `at` of ours."""

    status: int
    text: str
    took_s: float
    at: datetime
    date: datetime | None = None

    @property
    def told(self) -> Mapping[str, Any]:
        """Return the JSON object of it, an empty one where it is none."""
        try:
            told = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Say why there is no answer."""

    why: str


class Probe:
    """Ask servers; use as an async context manager."""

    def __init__(self, within_s: float = _WITHIN_S) -> None:
        self._within_s = within_s

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._within_s), headers={"User-Agent": "Referee"}
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, url: str, token: str | None = None) -> Answered | Unanswered:
        """Return what a server answers; a token goes to that address alone."""
        headers = {"Authorization": f"Bot {token}"} if token else {}
        began = time.monotonic()
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                body = await response.content.read(_MOST_BYTES)
                while len(body) < _MOST_BYTES and (more := await response.content.read(_MOST_BYTES - len(body))):
                    body += more
                took, date = time.monotonic() - began, _date(response.headers.get("Date", ""))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unanswered(_why(error))
        middle = datetime.now().astimezone() - timedelta(seconds=took / 2)
        return Answered(response.status, body.decode("utf-8", "replace"), took, middle, date)

    async def greeting(self, url: str) -> float | Unanswered:
        """Return how many seconds a gateway takes to greet; nobody logs in."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._within_s), self._session.ws_connect(url, max_msg_size=1 << 16) as socket:
                said = await socket.receive()
                greets = said.type is aiohttp.WSMsgType.TEXT and json.loads(said.data).get("op") == _HELLO
        except (aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
            return Unanswered(_why(error))
        return time.monotonic() - began if greets else Unanswered("it does not greet as a gateway does")

    async def reach(self, host: str, port: int) -> float | Unanswered:
        """Return how many seconds it takes to connect to a host."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._within_s):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, UnicodeError) as error:
            return Unanswered(_why(error))
        took = time.monotonic() - began
        writer.close()
        return took


def _date(header: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(header)
    except ValueError:
        return None
    return told if told.tzinfo is not None else None


def _why(error: Exception) -> str:
    """Return what went wrong without the address, in which there may be a password."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known; is there a network?"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__
