"""A policy as a document: TOML that `policy_file` reads back to the same policy."""

import json
from collections.abc import Iterable
from datetime import timedelta

from bot.policy import CategoryRule, Policy, Rung

_HEAD = """\
# A policy for Referee, as it was exported.
#
# mode    off: ignored. shadow: flagged, nothing is done. live: the ladder is climbed.
# flag    P(category) from which a moderator is shown it; a probability such as 0.7, or a budget such as "1 in 100".
# act     P(category) from which the ladder applies.
# ladder  the actions, mildest first: warn, delete, timeout:10m, kick, ban. Recent strikes choose among them.
# human_only  true: never act alone, a moderator decides.
# words   names and terms that are likely in voice clips; the speech model listens for them.
# review_foreign_clips  true: a clip in a language that cannot be judged is shown to moderators.
version = 1
"""
_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


def to_toml(policy: Policy) -> str:
    """Return the policy as TOML, which `parse_policy` reads back to an equal policy for the same categories.

    Thresholds are probabilities with all their digits; timeouts last whole minutes, as in every policy that was read.
    """
    categories = (_category(name, rule) for name, rule in policy.categories.items())
    return "\n".join([_HEAD, _general(policy), _exempt(policy), _speech(policy), *categories])


def rule_entries(rule: CategoryRule) -> dict[str, object]:
    """Return a rule as the entries that `policy_file.read_rule` reads."""
    return {
        "mode": rule.mode.value,
        "flag": rule.flag,
        "act": rule.act,
        "ladder": [rung_entry(rung) for rung in rule.ladder],
        "human_only": rule.human_only,
    }


def rung_entry(rung: Rung) -> str:
    """Return a step of a ladder as a policy file names it, such as "warn" or "timeout:10m"."""
    return rung.action.value if rung.duration is None else f"{rung.action}:{length_entry(rung.duration)}"


def length_entry(length: timedelta) -> str:
    """Return the length of a timeout in the largest unit that divides it, such as "10m" or "7d"."""
    unit, size = next((unit, size) for unit, size in _UNITS if not length % size or unit == "m")
    return f"{length // size}{unit}"


def _general(policy: Policy) -> str:
    day, second = timedelta(days=1), timedelta(seconds=1)
    entries = {
        "toxic_flag": policy.toxic_flag,
        "most_doubt": policy.most_doubt,
        "strike_half_life_days": policy.strike_half_life / day,
        "history_days": policy.history_window / day,
        "join_seconds": policy.join_window / second,
        "burst_seconds": policy.burst / second,
    }
    return _table("general", entries.items())


def _exempt(policy: Policy) -> str:
    exempt = {"roles": sorted(policy.exempt_roles), "channels": sorted(policy.exempt_channels)}
    return _table("exempt", exempt.items())


def _speech(policy: Policy) -> str:
    speech = {"words": list(policy.clip_words), "review_foreign_clips": policy.review_foreign_clips}
    return _table("speech", speech.items())


def _category(name: str, rule: CategoryRule) -> str:
    return _table(f"category.{name}", rule_entries(rule).items())


def _table(name: str, entries: Iterable[tuple[str, object]]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in entries), ""])


def _value(value: object) -> str:
    """Return a value of a policy as TOML, which writes strings, lists, booleans and finite numbers as JSON does.

    All but two things: its escapes know no halves of a pair, so that letters stay as they are, and DEL is escaped.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")
