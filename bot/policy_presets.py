"""Presets: whole policies made milder or stricter in one word, as pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from bot.domain import Action, Mode
from bot.policy import CategoryRule, Policy, Rung

_RELAXED_ODDS = 3.0
_LEAST_STRICT_ACT = 0.5
_FIRST_TIMEOUT = Rung(Action.TIMEOUT, timedelta(minutes=10))


class Preset(StrEnum):
    """How far a community lets Referee go."""

    SHADOW = "shadow"
    RELAXED = "relaxed"
    STANDARD = "standard"
    STRICT = "strict"

    @property
    def description(self) -> str:
        """Return what it does, in a sentence for moderators."""
        return _DESCRIPTIONS[self]


_DESCRIPTIONS: Mapping[Preset, str] = {
    Preset.SHADOW: "Flags for moderators and punishes nobody, whatever else is set.",
    Preset.RELAXED: "Flags only what is clearer, and at most deletes a message, unless you set a ladder by hand.",
    Preset.STANDARD: "Flags and acts as the policy is written.",
    Preset.STRICT: "Acts from where it flags, without a warning first; expect more mistakes to undo.",
}


def apply_preset(preset: Preset, policy: Policy) -> Policy:
    """Return the policy as the preset has it: which categories are watched and exemptions stay as they are."""
    return _PRESETS[preset](policy)


def _standard(policy: Policy) -> Policy:
    return policy


def _shadow(policy: Policy) -> Policy:
    """Return the policy with every category that is watched in shadow mode."""
    return _each(policy, lambda rule: rule if rule.mode is Mode.OFF else replace(rule, mode=Mode.SHADOW))


def _relaxed(policy: Policy) -> Policy:
    """Return the policy asking for three times the odds before it flags or acts, and deleting at most.

    A threshold t becomes 3t / (1 + 2t), so that 0.5 becomes 0.75 and 0.9 becomes 0.96: log-odds move by one constant,
    order stays, and nothing leaves 0..1. Categories that humans decide keep their thresholds: who is relaxed about
    banter is not so about threats.
    """
    return replace(_each(policy, _relaxed_rule), toxic_flag=_raised(policy.toxic_flag))


def _relaxed_rule(rule: CategoryRule) -> CategoryRule:
    rule = replace(rule, ladder=_capped(rule.ladder))
    if rule.human_only:
        return rule
    flag = _raised(rule.flag)
    return replace(rule, flag=flag, act=max(flag, _raised(rule.act)))


def _raised(threshold: float) -> float:
    # Rounding must neither lower a threshold nor push it past 1.
    return max(threshold, min(_RELAXED_ODDS * threshold / (1 + (_RELAXED_ODDS - 1) * threshold), 1.0))


def _capped(ladder: tuple[Rung, ...]) -> tuple[Rung, ...]:
    delete = Rung(Action.DELETE)
    mild = tuple(rung for rung in ladder if rung.strictness <= delete.strictness)
    return mild if mild == ladder or mild[-1:] == (delete,) else (*mild, delete)


def _strict(policy: Policy) -> Policy:
    """Return the policy acting from where it flags, though never on what is less likely than not.

    Warnings are skipped where something follows them, and a ladder that ends in delete goes on to a timeout. A
    category without a ladder stays without, and one that humans decide stays theirs.
    """
    return _each(policy, _strict_rule)


def _strict_rule(rule: CategoryRule) -> CategoryRule:
    act = min(rule.act, max(rule.flag, _LEAST_STRICT_ACT))
    ladder = tuple(rung for rung in rule.ladder if rung.action is not Action.WARN) or rule.ladder[-1:]
    if ladder and ladder[-1].action is Action.DELETE:
        ladder = (*ladder, _FIRST_TIMEOUT)
    return replace(rule, act=act, ladder=ladder)


def _each(policy: Policy, changed: Callable[[CategoryRule], CategoryRule]) -> Policy:
    return replace(policy, categories={name: changed(rule) for name, rule in policy.categories.items()})


_PRESETS: Mapping[Preset, Callable[[Policy], Policy]] = {
    Preset.SHADOW: _shadow,
    Preset.RELAXED: _relaxed,
    Preset.STANDARD: _standard,
    Preset.STRICT: _strict,
}
