"""A policy from TOML: names checked, budgets turned into thresholds by the model's curve."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.clip_words import checked_words
from bot.domain import Action, Mode
from bot.errors import PolicyError
from bot.policy import CategoryRule, Policy, Rung
from classifier import ClassifierError, LabelSet, ThresholdCurve

DEFAULT = Path(__file__).parent / "policies.toml"
"""The policy that comes with the package."""

DEFAULT_FLAG, DEFAULT_ACT = "1 in 100", "1 in 1000"
"""The thresholds of a category that names none."""

_VERSION = 1
_BUDGET = re.compile(r"1 in ([1-9][0-9]{0,8})")
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LONGEST_TIMEOUT = timedelta(days=28)
_MOST_RUNGS = 25
_MOST_DOTS = 100
_LONGEST_SHOWN = 80
_GENERAL = {"strike_half_life_days", "history_days", "most_doubt", "toxic_flag", "join_seconds", "burst_seconds"}
_SPEECH = {"words", "review_foreign_clips"}
_RULE = {"mode", "flag", "act", "ladder", "human_only"}


def read_policy(path: Path, labels: LabelSet, curves: Mapping[str, ThresholdCurve]) -> Policy:
    """Read a policy; raise PolicyError, naming the entry, where it makes no sense.

    `curves` are the model's false-positive curves by category, and by the name `toxic` for all of them together.
    """
    try:
        raw = _toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PolicyError(f"the policy {path} is not there; set REFEREE_POLICY to a file that is") from error
    except (OSError, ValueError) as error:
        raise PolicyError(f"the policy {path} cannot be read: {error}") from error
    try:
        return _policy(raw, labels, curves)
    except PolicyError as error:
        raise PolicyError(f"the policy {path}: {error}") from error


def parse_policy(text: str, labels: LabelSet, curves: Mapping[str, ThresholdCurve]) -> Policy:
    """Return the policy that TOML text describes; raise PolicyError as `read_policy` does."""
    try:
        raw = _toml(text)
    except ValueError as error:
        raise PolicyError(f"it cannot be read: {error}") from error
    return _policy(raw, labels, curves)


def says_of_speech(text: str) -> bool:
    """Tell whether TOML text that is a policy says anything of clips."""
    return "speech" in _toml(text)


def _toml(text: str) -> Mapping[str, Any]:
    """Return the tables of TOML text; raise ValueError, whatever is wrong with it.

    tomllib takes time with the square of a dotted key's length: 20 seconds for a hostile key of 64 KB.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    for number, line in enumerate(lines, 1):
        if line.count(".") > _MOST_DOTS:
            raise ValueError(f"line {number} has more than {_MOST_DOTS} dots, which no policy needs")
    try:
        return tomllib.loads("\n".join(lines))
    except RecursionError as error:
        raise ValueError("its lists or tables are nested too deep") from error
    except ValueError as error:
        raise ValueError(_cut(str(error))) from error


def _policy(raw: Mapping[str, Any], labels: LabelSet, curves: Mapping[str, ThresholdCurve]) -> Policy:
    _known(raw, {"version", "general", "exempt", "speech", "category"}, "the file")
    version = raw.get("version")
    if isinstance(version, bool) or version != _VERSION:
        raise PolicyError(f"it says version {_shown(version)}; this Referee reads version {_VERSION}")
    general, exempt, speech, rules = (_table(raw, name) for name in ("general", "exempt", "speech", "category"))
    _known(general, _GENERAL, "[general]")
    _known(exempt, {"roles", "channels"}, "[exempt]")
    _known(speech, _SPEECH, "[speech]")
    try:
        _known(rules, set(labels.names), "the categories of this model")
    except PolicyError as error:
        raise PolicyError(f"{error}; REFEREE_POLICY names a policy for the model that REFEREE_MODEL names") from error
    if not rules:
        raise PolicyError("it has no [category.NAME], so that nothing would ever be flagged; add at least one")
    return Policy(
        categories={name: read_rule(name, rule, curves) for name, rule in rules.items()},
        severity={label.name: label.severity for label in labels.labels},
        toxic_flag=read_threshold(general.get("toxic_flag", 0.8), "toxic", "[general] toxic_flag", curves),
        most_doubt=_number(general, "most_doubt", 0.4, most=1.0),
        strike_half_life=timedelta(days=_number(general, "strike_half_life_days", 14, least=0.01)),
        history_window=timedelta(days=_number(general, "history_days", 90)),
        join_window=timedelta(seconds=_number(general, "join_seconds", 8, most=300)),
        burst=timedelta(seconds=_number(general, "burst_seconds", 60, most=86_400)),
        exempt_roles=_names(exempt, "roles"),
        exempt_channels=_names(exempt, "channels"),
        clip_words=_words(speech),
        review_foreign_clips=_switch(speech.get("review_foreign_clips", True), "[speech] review_foreign_clips"),
    )


