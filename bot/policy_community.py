"""What one community made of the operator's policy: a value for the store, and the policy that it stands for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NoReturn

from bot.clip_words import checked_words
from bot.errors import PolicyError
from bot.policy import CategoryRule, Policy
from bot.policy_document import rule_entries, to_toml
from bot.policy_file import DEFAULT_ACT, DEFAULT_FLAG, parse_policy, read_rule, read_threshold
from bot.policy_presets import Preset, apply_preset
from classifier import LabelSet, ThresholdCurve

_WITHOUT_SPEECH, _VERSION = 1, 2
_KEYS = {"version", "preset", "base", "changes", "exempt_roles", "exempt_channels"}
_SPEECH_KEYS = {"words", "review_foreign_clips"}
_THRESHOLDS = ("flag", "act")
_ENTRY_TYPES: Mapping[str, tuple[type, ...]] = {
    "mode": (str,),
    "flag": (int, float, str),
    "act": (int, float, str),
    "ladder": (list,),
    "human_only": (bool,),
}


@dataclass(frozen=True, slots=True)
class Basis:
    """Hold what the policy of every community is built on: the operator's, and the model's categories and curves."""

    policy: Policy
    labels: LabelSet
    curves: Mapping[str, ThresholdCurve]


@dataclass(frozen=True, slots=True)
class CommunityPolicy:
    """Hold what a community chose.

    `base` is TOML that an admin imported, None where the operator's policy holds. `changes` are entries of a policy
    file by category, set one by one. Exemptions are ids, in addition to those of the base. Of clips, None stands for
    what the base says: once it is changed, the list of words is the community's own.
    """

    preset: Preset = Preset.SHADOW
    base: str | None = None
    changes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    exempt_roles: frozenset[str] = frozenset()
    exempt_channels: frozenset[str] = frozenset()
    clip_words: tuple[str, ...] | None = None
    review_foreign_clips: bool | None = None

    def __post_init__(self) -> None:
        frozen = {name: MappingProxyType(dict(entries)) for name, entries in self.changes.items() if entries}
        object.__setattr__(self, "changes", MappingProxyType(frozen))


def build(basis: Basis, community: CommunityPolicy) -> Policy:
    """Return the policy in force in a community; raise PolicyError naming the entry that makes no sense.

    The base first, then the preset, then what was set by hand, then the exemptions. In shadow nothing set by hand
    makes a category live again.
    """
    policy = apply_preset(community.preset, base_policy(basis, community))
    policy = replace(policy, categories=_changed(policy.categories, community, basis))
    if community.preset is Preset.SHADOW:
        policy = apply_preset(Preset.SHADOW, policy)
    foreign = community.review_foreign_clips
    return replace(
        policy,
        exempt_roles=policy.exempt_roles | community.exempt_roles,
        exempt_channels=policy.exempt_channels | community.exempt_channels,
        clip_words=_clip_words(policy, community),
        review_foreign_clips=policy.review_foreign_clips if foreign is None else foreign,
    )


def export(basis: Basis, community: CommunityPolicy) -> str:
    """Return the community's policy as TOML to edit and import again, under the preset that it has.

    It holds the base with what was set by hand, the words for clips too. Preset and exemptions of the community are no
    part of it: they stay in force there, and make no sense elsewhere. Raise PolicyError where it cannot be built.
    """
    plain = replace(community, preset=Preset.STANDARD, exempt_roles=frozenset(), exempt_channels=frozenset())
    return to_toml(build(basis, plain))


def base_policy(basis: Basis, community: CommunityPolicy) -> Policy:
    """Return the policy that a community starts from: the imported one, else the operator's; raise PolicyError."""
    if community.base is None:
        return basis.policy
    try:
        return parse_policy(community.base, basis.labels, basis.curves)
    except PolicyError as error:
        raise PolicyError(f"the imported policy: {error}") from error


def _clip_words(policy: Policy, community: CommunityPolicy) -> tuple[str, ...]:
    own = community.clip_words
    return policy.clip_words if own is None else checked_words(own, "the words of this community")


def _changed(rules: Mapping[str, CategoryRule], community: CommunityPolicy, basis: Basis) -> Mapping[str, CategoryRule]:
    for name in sorted(community.changes):
        check_category(name, basis)
    changed = {
        name: _overlaid(name, rules.get(name), entries, basis.curves) for name, entries in community.changes.items()
    }
    return {**rules, **changed}


def check_category(name: str, basis: Basis) -> None:
    """Raise PolicyError where the model has no category of that name."""
    if name not in basis.labels.names:
        raise PolicyError(f"there is no category {name[:80]!r}; there are {', '.join(basis.labels.names)}")


