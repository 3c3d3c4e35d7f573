"""What categories cost: reading a model's outputs, deciding on them, and the policies that are made of them."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from benchmarks.growth.costs import cost_of
from benchmarks.growth.laws import Growth, Ledger
from bot.domain import Action, Excerpt, History, Mode, Platform, SourceKey, Strike
from bot.policy import CategoryRule, Policy, Rung, decide
from bot.policy_community import Basis, CommunityPolicy, build, from_json, to_json
from bot.policy_document import to_toml
from bot.policy_file import parse_policy
from bot.policy_presets import Preset
from bot.policy_words import describe, difference
from classifier import LabelSet, Verdict
from classifier.labels import Label

SECTION = "categories"
NOTE = (
    "categories: made categories; what a model computes is the same for two and for sixty-four, but for a last layer "
    "of a few thousand numbers."
)
_NOW = datetime(2026, 5, 1, tzinfo=UTC)
_LADDER = (Rung(Action.WARN), Rung(Action.DELETE), Rung(Action.TIMEOUT, timedelta(hours=1)))
_TEXTS = 64
Work = Callable[[], object]


def measure(sizes: Sequence[int], say: Callable[[str], None]) -> Iterator[list[Growth]]:
    """Yield what was measured so far, after each size."""
    found = Ledger(SECTION)
    for size in sizes:
        say(f"{size:,} categories")
        for name, work in operations(size):
            found.add(name, size, cost_of(work), work=1)
        yield found.growths()


def operations(categories: int) -> Iterator[tuple[str, Work]]:
    """Yield name and work of what is done with so many categories."""
    labels = LabelSet(tuple(Label(f"category_{n}", "made up", n) for n in range(categories)))
    policy = Policy(
        {name: CategoryRule(Mode.LIVE, 0.5, 0.8, _LADDER) for name in labels.names},
        {label.name: label.severity for label in labels.labels},
    )
    history = History(tuple(Strike("category_0", _NOW - timedelta(days=n)) for n in range(3)))
    shares = {"a clean text": [0.001] * categories, "every category at once": [0.9] * categories}
    for what, found in shares.items():
        verdict = Verdict(sum(found), dict(zip(labels.names, found, strict=True)), "made")
        yield f"decide on {what}", _decision(policy, verdict, history)
    yield f"verdicts of {_TEXTS} texts", _verdicts(labels)
    yield from _policies(Basis(policy, labels, {}))


def _decision(policy: Policy, verdict: Verdict, history: History) -> Work:
    excerpt = Excerpt(SourceKey(Platform.DISCORD, "1", "2", "3"), "4", _NOW, "well played")
    return lambda: decide(policy, verdict, excerpt, history, _NOW)


def _verdicts(labels: LabelSet) -> Work:
    probabilities = np.full((_TEXTS, len(labels.names)), 0.01)

    def made() -> object:
        return [Verdict(0.1, dict(zip(labels.names, row.tolist(), strict=True)), "made") for row in probabilities]

    return made


def _policies(basis: Basis) -> Iterator[tuple[str, Work]]:
    changes = {name: {"mode": "shadow", "flag": 0.4, "act": 0.9} for name in basis.labels.names}
    rules = CommunityPolicy(Preset.STRICT, changes=changes)
    stored, document, built = to_json(rules), to_toml(basis.policy), build(basis, rules)
    yield "build a policy in which all are changed", lambda: build(basis, rules)
    yield "read what a community stored", lambda: from_json(stored)
    yield "read a policy file", lambda: parse_policy(document, basis.labels, basis.curves)
    yield "write a policy file", lambda: to_toml(basis.policy)
    yield "tell a policy in words", lambda: describe(built)
    yield "tell what a change changes", lambda: difference(basis.policy, built)