def read_rule(name: str, raw: object, curves: Mapping[str, ThresholdCurve]) -> CategoryRule:
    """Return the rule that the entries of [category.NAME] describe; raise PolicyError naming the wrong one."""
    where = f"[category.{name}]"
    if not isinstance(raw, Mapping):
        raise PolicyError(f"{where} is not a table")
    _known(raw, _RULE, where)
    flag = read_threshold(raw.get("flag", DEFAULT_FLAG), name, f"{where} flag", curves)
    act = read_threshold(raw.get("act", DEFAULT_ACT), name, f"{where} act", curves)
    if act < flag:
        raise PolicyError(f"{where} acts from {act:.3f}, below the {flag:.3f} from which it flags; raise act")
    human_only = _switch(raw.get("human_only", False), f"{where} human_only")
    return CategoryRule(_mode(raw, where), flag, act, _ladder(raw.get("ladder", []), where), human_only)


def _mode(raw: Mapping[str, Any], where: str) -> Mode:
    mode = raw.get("mode", Mode.SHADOW)
    if not isinstance(mode, str) or mode not in list(Mode):
        raise PolicyError(f"{where} mode is {_shown(mode)}; use off, shadow or live")
    return Mode(mode)


def _ladder(raw: object, where: str) -> tuple[Rung, ...]:
    if not isinstance(raw, list | tuple):
        raise PolicyError(f"{where} ladder is not a list of actions")
    if len(raw) > _MOST_RUNGS:
        raise PolicyError(f"{where} ladder has {len(raw)} actions; {_MOST_RUNGS} are the most")
    ladder = [_rung(step, where) for step in raw]
    if ladder != sorted(ladder, key=lambda rung: rung.strictness):
        raise PolicyError(f"{where} ladder does not rise; put the mildest action first")
    return tuple(ladder)


def _rung(step: object, where: str) -> Rung:
    name, colon, length = step.partition(":") if isinstance(step, str) else ("", "", "")
    if name not in list(Action):
        raise PolicyError(f"{where} has the rung {_shown(step)}; use warn, delete, timeout:10m, kick or ban")
    action = Action(name)
    if not action.punishes:
        raise PolicyError(f"{where} has the rung {_shown(step)}, which is no action; leave it out")
    if (action is Action.TIMEOUT) != bool(colon):
        raise PolicyError(
            f"{where} has the rung {_shown(step)}; a timeout, and only it, has a length, as in timeout:10m"
        )
    return Rung(action, _length(length, where) if colon else None)


def _length(text: str, where: str) -> timedelta:
    match = _LENGTH.fullmatch(text)
    if not match:
        raise PolicyError(f"{where} has a timeout of {_shown(text)}; write minutes, hours or days as in 10m, 1h, 7d")
    length = timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})
    if length > _LONGEST_TIMEOUT:
        raise PolicyError(f"{where} has a timeout of {text}; the longest that Discord knows is 28 days")
    return length


def read_threshold(value: object, curve: str, where: str, curves: Mapping[str, ThresholdCurve]) -> float:
    """Return the threshold that a probability or a budget stands for; raise PolicyError, which says `where`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value)
    match = _BUDGET.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise PolicyError(
            f'{where} is {_shown(value)}; write a probability above 0 such as 0.7, or a budget such as "1 in 1000"'
        )
    if curve not in curves:
        raise PolicyError(
            f"{where} is a budget, but the model has no curve for {curve}; write a probability, or measure a curve on "
            "clean messages with `referee model calibrate`"
        )
    try:
        return curves[curve].threshold(1 / int(match.group(1)))
    except ClassifierError as error:
        raise PolicyError(f"{where}: {error}, with `referee model calibrate`") from error


def _number(table: Mapping[str, Any], name: str, default: float, *, least: float = 0.0, most: float = 1e5) -> float:
    value = table.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise PolicyError(f"[general] {name} is {_shown(value)}; write a number from {least:g} to {most:g}")
    return float(value)


def _names(table: Mapping[str, Any], name: str) -> frozenset[str]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise PolicyError(f"[exempt] {name} is not a list of names in quotes")
    return frozenset(value)


def _words(speech: Mapping[str, Any]) -> tuple[str, ...]:
    words = speech.get("words", [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise PolicyError("[speech] words is not a list of words in quotes")
    return checked_words(words, "[speech] words")


def _switch(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(f"{where} is {_shown(value)}; use true or false")
    return value


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name, {})
    if not isinstance(table, dict):
        raise PolicyError(f"[{name}] is not a table")
    return table


def _known(table: Mapping[str, Any], names: set[str], where: str) -> None:
    unknown = sorted(set(table) - names)
    if unknown:
        raise PolicyError(f"{_shown(unknown[0])} is not one of {where}; there are {', '.join(sorted(names))}")


def _shown(value: object) -> str:
    """Return a value as an error may show it: whatever somebody wrote there, in one short line."""
    try:
        return _cut(repr(value))
    except (ValueError, RecursionError):  # an integer of thousands of digits, tables in tables without end
        return f"a {type(value).__name__} too large to show"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
