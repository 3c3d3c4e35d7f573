"""Attached clips over https: from hosts named beforehand alone, never redirected, bounded in bytes, time and number."""

import asyncio
import logging
import re
from dataclasses import dataclass
from io import BytesIO
from ipaddress import IPv6Address
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from bot.domain import Clip
from bot.errors import ClipRejected, ClipTooLarge, SettingsError

DISCORD_HOSTS = ("cdn.discordapp.com", "media.discordapp.net")
"""Where Discord keeps what members attach."""

_log = logging.getLogger(__name__)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_ORIGIN = re.compile(r"(?:(https?)://)?([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}
_PRINTED = re.compile(r"[!-\[\]-~]{1,4096}")
"""A whole URL in ASCII, without the backslash that some parsers take for a slash."""
_GONE = (401, 403, 404, 410)
_LONGEST_NAME = 80
# A clip is wanted as it was sent: one that is packed could unpack to any size.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Referee"}


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """Name one origin that clips may be fetched from; `host` is in lower case, without brackets."""

    scheme: str
    host: str
    port: int

    def serves(self, url: URL) -> bool:
        """Tell whether the URL lies at exactly this origin, with no name or password in front of it."""
        try:
            at = (url.scheme, url.host, url.port)
        except ValueError:
            # A port that is no number is noticed only when it is asked for.
            return False
        return at == (self.scheme, self.host, self.port) and "@" not in url.raw_authority


def parse_hosts(text: str) -> tuple[AllowedHost, ...]:
    """Read hosts separated by commas; raise SettingsError, naming the entry, where one makes no sense.

    A bare host means https on port 443. For testing, an entry with a scheme, such as `http://127.0.0.1:8123`, allows
    exactly that origin.
    """
    return tuple(
        dict.fromkeys(_allowed_host(entry.strip().lower(), number) for number, entry in enumerate(text.split(","), 1))
    )


def _allowed_host(entry: str, number: int) -> AllowedHost:
    if not entry:
        raise SettingsError(
            f"the attachment host number {number} is empty; write hosts as in {','.join(DISCORD_HOSTS)}"
        )
    if "@" in entry:
        # The entry may hold a password, so it is not repeated.
        raise SettingsError(f"the attachment host number {number} has a name or password in it; leave it out")
    match = _ORIGIN.fullmatch(entry)
    scheme, host, port = match.groups() if match else (None, "", None)
    at = int(port or _PORTS[scheme or "https"])
    if not _is_host(host) or not 0 < at < 1 << 16 or (port and not scheme):
        raise SettingsError(
            f"the attachment host {entry!r} makes no sense; write a host such as {DISCORD_HOSTS[0]}, or, for testing, "
            "an origin such as http://127.0.0.1:8123, with no path and no wildcard"
        )
    return AllowedHost(scheme or "https", host.strip("[]"), at)


def _is_host(text: str) -> bool:
    if not text.startswith("["):
        return bool(_HOST.fullmatch(text))
    try:
        return bool(IPv6Address(text.strip("[]")))
    except ValueError:
        return False


class ClipFetcher:
    """Download clips that members attached, `at_once` at a time; each is held in memory whole.

    `max_bytes` is the largest that is read, `seconds` the time one may take, its second attempt included, and `pause`
    the seconds before that attempt. Close it after use; `async with` does.
    """

    def __init__(
        self,
        hosts: tuple[AllowedHost, ...],
        *,
        max_bytes: int,
        seconds: float = 30.0,
        at_once: int = 2,
        pause: float = 1.0,
    ) -> None:
        self._hosts = hosts
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._at_once = at_once
        self._pause = pause
        self._slots = asyncio.Semaphore(at_once)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def fetch(self, url: str, name: str) -> Clip:
        """Return the clip at an attachment's URL. What the server or the network could not do is tried once more.

        Raise ClipRejected, which names the clip and never the URL: that is signed, and opens the file to anybody.
        """
        label = f"the attachment {_shown(name)}"
        target = self._target(url, label)
        async with self._slots:
            try:
                async with asyncio.timeout(self._seconds):
                    return Clip(name, await self._twice(target, label))
            except TimeoutError:
                reason = f" in {self._seconds:g} s"
            except (aiohttp.ClientError, OSError) as error:
                # The error's own text and its trace may hold the URL, so neither goes on from here.
                _log.warning("a clip could not be fetched: %s", type(error).__name__)
                reason = f": {_reason(error)}"
        raise ClipRejected(f"{label} could not be fetched{reason}")

    async def close(self) -> None:
        """Let go of the connections; a clip that is still on its way is rejected."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _target(self, url: str, label: str) -> URL:
        """Return the URL in the very form that is then asked for, so that nothing reads it in two ways."""
        try:
            target = URL(url if _PRINTED.fullmatch(url) else "", encoded=True)
        except ValueError:
            target = URL()
        if not any(host.serves(target) for host in self._hosts):
            raise ClipRejected(f"{label} is not from Discord and was not fetched")
        return target

    async def _twice(self, url: URL, label: str) -> bytes:
        try:
            return await self._once(url, label)
        except (aiohttp.ClientError, OSError) as error:
            if _asked_again(error):
                raise
            await asyncio.sleep(self._pause)
        return await self._once(url, label)

    async def _once(self, url: URL, label: str) -> bytes:
        async with self._open(label).get(url, allow_redirects=False) as response:
            if response.status >= 500:
                response.raise_for_status()
            self._check(response, label)
            body = BytesIO()
            async for chunk in response.content.iter_any():
                if body.tell() + len(chunk) > self._max_bytes:
                    raise self._too_large(label)
                body.write(chunk)
            return body.getvalue()

    def _check(self, response: aiohttp.ClientResponse, label: str) -> None:
        """Refuse, before a byte of it is read, what is not the clip as it was sent."""
        status = response.status
        if status in _GONE:
            raise ClipRejected(f"{label} has expired or was deleted ({status})")
        if 300 <= status < 400:
            raise ClipRejected(f"{label} was not fetched: the server sends on to another address ({status})")
        if status != 200:
            raise ClipRejected(f"{label} could not be fetched: the server answered {status}")
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise ClipRejected(f"{label} was not fetched: the server sent it compressed, which was not asked for")
        if (response.content_length or 0) > self._max_bytes:
            raise self._too_large(label)

    def _too_large(self, label: str) -> ClipRejected:
        return ClipTooLarge(f"{label} is larger than {self._max_bytes / (1 << 20):.4g} MB")

    def _open(self, label: str) -> aiohttp.ClientSession:
        """Return the session, made here because it belongs to the loop that runs."""
        if self._closed:
            raise ClipRejected(f"{label} was not fetched: Referee is stopping")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._at_once),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
                # The one limit of time is that of fetch(), which spans both attempts.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def _asked_again(error: aiohttp.ClientError | OSError) -> bool:
    """Tell whether the connection broke before an answer began: aiohttp has then asked a second time by itself."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    return isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)


def _reason(error: aiohttp.ClientError | OSError) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection to the server"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the server answered {error.status}" if error.status >= 500 else "the server's answer made no sense"
    return "connection closed midway"


def _shown(name: str) -> str:
    """Return the name, which its sender chose, as a line that cannot run on or turn the text around."""
    line = "".join(letter if letter.isprintable() else "?" for letter in name).strip()
    short = line if len(line) <= _LONGEST_NAME else f"{line[:_LONGEST_NAME]}…"
    return short or "without a name"
