"""What the policy says of each reading of an excerpt, the strictest of that, and the incident that comes of it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot import policy as rules
from bot.context import Reading
from bot.domain import UNCHECKED, Action, Decision, Excerpt, History, Incident, Outcome, SourceKey
from bot.judging import Judged
from bot.policy import Policy
from classifier import Verdict


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold what the policy says of one reading; `verdict` is None where nothing could be scored."""

    reading: Reading
    verdict: Verdict | None
    decision: Decision

    @property
    def flags(self) -> bool:
        """Tell whether an incident comes of it."""
        return self.decision.action is not Action.NONE


def choices(
    policy: Policy, judged: Judged, readings: Iterable[tuple[Reading, Verdict]], history: History
) -> list[Choice]:
    """Return what the policy says of readings that were scored, the author's past in mind."""
    return [Choice(r, v, _decide(policy, judged, r, v, history)) for r, v in readings]


def unchecked_choices(policy: Policy, judged: Judged) -> list[Choice]:
    """Return what is to be done where something could not be judged: nothing, or one flag for a human to look."""
    if not judged.unchecked:
        return []
    decision = rules.decide_unchecked(policy, judged.excerpt, judged.unchecked)
    return [Choice(Reading(judged.excerpt.text, surface=judged.surface), judged.verdict, decision)]


def strictest(policy: Policy, found: Iterable[Choice]) -> Choice | None:
    """Return the choice whose permitted action is the strictest, None where there is no choice."""
    return max(found, key=lambda choice: rules.rank(policy, choice.decision), default=None)


def is_graver(policy: Policy, choice: Choice, than: Choice) -> bool:
    """Tell whether a choice is more than another: in what is done, in what the rule asks for, or in its category.

    How sure the model is does not count: every repetition would come out a little surer or less.
    """
    *graver, _ = rules.rank(policy, choice.decision)
    *milder, _ = rules.rank(policy, than.decision)
    return graver > milder


def incident_of(judged: Judged, choice: Choice, *, part: str = "") -> Incident:
    """Return the incident of a choice; `part` names those of one clip after the first, whose keys must differ."""
    excerpt, verdict, reading = judged.excerpt, choice.verdict, choice.reading
    whole = judged.transcript.doubt if judged.transcript else None
    return Incident(
        key=_key(excerpt, reading, part),
        author=excerpt.author,
        at=excerpt.at,
        text=reading.text,
        decision=choice.decision,
        toxic=verdict.toxic if verdict else 0.0,
        categories=verdict.categories if verdict else {},
        model_version=verdict.model_version if verdict else UNCHECKED,
        transcript_doubt=whole if reading.doubt is None else reading.doubt,
        clip_name=excerpt.clip.name if excerpt.clip else None,
        clip_at=reading.at,
        surface=reading.surface,
        outcome=Outcome.PENDING if choice.decision.action.punishes else Outcome.NOT_NEEDED,
    )


def _decide(policy: Policy, judged: Judged, reading: Reading, verdict: Verdict, history: History) -> Decision:
    excerpt = judged.excerpt
    decision = rules.decide(policy, verdict, excerpt, history, excerpt.at, reading.doubt)
    if reading.before:
        decision = replace(decision, reasons=(*decision.reasons, "read together with the lines before it"))
    if judged.unchecked and judged.transcript is not None:
        decision = replace(decision, reasons=(*decision.reasons, f"not all was checked: {judged.unchecked}"))
    if reading.guessed and decision.action is not Action.NONE:
        decision = replace(decision, reasons=(*decision.reasons, "this may have been said; it was heard otherwise"))
        decision = rules.flag_only(decision, "what may have been said is flagged only")
    if reading.shared:
        decision = rules.flag_only(decision, "several authors wrote it: flagged only")
    return rules.flag_only(decision, f"{excerpt.flag_only}: flagged only") if excerpt.flag_only else decision


def _key(excerpt: Excerpt, reading: Reading, part: str) -> SourceKey:
    """Return the key of what was flagged; a revision without a number is told by its text."""
    key = excerpt.key
    if part:
        return replace(key, revision=f"{key.revision}/{part}")
    if key.revision:
        return key
    # By its own text alone: after a restart the lines before it are forgotten, and it is the same message.
    text = excerpt.text if reading.before else reading.text
    return replace(key, revision=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16])
