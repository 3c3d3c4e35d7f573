"""Verdict, excerpt and history to a decision with its reasons: pure and deterministic."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain import UNCHECKED, Action, Decision, Excerpt, History, Mode
from classifier import Verdict


@dataclass(frozen=True, slots=True)
class Rung:
    """Hold one step of a ladder; `duration` is that of a timeout."""

    action: Action
    duration: timedelta | None = None

    @property
    def strictness(self) -> tuple[int, timedelta]:
        """Return what ranks a rung: its action, then how long it lasts."""
        return self.action.strictness, self.duration or timedelta(0)


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """Hold a community's rule for one category; `flag` and `act` are thresholds of P(category), `ladder` rises."""

    mode: Mode
    flag: float
    act: float
    ladder: tuple[Rung, ...] = ()
    human_only: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Hold a community's rules. `severity` ranks categories where two rules ask for the same action.

    `clip_words` are names and terms that are likely in its clips; with `review_foreign_clips` a clip in a language that
    cannot be judged is shown to moderators.
    """

    categories: Mapping[str, CategoryRule]
    severity: Mapping[str, int] = field(default_factory=dict)
    toxic_flag: float = 0.8
    most_doubt: float = 0.4
    strike_half_life: timedelta = timedelta(days=14)
    history_window: timedelta = timedelta(days=90)
    join_window: timedelta = timedelta(seconds=8)
    burst: timedelta = timedelta(seconds=60)
    exempt_roles: frozenset[str] = frozenset()
    exempt_channels: frozenset[str] = frozenset()
    clip_words: tuple[str, ...] = ()
    review_foreign_clips: bool = True

    def of(self, community: str) -> "Policy":
        """Return this policy, whichever the community: one for all of them."""
        return self

    def exempts(self, excerpt: Excerpt) -> bool:
        """Tell whether the excerpt's author or channel is not moderated at all."""
        return excerpt.key.channel in self.exempt_channels or bool(excerpt.roles & self.exempt_roles)


@dataclass(frozen=True, slots=True)
class _Finding:
    """Hold what one rule asks for, and what it may have."""

    category: str
    probability: float
    mode: Mode
    asked: Rung
    allowed: Rung
    reasons: tuple[str, ...]
    strike: bool


def decide(
    policy: Policy,
    verdict: Verdict,
    excerpt: Excerpt,
    history: History,
    now: datetime,
    doubt: float | None = None,
) -> Decision:
    """Return what the policy asks for: the strictest action that any rule is permitted to take.

    `doubt` is that of the words as they were heard, None where they were typed.
    Equal strictness goes to a live rule over one in shadow, then to the rule that asks for more, then to the graver
    category, then to the likelier one.
    """
    if policy.exempts(excerpt):
        return nothing("the author or the channel is exempt")
    strikes = strike_weight(policy, history, now)
    findings = [
        finding
        for name, rule in policy.categories.items()
        if (finding := _find(policy, name, rule, verdict, strikes, doubt)) is not None
    ]
    if not findings:
        findings = list(_unsure(policy, verdict))
    if not findings:
        return nothing(f"P(toxic) {verdict.toxic:.2f} reaches no threshold")
    best = max(findings, key=lambda f: _rank(policy, f))
    return Decision(
        action=best.allowed.action,
        would=best.asked.action,
        mode=best.mode,
        category=best.category,
        confidence=best.probability,
        reasons=best.reasons,
        strike=best.strike,
        duration=best.allowed.duration,
    )


def decide_unchecked(policy: Policy, excerpt: Excerpt, why: str) -> Decision:
    """Return the decision on content that could not be judged: a human looks, nobody is punished."""
    if policy.exempts(excerpt):
        return nothing("the author or the channel is exempt")
    return Decision(Action.FLAG, Action.FLAG, Mode.LIVE, UNCHECKED, 0.0, (f"could not be checked: {why}",))


def nothing(reason: str) -> Decision:
    """Return the decision to do nothing."""
    return Decision(Action.NONE, Action.NONE, Mode.LIVE, "", 0.0, (reason,))