def _overlaid(
    name: str, rule: CategoryRule | None, entries: Mapping[str, object], curves: Mapping[str, ThresholdCurve]
) -> CategoryRule:
    """Return the rule with entries replaced; a threshold that nobody set gives way to one that somebody did.

    So a preset or a new model, which move the thresholds that nobody set, never contradict the others.
    """
    inherited = {"flag": DEFAULT_FLAG, "act": DEFAULT_ACT} if rule is None else rule_entries(rule)
    raw = {**inherited, **entries}
    flag, act = (read_threshold(raw[key], name, f"[category.{name}] {key}", curves) for key in _THRESHOLDS)
    by_hand = [entries[key] for key in _THRESHOLDS if key in entries]
    if act < flag and len(by_hand) == 1:
        raw["flag"] = raw["act"] = by_hand[0]
    return read_rule(name, raw, curves)


def to_json(community: CommunityPolicy) -> str:
    """Return the community's choice as JSON for the store; equal choices give equal text.

    One that says nothing of clips is written as it was before there was anything to say of them.
    """
    raw: dict[str, object] = {
        "version": _WITHOUT_SPEECH,
        "preset": community.preset,
        "base": community.base,
        "changes": {name: dict(entries) for name, entries in community.changes.items()},
        "exempt_roles": sorted(community.exempt_roles),
        "exempt_channels": sorted(community.exempt_channels),
    }
    own = {"words": community.clip_words, "review_foreign_clips": community.review_foreign_clips}
    if speech := {key: value for key, value in own.items() if value is not None}:
        raw |= {"version": _VERSION, "speech": speech}
    return json.dumps(raw, sort_keys=True, allow_nan=False)


def from_json(text: str) -> CommunityPolicy:
    """Return what `to_json` wrote; raise PolicyError where it is damaged or from a newer Referee."""
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"the stored policy of a community is damaged: {str(error)[:80]}; set it up again") from error
    if not isinstance(raw, dict):
        raise _damaged("it is no object")
    version = raw.get("version")
    if isinstance(version, int) and version > _VERSION:
        raise PolicyError(
            "the stored policy of a community is from a newer Referee; install that one, or set it up again"
        )
    keys = {_WITHOUT_SPEECH: _KEYS, _VERSION: _KEYS | {"speech"}}
    if not isinstance(version, int) or isinstance(version, bool) or raw.keys() != keys.get(version):
        raise _damaged(f"its entries are not those of version {_WITHOUT_SPEECH} or {_VERSION}")
    speech = _speech(raw.get("speech", {}))
    return CommunityPolicy(
        preset=_preset(raw["preset"]),
        base=_base(raw["base"]),
        changes=_changes(raw["changes"]),
        exempt_roles=_ids(raw, "exempt_roles"),
        exempt_channels=_ids(raw, "exempt_channels"),
        clip_words=_words(speech.get("words")),
        review_foreign_clips=_review(speech.get("review_foreign_clips")),
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _damaged(how: str) -> PolicyError:
    return PolicyError(f"the stored policy of a community is damaged: {how}; set it up again")


def _preset(raw: object) -> Preset:
    if not isinstance(raw, str) or raw not in list(Preset):
        raise _damaged("it names no preset")
    return Preset(raw)


def _base(raw: object) -> str | None:
    if raw is not None and not isinstance(raw, str):
        raise _damaged("its base is no text")
    return raw


def _changes(raw: object) -> dict[str, dict[str, object]]:
    if not isinstance(raw, dict) or not all(isinstance(entries, dict) for entries in raw.values()):
        raise _damaged("its changes are no tables")
    return {name: {key: _entry(key, value) for key, value in entries.items()} for name, entries in raw.items()}


def _entry(key: str, value: object) -> object:
    types = _ENTRY_TYPES.get(key, ())
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise _damaged(f"its change of {key[:80]!r} makes no sense")
    return tuple(value) if isinstance(value, list) else value


def _ids(raw: Mapping[str, object], key: str) -> frozenset[str]:
    ids = raw[key]
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise _damaged(f"its {key} are no ids")
    return frozenset(ids)


def _speech(raw: object) -> Mapping[str, object]:
    if not isinstance(raw, dict) or not raw.keys() <= _SPEECH_KEYS:
        raise _damaged("what it says of clips makes no sense")
    return raw


def _words(raw: object) -> tuple[str, ...] | None:
    if raw is None:
        return None
    if not isinstance(raw, list) or not all(isinstance(word, str) for word in raw):
        raise _damaged("its words are no list of words")
    return tuple(raw)


def _review(raw: object) -> bool | None:
    if raw is not None and not isinstance(raw, bool):
        raise _damaged("its review_foreign_clips is neither true nor false")
    return raw
