"""One interaction: what was asked, and everything that the bot answered to it."""

from dataclasses import dataclass, field
from enum import IntEnum

from tests.loopback.snowflakes import Payload


class Kind(IntEnum):
    """Number what a person did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Reply(IntEnum):
    """Number the ways to answer an interaction."""

    MESSAGE = 4
    DEFERRED = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass(slots=True, eq=False)
class Exchange:
    """Hold an interaction's course; `original` is the answer that `@original` names."""

    id: str
    token: str
    kind: Kind
    user: Payload
    channel_id: str
    source: Payload | None = None
    callback: Payload | None = None
    original: Payload | None = None
    loading: bool = False
    edited: bool = False
    deleted: bool = False
    followups: list[Payload] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Tell whether the bot has said what it has to say, a deferred answer filled in."""
        if self.callback is None:
            return False
        if self.callback["type"] == Reply.DEFERRED_UPDATE:
            return self.edited or self.deleted or bool(self.followups)
        return not self.loading or self.deleted

    @property
    def answers(self) -> list[Payload]:
        """Return the messages that answer it, those that were deleted left out."""
        reply = self.callback["type"] if self.callback else None
        own = self.original is not None and not self.deleted and not self.loading
        shown = own and (reply in (Reply.MESSAGE, Reply.DEFERRED, Reply.UPDATE) or self.edited)
        return [*([self.original] if shown and self.original else []), *self.followups]
