"""A Discord of our own on the loopback interface: REST, gateway and files on one port.

    async with World() as world:
        ...                                     # start a bot on world.api_url and world.gateway_url
        await world.online()
        message = await world.say("alice", "you clown")
        call = await world.call("DELETE", rf"/channels/\\d+/messages/{message['id']}")

What a bot may do is not checked: a refusal is injected (`fail`). Deleting what is not there is a 404 all the same.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from tests.loopback.calls import PATIENCE_S, Call
from tests.loopback.faults import Hold
from tests.loopback.interacting import Interacting
from tests.loopback.membership import Membership
from tests.loopback.people import People
from tests.loopback.server import Server
from tests.loopback.snowflakes import Payload

T = TypeVar("T")


class World(People, Membership, Interacting):
    """Serve a Discord, act as its people and watch what the bot does."""

    async def __aenter__(self) -> Self:
        self._server = Server(self)
        self.port = await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.clear()
        await self.gateway.close(1001)
        await self._server.stop()

    @property
    def calls(self) -> list[Call]:
        """Return every request so far; `len(world.calls)` marks a moment for `since`."""
        return self.log.calls

    async def online(self, within: float = PATIENCE_S) -> None:
        """Wait until a bot is connected and was sent its guilds."""
        await self.log.until(lambda: self.gateway.connected, within, what="a bot that is online")

    async def offline(self, within: float = PATIENCE_S) -> None:
        """Wait until no bot is connected."""
        await self.log.until(lambda: not self.gateway.connected, within, what="the bot's leaving")

    async def until(self, predicate: Callable[[], T], within: float = PATIENCE_S, *, what: str = "") -> T:
        """Wait until the predicate holds, looked at after every call and event; return what it returned."""
        return await self.log.until(predicate, within, what=what)

    async def call(self, method: str, pattern: str, *, since: int = 0, within: float = PATIENCE_S) -> Call:
        """Wait for the first such call: a method, or `*`, and a regular expression for the whole path."""
        return await self.log.call(method, pattern, since=since, within=within)

    def made(self, method: str, pattern: str, *, since: int = 0) -> list[Call]:
        """Return every such call so far."""
        return self.log.made(method, pattern, since=since)

    def forget_nonces(self) -> None:
        """Forget which messages were sent, as Discord does after some minutes."""
        self.nonces.clear()

    async def message(
        self,
        channel: str | Payload,
        predicate: Callable[[Payload], bool] = lambda _message: True,
        *,
        within: float = PATIENCE_S,
    ) -> Payload:
        """Wait for a message of the bot in a channel for which the predicate holds; return the newest such one."""

        def newest() -> Payload | None:
            own = [one for one in self.messages_in(channel) if one["author"]["id"] == self.bot["id"]]
            return next((one for one in reversed(own) if predicate(one)), None)

        found = await self.log.until(newest, within, what=f"a message of the bot in {self.place(channel).get('name')}")
        assert found is not None
        return found

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
        """Refuse matching requests, files included; `times` of None means for ever.

        With `done`, what they ask is done all the same, as where only the answer got lost. See `Faults.fail`.
        """
        self.faults.fail(method, pattern, status, body, headers, times=times, done=done)

    def slow(self, method: str, pattern: str, seconds: float, *, times: int | None = 1) -> None:
        """Answer matching requests late."""
        self.faults.slow(method, pattern, seconds, times=times)

    def cut(self, method: str, pattern: str, *, times: int | None = 1) -> None:
        """Do what matching requests ask and break off in the middle of the answer."""
        self.faults.cut(method, pattern, times=times)

    def hold(self, method: str, pattern: str, *, times: int | None = 1) -> Hold:
        """Keep matching requests waiting until the hold is released or dropped."""
        return self.faults.hold(method, pattern, times=times)
