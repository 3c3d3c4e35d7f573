"""What is kept of a live community beside its incidents: how it wants to be watched, and what is shown to whom."""

from dataclasses import dataclass
from datetime import datetime

ERASED = "erased"
"""Stands for a person whose data were erased; no front end gives such an id."""


@dataclass(frozen=True, slots=True)
class Community:
    """Hold a community's settings; ids are those of its platform.

    `policy` is a `CommunityPolicy` as JSON, empty for the default. `held_since` is when automatic actions were stopped,
    None while they are not.
    """

    id: str
    review_channel: str | None = None
    log_channel: str | None = None
    moderator_roles: frozenset[str] = frozenset()
    policy: str = ""
    is_set_up: bool = False
    held_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one change of a community's settings: who, when, what was done, and before and after as lines."""

    community: str
    author: str
    at: datetime
    what: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """Hold what is shown of one author's outburst; `message` is None until it has been sent, `trouble` says why not."""

    id: int
    community: str
    author: str
    last_at: datetime
    channel: str | None = None
    message: str | None = None
    trouble: str = ""
