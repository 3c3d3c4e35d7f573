"""A policy in plain words: what it does, and what a change of it changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from bot.domain import Mode
from bot.policy import CategoryRule, Policy, Rung
from bot.policy_document import length_entry

_NO_NAMES: Mapping[str, str] = MappingProxyType({})
_MOST_NAMED = 20
_MOST_DIGITS = 17


def describe(policy: Policy, names: Mapping[str, str] = _NO_NAMES) -> list[str]:
    """Return what the policy does, a line for each category, the gravest first, then the rest.

    `names` are those of roles and channels by id; what has none is shown by its id.
    """
    order = sorted(policy.categories, key=lambda name: (-policy.severity.get(name, 0), name))
    return [
        *(f"{name}: {_rule(policy.categories[name])}" for name in order),
        f"whatever the category: flagged from {_share(policy.toxic_flag)}",
        f"transcripts with more doubt than {_share(policy.most_doubt)} are flagged only",
        f"strikes count half after {_span(policy.strike_half_life)}, and no more after {_span(policy.history_window)}",
        f"words likely in clips: {_shortened(policy.clip_words)}",
        f"clips in a language that cannot be judged: {_foreign(policy.review_foreign_clips)}",
        f"exempt roles: {_listed(policy.exempt_roles, names)}",
        f"exempt channels: {_listed(policy.exempt_channels, names)}",
    ]


def difference(before: Policy, after: Policy, names: Mapping[str, str] = _NO_NAMES) -> list[str]:
    """Return what is different after a change, a line for each entry; empty where nothing is."""
    categories = sorted(before.categories.keys() | after.categories.keys())
    return [
        *(
            line
            for name in categories
            for line in _rule_difference(name, before.categories.get(name), after.categories.get(name))
        ),
        *_general_difference(before, after),
        *_words_difference(before.clip_words, after.clip_words),
        *_names_difference("role", before.exempt_roles, after.exempt_roles, names),
        *_names_difference("channel", before.exempt_channels, after.exempt_channels, names),
    ]


def _rule(rule: CategoryRule) -> str:
    if rule.mode is Mode.OFF:
        return "off"
    start = f"{rule.mode}; flagged from {_share(rule.flag)}"
    if not rule.ladder:
        return f"{start}; a moderator decides"
    steps = f"from {_share(rule.act)}: {_ladder(rule.ladder)}"
    if rule.human_only:
        return f"{start}; a moderator decides, with a suggestion {steps}"
    if rule.mode is Mode.SHADOW:
        return f"{start}; nothing is done, but once live it acts {steps}"
    return f"{start}, acted on {steps}"


def _rule_difference(name: str, before: CategoryRule | None, after: CategoryRule | None) -> Iterable[str]:
    if before == after:
        return
    if before is None or after is None:
        yield f"{name}: {_rule(before) if before else 'not watched'} -> {_rule(after) if after else 'not watched'}"
        return
    entries = {
        "mode": (str(before.mode), str(after.mode)),
        "flagged from": _shares(before.flag, after.flag),
        "acted on from": _shares(before.act, after.act),
        "ladder": (_ladder(before.ladder), _ladder(after.ladder)),
        "human only": (_answer(before.human_only), _answer(after.human_only)),
    }
    yield from (f"{name}: {what} {old} -> {new}" for what, (old, new) in entries.items() if old != new)


def _general_difference(before: Policy, after: Policy) -> Iterable[str]:
    entries = {
        "whatever the category: flagged from": _shares(before.toxic_flag, after.toxic_flag),
        "most doubt of a transcript": _shares(before.most_doubt, after.most_doubt),
        "a strike counts half after": _spans(before.strike_half_life, after.strike_half_life),
        "a strike counts until": _spans(before.history_window, after.history_window),
        "messages are joined within": _spans(before.join_window, after.join_window),
        "an outburst lasts": _spans(before.burst, after.burst),
        "clips in a language that cannot be judged:": (
            _foreign(before.review_foreign_clips),
            _foreign(after.review_foreign_clips),
        ),
    }
    yield from (f"{what} {old} -> {new}" for what, (old, new) in entries.items() if old != new)


def _words_difference(before: Sequence[str], after: Sequence[str]) -> Iterable[str]:
    added, gone = [word for word in after if word not in before], [word for word in before if word not in after]
    if added:
        yield f"words likely in clips, added: {_shortened(added)}"
    if gone:
        yield f"words likely in clips, taken out: {_shortened(gone)}"
    if before != after and not added and not gone:
        yield f"words likely in clips, in another order: {_shortened(after)}"


def _names_difference(
    kind: str, before: frozenset[str], after: frozenset[str], names: Mapping[str, str]
) -> Iterable[str]:
    if after - before:
        yield f"{kind}s now exempt: {_listed(after - before, names)}"
    if before - after:
        yield f"{kind}s no longer exempt: {_listed(before - after, names)}"


def _ladder(ladder: tuple[Rung, ...]) -> str:
    return ", ".join(_rung(rung) for rung in ladder) or "none"


def _rung(rung: Rung) -> str:
    return rung.action.value if rung.duration is None else f"{rung.action} {length_entry(rung.duration)}"


def _foreign(reviewed: bool) -> str:
    return "shown to moderators" if reviewed else "not shown for that alone"


def _answer(value: bool) -> str:
    return "yes" if value else "no"


def _share(value: float, digits: int = 2) -> str:
    """Return a probability in so many digits, or in more where it would read as a certainty that it is not."""
    while digits < _MOST_DIGITS and 0 < value < 1 and float(f"{value:.{digits}f}") in (0.0, 1.0):
        digits += 1
    return f"{value:.{digits}f}"


def _shares(before: float, after: float) -> tuple[str, str]:
    """Return two probabilities in as many digits as tell them apart."""
    for digits in range(2, _MOST_DIGITS):
        old, new = _share(before, digits), _share(after, digits)
        if old != new or before == after:
            return old, new
    return repr(before), repr(after)


def _spans(before: timedelta, after: timedelta) -> tuple[str, str]:
    old, new = _span(before), _span(after)
    return (old, new) if old != new or before == after else (str(before), str(after))


def _span(span: timedelta) -> str:
    if span >= timedelta(days=1):
        return _counted(span / timedelta(days=1), "day")
    return _counted(span.total_seconds(), "second")


def _counted(number: float, unit: str) -> str:
    return f"{number:.4g} {unit}" if number == 1 else f"{number:.4g} {unit}s"


def _listed(ids: frozenset[str], names: Mapping[str, str]) -> str:
    return _shortened([names.get(one, one) for one in sorted(ids)])


def _shortened(shown: Sequence[str]) -> str:
    more = f" and {len(shown) - _MOST_NAMED} more" if len(shown) > _MOST_NAMED else ""
    return (", ".join(shown[:_MOST_NAMED]) or "none") + more
