"""What was found, decided and said, in words for a tired moderator."""

from datetime import timedelta

from bot.clip_time import clip_time
from bot.domain import REPORTED, UNCHECKED, Action, Incident, Outcome, Review, ReviewState, ReviewVerdict, Surface

_CONFIDENCE = ((0.95, "very likely"), (0.8, "likely"), (0.5, "perhaps"), (0.0, "unsure"))
_DOUBT = ((0.4, "hard to understand"), (0.2, "partly unclear"), (0.0, "clearly heard"))
_CATEGORIES = {UNCHECKED: "could not be checked", REPORTED: "reported by a member", "": "nothing"}
_DONE = {
    Action.NONE: "nothing done",
    Action.FLAG: "flagged only",
    Action.WARN: "warned",
    Action.DELETE: "message deleted",
    Action.TIMEOUT: "timed out",
    Action.KICK: "kicked",
    Action.BAN: "banned",
}
_ASKED = {
    Action.NONE: "nothing",
    Action.FLAG: "a flag",
    Action.WARN: "a warning",
    Action.DELETE: "deleting the message",
    Action.TIMEOUT: "a timeout",
    Action.KICK: "a kick",
    Action.BAN: "a ban",
}
_OUTCOMES = {
    Outcome.NOT_NEEDED: "nothing more to do",
    Outcome.PENDING: "not done yet",
    Outcome.DONE: "done",
    Outcome.SIMULATED: "not really done: a trial",
    Outcome.REFUSED: "not allowed",
    Outcome.FAILED: "did not work",
    Outcome.HELD: "held back",
    Outcome.UNDONE: "taken back",
}
_SURFACES = {
    Surface.TEXT: "in a message",
    Surface.FORWARD: "in a forwarded message",
    Surface.EMBED: "in an embed",
    Surface.POLL: "in a poll",
    Surface.ATTACHMENT: "in an attachment's name or description",
    Surface.STICKER: "in a sticker",
    Surface.COMPONENT: "in an app's message",
    Surface.CLIP: "in a voice clip",
    Surface.TITLE: "in a title",
    Surface.NAME: "in a name",
}
_STATES = {
    ReviewState.OPEN: "waits for a verdict",
    ReviewState.ESCALATED: "escalated, waits for a second opinion",
    ReviewState.CONFIRMED: "confirmed",
    ReviewState.DISMISSED: "false alarm",
}
_VERDICTS = {
    ReviewVerdict.CONFIRM: "confirmed",
    ReviewVerdict.DISMISS: "false alarm",
    ReviewVerdict.RELABEL: "confirmed",
    ReviewVerdict.REOPEN: "reopened",
    ReviewVerdict.ESCALATE: "escalated",
    ReviewVerdict.TAKE_OVER: "taken over",
    ReviewVerdict.ACT: "acted by hand",
    ReviewVerdict.REPORT: "reported",
}
_CAPPED = ": flagged only"
_UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def confidence_words(p: float) -> str:
    """Return a probability as words with its number, such as "very likely (0.97)"; never as a certainty."""
    words = next(words for least, words in _CONFIDENCE if p >= least or least == 0.0)
    if p > 0.99:
        return f"{words} (over 0.99)"
    return f"{words} (under 0.01)" if p < 0.01 else f"{words} ({p:.2f})"


def category_words(name: str) -> str:
    """Return a category's name as words."""
    return _CATEGORIES.get(name) or name.replace("_", " ")


def found_words(incident: Incident) -> str:
    """Return what an incident is about and how sure that is, such as "insult, very likely (0.97)"."""
    category = category_words(incident.category)
    if incident.final_category is not None and incident.final_category != incident.decision.category:
        return f"{category} (a moderator's category)"
    if incident.decision.category in (UNCHECKED, REPORTED):
        return category
    return f"{category}, {confidence_words(incident.decision.confidence)}"


def duration_words(length: timedelta) -> str:
    """Return a length of time in its largest whole unit, such as "10 minutes"."""
    size, unit = next(((size, unit) for size, unit in _UNITS if not length % size), (timedelta(seconds=1), "second"))
    number = length // size
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def action_words(action: Action, duration: timedelta | None = None) -> str:
    """Return an action as something that was done, such as "timed out for 10 minutes"."""
    return _DONE[action] if duration is None else f"{_DONE[action]} for {duration_words(duration)}"


def asked_words(action: Action, duration: timedelta | None = None) -> str:
    """Return an action as something that is asked for, such as "a timeout of 10 minutes"."""
    return _ASKED[action] if duration is None else f"{_ASKED[action]} of {duration_words(duration)}"


def decision_words(incident: Incident) -> str:
    """Return what was decided, as done where it was done: "warned", or what the policy asks for and who decides."""
    decision = incident.decision
    if decision.action.punishes:
        if incident.outcome in (Outcome.DONE, Outcome.UNDONE):
            return action_words(decision.action, decision.duration)
        return f"the policy asks for {asked_words(decision.action, decision.duration)}"
    if not decision.would.punishes:
        return action_words(decision.action)
    why = ", ".join(reason.removesuffix(_CAPPED) for reason in decision.reasons if reason.endswith(_CAPPED))
    return f"flagged only; the policy asks for {asked_words(decision.would)}" + (f": {why}" if why else "")


def outcome_words(incident: Incident) -> str:
    """Return what became of the action, with the detail where there is one; "not allowed: ..." for a refusal."""
    words = _OUTCOMES[incident.outcome]
    return f"{words}: {incident.outcome_detail}" if incident.outcome_detail else words


def done_words(incident: Incident) -> str:
    """Return decision and outcome in one line, without saying twice that something was done."""
    decided = decision_words(incident)
    if incident.outcome is Outcome.NOT_NEEDED:
        return decided
    if incident.outcome is Outcome.DONE:
        # The detail of what was done says what that was.
        return incident.outcome_detail or decided
    return f"{decided}{';' if incident.outcome is Outcome.UNDONE else ':'} {outcome_words(incident)}"


def doubt_words(doubt: float) -> str:
    """Return how well a clip was heard, such as "hard to understand (doubt 0.62)"."""
    return f"{clarity_words(doubt)} (doubt {doubt:.2f})"


def clarity_words(doubt: float) -> str:
    """Return how well a clip was heard, such as "hard to understand"."""
    return next((words for least, words in _DOUBT if doubt > least), _DOUBT[-1][1])


def surface_words(surface: Surface) -> str:
    """Return where a text was found, such as "in a forwarded message"."""
    return _SURFACES[surface]


def place_words(incident: Incident) -> str:
    """Return where an incident was found, such as "in a voice clip at 0:42"."""
    words = surface_words(incident.surface)
    return words if incident.clip_at is None else f"{words} at {clip_time(incident.clip_at)}"


def state_words(incident: Incident) -> str:
    """Return where an incident stands with the moderators."""
    words = _STATES[incident.state]
    if incident.state is ReviewState.CONFIRMED and incident.category != incident.decision.category:
        return f"{words} as {category_words(incident.category)}"
    return words


def verdict_words(review: Review) -> str:
    """Return what somebody said of an incident, such as "confirmed as hate"; notes are left out."""
    words = _VERDICTS[review.verdict]
    return f"{words} as {category_words(review.category)}" if review.category else words