def flag_only(decision: Decision, reason: str) -> Decision:
    """Return the decision with its action held at flag, where nobody can be named as the one to punish."""
    if not decision.action.punishes and not decision.strike:
        return decision
    reasons = (*decision.reasons, reason)
    return replace(decision, action=Action.FLAG, duration=None, strike=False, reasons=reasons)


def strike_weight(policy: Policy, history: History, now: datetime) -> float:
    """Return the sum of a member's strikes, each halved with every half-life since.

    Strikes of one outburst count once: those within `policy.burst` of the first of them.
    """
    half_life = policy.strike_half_life.total_seconds()
    ages = ((now - at).total_seconds() for at in _outbursts(history, policy.burst, now))
    return sum(float(0.5 ** (age / half_life)) for age in ages)


def _outbursts(history: History, burst: timedelta, now: datetime) -> Iterable[datetime]:
    """Yield when each outburst began; what is later than `now` has not happened yet where a log is replayed."""
    began: datetime | None = None
    for at in sorted(strike.at for strike in history.strikes if strike.at <= now):
        if began is None or at - began > burst:
            began = at
            yield at


def _find(
    policy: Policy,
    name: str,
    rule: CategoryRule,
    verdict: Verdict,
    strikes: float,
    doubt: float | None,
) -> _Finding | None:
    probability = verdict.categories.get(name, 0.0)
    if rule.mode is Mode.OFF or probability < rule.flag:
        return None
    reasons = [f"P({name}) {probability:.2f}, flagged from {rule.flag:.2f}"]
    asked = Rung(Action.FLAG)
    acts = probability >= rule.act
    if acts and rule.ladder:
        # Half and more counts as whole: a single strike holds its rung for one half-life.
        rung = min(int(strikes + 0.5), len(rule.ladder) - 1)
        asked = rule.ladder[rung]
        reasons.append(f"acted on from {rule.act:.2f}; {strikes:.1f} recent strikes, rung {rung + 1}: {asked.action}")
    caps = list(_caps(policy, rule, doubt)) if acts else []
    allowed = Rung(Action.FLAG) if caps else asked
    return _Finding(
        name, probability, rule.mode, asked, allowed, (*reasons, *caps), strike=acts and not caps and bool(rule.ladder)
    )


def _caps(policy: Policy, rule: CategoryRule, doubt: float | None) -> Iterable[str]:
    """Yield why the rule may flag at most."""
    if rule.mode is Mode.SHADOW:
        yield "shadow mode: flagged only"
    if rule.human_only:
        yield "this category is decided by humans: flagged only"
    if doubt is not None and doubt > policy.most_doubt:
        yield f"the transcript is doubtful ({doubt:.2f}): flagged only"


def _unsure(policy: Policy, verdict: Verdict) -> Iterable[_Finding]:
    """Yield a flag where the text is toxic beyond doubt but no category alone is likely enough."""
    rules = policy.categories
    watched = {name: p for name, p in verdict.categories.items() if name in rules and rules[name].mode is not Mode.OFF}
    # Only what is watched counts, summed exactly: the order of the categories must not matter.
    toxic = math.fsum(watched.values())
    if not watched or toxic < policy.toxic_flag:
        return
    name = max(watched, key=lambda n: (watched[n], policy.severity.get(n, 0), n))
    flag = Rung(Action.FLAG)
    reason = f"P(toxic) {toxic:.2f}, flagged from {policy.toxic_flag:.2f}; which category is unsure"
    yield _Finding(name, watched[name], rules[name].mode, flag, flag, (reason,), strike=False)


def strictness(decision: Decision) -> tuple[int, timedelta]:
    """Return what ranks decisions by what they do: the action, then how long it lasts."""
    return Rung(decision.action, decision.duration).strictness


def rank(policy: Policy, decision: Decision) -> tuple[object, ...]:
    """Return what ranks decisions on several readings of one excerpt: the greatest is the strictest permitted one."""
    return (
        strictness(decision),
        decision.mode is Mode.LIVE,
        decision.would.strictness,
        policy.severity.get(decision.category, 0),
        decision.confidence,
    )


def _rank(policy: Policy, finding: _Finding) -> tuple[object, ...]:
    return (
        finding.allowed.strictness,
        finding.mode is Mode.LIVE,
        finding.asked.strictness,
        policy.severity.get(finding.category, 0),
        finding.probability,
        finding.category,
    )
