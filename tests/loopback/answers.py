"""What a test sees of the answer to an interaction."""

from collections.abc import Iterator
from typing import Any

from tests.loopback.calls import PATIENCE_S, CallLog
from tests.loopback.exchange import Exchange, Reply
from tests.loopback.payloads import EPHEMERAL
from tests.loopback.snowflakes import Payload


class Answer:
    """Follow one interaction: await `first()` for the callback and `final()` for the finished answer."""

    def __init__(self, exchange: Exchange, log: CallLog) -> None:
        self.exchange = exchange
        self._log = log

    async def first(self, within: float = PATIENCE_S) -> "Answer":
        """Wait for the callback, a deferral included."""
        await self._log.until(lambda: self.exchange.callback is not None, within, what="a callback to the interaction")
        return self

    async def final(self, within: float = PATIENCE_S) -> "Answer":
        """Wait until the answer is there: a deferred one edited, deleted or followed up."""
        await self._log.until(lambda: self.exchange.finished, within, what="the answer to the interaction")
        return self

    async def says(self, words: str, within: float = PATIENCE_S) -> "Answer":
        """Wait until the answer holds these words."""
        await self._log.until(lambda: words in self.text, within, what=f"an answer with {words!r}")
        return self

    @property
    def reply(self) -> Reply:
        """Return how the bot answered first."""
        return Reply(self._callback["type"])

    @property
    def message(self) -> Payload:
        """Return the newest message of the answer, to click on."""
        assert self.exchange.answers, f"no message answers the interaction: {self.exchange.callback}"
        return self.exchange.answers[-1]

    @property
    def messages(self) -> list[Payload]:
        """Return the messages of the answer, the first one first."""
        return self.exchange.answers

    @property
    def ephemeral(self) -> bool:
        """Tell whether only the person who asked sees it, every message of it."""
        if not self.messages:
            return bool(((self._callback.get("data") or {}).get("flags") or 0) & EPHEMERAL)
        return all(message["flags"] & EPHEMERAL for message in self.messages)

    @property
    def text(self) -> str:
        """Return all text of the answer: content, embeds and components, a line each."""
        return "\n".join(line for message in self.messages for line in texts(message))

    @property
    def modal(self) -> Payload:
        """Return the form that the bot opened."""
        assert self.reply is Reply.MODAL, f"the bot opened no form but answered {self._callback}"
        form: Payload = self._callback["data"]
        return form

    @property
    def choices(self) -> list[Any]:
        """Return the values that the bot proposed."""
        return [choice["value"] for choice in self._callback["data"]["choices"]]

    @property
    def _callback(self) -> Payload:
        assert self.exchange.callback is not None, "the bot has not answered the interaction; await first() before"
        return self.exchange.callback


def components(message: Payload) -> Iterator[Payload]:
    """Yield every component of a message or form, nested ones after their parent."""
    waiting = list(message.get("components") or ())
    while waiting:
        component = waiting.pop(0)
        yield component
        inner = [component[key] for key in ("accessory", "component") if component.get(key)]
        waiting = [*(component.get("components") or ()), *inner, *waiting]


def texts(message: Payload) -> Iterator[str]:
    """Yield the texts of a message: content, embeds, then the words of its components."""
    if message.get("content"):
        yield message["content"]
    for embed in message.get("embeds") or ():
        yield from (embed[key] for key in ("title", "description") if embed.get(key))
        yield from (f"{field['name']}: {field['value']}" for field in embed.get("fields") or ())
        if embed.get("footer"):
            yield embed["footer"]["text"]
    for component in components(message):
        yield from (str(component[key]) for key in ("content", "label", "placeholder") if component.get(key))


def text_of(message: Payload) -> str:
    """Return all text of a message, a line each."""
    return "\n".join(texts(message))
