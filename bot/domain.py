"""The values that travel through Referee, all frozen, and their states as enums."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

UNCHECKED = "unchecked"
"""The category of an incident whose content could not be judged; no model may use the name."""

REPORTED = "reported"
"""The category of an incident that only a member's report brought up; no model may use the name."""


class Platform(StrEnum):
    """Where an excerpt came from. Content from a chat log is the operator's own and may become training rows.

    Discord forbids that for content obtained through its API.
    """

    LOG = "log"
    DISCORD = "discord"


class Surface(StrEnum):
    """The part of a message, or of a community, that a text was read from."""

    TEXT = "text"
    FORWARD = "forward"
    EMBED = "embed"
    POLL = "poll"
    ATTACHMENT = "attachment"
    STICKER = "sticker"
    COMPONENT = "component"
    CLIP = "clip"
    TITLE = "title"
    NAME = "name"


class Mode(StrEnum):
    """How far a category's rule may go."""

    OFF = "off"
    SHADOW = "shadow"
    LIVE = "live"


class Action(StrEnum):
    """What can be done about an excerpt, mildest first."""

    NONE = "none"
    FLAG = "flag"
    WARN = "warn"
    DELETE = "delete"
    TIMEOUT = "timeout"
    KICK = "kick"
    BAN = "ban"

    @property
    def strictness(self) -> int:
        """Return the rank of the action, 0 for none."""
        return list(Action).index(self)

    @property
    def punishes(self) -> bool:
        """Tell whether the action touches the member or the message, beyond showing it to moderators."""
        return self.strictness > Action.FLAG.strictness


class Outcome(StrEnum):
    """What became of a decided action."""

    NOT_NEEDED = "not_needed"
    PENDING = "pending"
    DONE = "done"
    SIMULATED = "simulated"
    REFUSED = "refused"
    FAILED = "failed"
    HELD = "held"
    UNDONE = "undone"


class ReviewState(StrEnum):
    """Where an incident stands with the moderators."""

    OPEN = "open"
    ESCALATED = "escalated"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"

    @property
    def waits(self) -> bool:
        """Tell whether a verdict is still to be given."""
        return self in (ReviewState.OPEN, ReviewState.ESCALATED)


class ReviewVerdict(StrEnum):
    """What a person can say of an incident, or do about it.

    `ACT` is a punishment by hand, named in the note. `REPORT` comes from a member who is no moderator.
    """

    CONFIRM = "confirm"
    DISMISS = "dismiss"
    RELABEL = "relabel"
    REOPEN = "reopen"
    ESCALATE = "escalate"
    TAKE_OVER = "take_over"
    ACT = "act"
    REPORT = "report"

    @property
    def decides(self) -> bool:
        """Tell whether it closes an incident."""
        return self in (ReviewVerdict.CONFIRM, ReviewVerdict.DISMISS, ReviewVerdict.RELABEL)


@dataclass(frozen=True, slots=True)
class SourceKey:
    """Identify one revision of one message; a second delivery has the same key.

    Where the front end cannot number revisions, `revision` is empty, and the text that is flagged takes its place: what
    was flagged once is not flagged again, whatever else of the message changes. What is no message has a name of its
    kind as `message`, such as "thread:ID" or "member:ID".
    """

    platform: Platform
    community: str
    channel: str
    message: str
    revision: str = "0"


@dataclass(frozen=True, slots=True)
class Clip:
    """Hold the bytes of a recording in memory; they never reach the disk."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Segment:
    """Hold one stretch of transcribed speech; times in seconds, `doubt` 0 (sure) to 1 (a guess).

    `track` is the sound track that it was heard on, the first is 0. `language` is a code such as "en", empty where the
    speech model does not tell languages apart.
    """

    start: float
    end: float
    text: str
    doubt: float
    track: int = 0
    language: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """Hold what was heard in a clip, or in a slice of it; `seconds` is how long the whole clip lasts.

    `doubt` is that of the most doubtful segment, 0..1. `complete` is false where part of the clip was not heard, and
    `notes` then say why. `foreign` says which language that nobody here can judge most of it was spoken in, such as
    "German", and is empty where none was noticed. `maybe` is what may have been said instead of what was heard.
    """

    segments: tuple[Segment, ...]
    seconds: float
    doubt: float
    complete: bool = True
    notes: tuple[str, ...] = ()
    foreign: str = ""
    maybe: tuple[Segment, ...] = ()

    @property
    def text(self) -> str:
        """Return the whole transcript as one line."""
        return " ".join(segment.text.strip() for segment in self.segments).strip()


@dataclass(frozen=True, slots=True)
class Part:
    """Hold a text that came with a message beside what its author typed: each is judged alone."""

    surface: Surface
    text: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Hold one thing that a member said, as text or as a clip; `at` has a time zone.

    `text` was read from `surface`; `parts` came with it. `flag_only` says why nobody may be punished for it, and is
    empty where that is left to the policy.
    """

    key: SourceKey
    author: str
    at: datetime
    text: str = ""
    clip: Clip | None = None
    roles: frozenset[str] = frozenset()
    reply_to: str | None = None
    surface: Surface = Surface.TEXT
    parts: tuple[Part, ...] = ()
    flag_only: str = ""


@dataclass(frozen=True, slots=True)
class Strike:
    """Hold one earlier incident that counts against a member in one community."""

    category: str
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """Hold a member's recent strikes in one community, oldest first."""

    strikes: tuple[Strike, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Hold what the policy decided and why.

    `action` is what shall be done; `would` is what the rule asked for before shadow mode, doubt or a human-only
    category capped it. `strike` is true where the incident counts against the member later.
    """

    action: Action
    would: Action
    mode: Mode
    category: str
    confidence: float
    reasons: tuple[str, ...]
    strike: bool = False
    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """Hold one flagged excerpt, what was decided and done, and what the moderators said.

    `text` is None once the content has expired or was erased. `transcript_doubt` is None for typed text. `words` are
    the words that made the score. `clip_at` is where in the clip it was said, in seconds, None where that is not known.
    `id` is 0 until the store has given a number.
    """

    key: SourceKey
    author: str
    at: datetime
    text: str | None
    decision: Decision
    toxic: float
    categories: Mapping[str, float]
    model_version: str
    words: tuple[str, ...] = ()
    transcript_doubt: float | None = None
    clip_name: str | None = None
    clip_at: float | None = None
    surface: Surface = Surface.TEXT
    id: int = 0
    created_at: datetime | None = None
    outcome: Outcome = Outcome.NOT_NEEDED
    outcome_detail: str = ""
    state: ReviewState = ReviewState.OPEN
    final_category: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", MappingProxyType(dict(self.categories)))

    @property
    def category(self) -> str:
        """Return the moderators' category where there is one, else the policy's."""
        return self.final_category or self.decision.category


@dataclass(frozen=True, slots=True)
class Recorded:
    """Hold an incident as stored, and whether this call stored it or it was there before."""

    incident: Incident
    created: bool


@dataclass(frozen=True, slots=True)
class Filed:
    """Hold as what an incident is filed: its category, a moderator's before the policy's, and its state."""

    id: int
    category: str
    state: ReviewState


@dataclass(frozen=True, slots=True)
class Review:
    """Hold one verdict of a moderator on an incident; every one is kept."""

    incident_id: int
    verdict: ReviewVerdict
    moderator: str
    at: datetime
    category: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """Narrow a list of incidents; None means any. Times have a zone; `limit` and `before_id` page, newest first.

    `reviewed_by` names a moderator who gave a verdict on them, or took them over; `waiting` asks for those that still
    need a verdict.
    """

    category: str | None = None
    author: str | None = None
    state: ReviewState | None = None
    community: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before_id: int | None = None
    limit: int | None = 50
    platform: Platform | None = None
    reviewed_by: str | None = None
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Purged:
    """Count what a purge removed; `complete` is false where its time was up before everything was gone."""

    contents: int
    incidents: int
    complete: bool = True
