"""Edits of a community's policy, as moderators type them: each is tried before it holds."""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bot.clip_words import checked_words, find_word
from bot.domain import Mode
from bot.errors import PolicyError
from bot.policy_community import Basis, CommunityPolicy, base_policy, build, check_category
from bot.policy_file import says_of_speech
from bot.policy_presets import Preset

LARGEST_DOCUMENT = 64 << 10
"""How many bytes an imported policy may have."""

_DEFAULT = frozenset({"", "default"})
_NUMBER = re.compile(r"([0-9]{0,3}(?:[.,][0-9]{1,15})?) ?(%?)")
_BUDGET = re.compile(r"1 in [0-9]{1,9}")
_TIMEOUT = re.compile(r"timeout[ :=]*([0-9]{1,5}) ?(m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?)")
_YES, _NO = frozenset({"yes", "true", "on"}), frozenset({"no", "false", "off"})
_LONGEST_TYPED = 1000
_LONGEST_ID = 100
_LIST = "the list of words for clips"


def with_preset(basis: Basis, community: CommunityPolicy, preset: Preset) -> CommunityPolicy:
    """Return the community's policy under another preset; raise PolicyError where it cannot be built."""
    return _tried(basis, replace(community, preset=preset))


def with_mode(basis: Basis, community: CommunityPolicy, category: str | None, mode: Mode | None) -> CommunityPolicy:
    """Return it with a category, or every one that has a rule, in a mode; None as `mode` takes the change back.

    Raise PolicyError where there is no such category. A mode is kept under the preset *shadow* too, but has no effect
    until another one is chosen.
    """
    categories = build(basis, community).categories if category is None else [category]
    entry = None if mode is None else mode.value
    for name in categories:
        check_category(name, basis)
        community = _set(community, name, {"mode": entry})
    return _tried(basis, community)


def with_rule(
    basis: Basis,
    community: CommunityPolicy,
    category: str,
    *,
    flag: str | None = None,
    act: str | None = None,
    ladder: str | None = None,
    human_only: str | None = None,
) -> CommunityPolicy:
    """Return it with entries of a category's rule as typed; None leaves one alone, "" or "default" takes it back.

    Thresholds are typed as 0.7, 70% or 1 in 500, ladders as "warn, delete, timeout:10m" or "none", `human_only` as
    yes or no. Raise PolicyError naming the entry that makes no sense.
    """
    check_category(category, basis)
    typed = {"flag": flag, "act": act, "ladder": ladder, "human_only": human_only}
    entries = {key: _typed(category, key, text) for key, text in typed.items() if text is not None}
    return _tried(basis, _set(community, category, entries))


def with_exempt_role(basis: Basis, community: CommunityPolicy, role: str, *, exempt: bool = True) -> CommunityPolicy:
    """Return it with a role, by id, exempt or no longer so; raise PolicyError where the base exempts it."""
    based = base_policy(basis, community).exempt_roles
    roles = _exempted(community.exempt_roles, role, based, "role", exempt=exempt)
    return _tried(basis, replace(community, exempt_roles=roles))


def with_exempt_channel(
    basis: Basis, community: CommunityPolicy, channel: str, *, exempt: bool = True
) -> CommunityPolicy:
    """Return it with a channel, by id, exempt or no longer so; raise PolicyError where the base exempts it."""
    based = base_policy(basis, community).exempt_channels
    channels = _exempted(community.exempt_channels, channel, based, "channel", exempt=exempt)
    return _tried(basis, replace(community, exempt_channels=channels))


def with_clip_words(basis: Basis, community: CommunityPolicy, typed: str) -> CommunityPolicy:
    """Return it with words that are likely in clips, as typed with commas between them; those it has are left as is.

    Raise PolicyError where one makes no sense, or they are too many.
    """
    if len(typed) > _LONGEST_TYPED:
        raise PolicyError(f"these words have {len(typed)} letters; {_LONGEST_TYPED} at once are the most")
    known = build(basis, community).clip_words
    given = {word.strip().casefold(): word.strip() for word in typed.split(",") if word.strip()}
    new = [word for word in given.values() if find_word(known, word) is None]
    if not given:
        raise PolicyError(f"{typed[:80]!r} names no words; write them with commas between them")
    return _tried(basis, replace(community, clip_words=checked_words((*known, *new), _LIST)) if new else community)


def without_clip_word(basis: Basis, community: CommunityPolicy, typed: str) -> CommunityPolicy:
    """Return it without a word that is likely in clips, whatever its capitals; raise PolicyError if it has none so."""
    known = build(basis, community).clip_words
    word = find_word(known, typed)
    if word is None:
        raise PolicyError(f"{typed[:80]!r} is not in {_LIST}; name one that is")
    return _tried(basis, replace(community, clip_words=tuple(each for each in known if each != word)))


def with_foreign_clips(basis: Basis, community: CommunityPolicy, review: bool | None) -> CommunityPolicy:
    """Return it with clips in a language that cannot be judged shown to moderators or not; None takes it back."""
    return _tried(basis, replace(community, review_foreign_clips=review))


def with_document(basis: Basis, community: CommunityPolicy, text: str | None) -> CommunityPolicy:
    """Return it based on a policy as TOML, or on the operator's again where `text` is None.

    What was set by hand goes; preset and exemptions stay, and so does what was set for clips where the text says
    nothing of them. Raise PolicyError where the text is no policy.
    """
    if text is not None:
        _check_size(text)
    based = _tried(basis, replace(community, base=text, changes={}))
    if text is not None and not says_of_speech(text):
        return based
    return replace(based, clip_words=None, review_foreign_clips=None)


def _check_size(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise PolicyError("the imported policy is not text in UTF-8; save it as UTF-8 and try again") from error
    if size > LARGEST_DOCUMENT:
        raise PolicyError(f"the imported policy has {size} bytes; {LARGEST_DOCUMENT} are the most")


def _tried(basis: Basis, community: CommunityPolicy) -> CommunityPolicy:
    build(basis, community)
    return community


def _set(community: CommunityPolicy, category: str, entries: Mapping[str, object]) -> CommunityPolicy:
    """Return it with entries of a category replaced, and those that are None taken back."""
    merged = {**community.changes.get(category, {}), **entries}
    kept = {key: value for key, value in merged.items() if value is not None}
    return replace(community, changes={**community.changes, category: kept})


def _typed(category: str, key: str, text: str) -> object:
    """Return what a moderator typed as an entry of a policy file, None where the default is asked for."""
    if len(text) > _LONGEST_TYPED:
        raise PolicyError(f"{key} of {category} has {len(text)} letters; {_LONGEST_TYPED} are the most")
    plain = " ".join(text.lower().split())
    if plain in _DEFAULT:
        return None
    if key == "ladder":
        return _ladder(plain)
    value = _threshold(plain) if key in ("flag", "act") else _answer(plain)
    if value is None:
        use = "a probability such as 0.7 or 70%, or a budget such as 1 in 500" if key != "human_only" else "yes or no"
        raise PolicyError(f"{key} of {category} is {plain[:80]!r}; write {use}, or default to take it back")
    return value


def _threshold(plain: str) -> float | str | None:
    if _BUDGET.fullmatch(plain):
        return plain
    match = _NUMBER.fullmatch(plain)
    if not match or not match.group(1):
        return None
    number = Decimal(match.group(1).replace(",", "."))
    value = float(number / 100 if match.group(2) else number)
    return value if 0 < value <= 1 else None


def _answer(plain: str) -> bool | None:
    return plain in _YES if plain in _YES | _NO else None


def _ladder(plain: str) -> tuple[str, ...]:
    if plain == "none":
        return ()
    return tuple(_rung(step.strip()) for step in plain.rstrip(" ,").split(","))


def _rung(step: str) -> str:
    match = _TIMEOUT.fullmatch(step)
    return f"timeout:{match.group(1)}{match.group(2)[0]}" if match else step


def _exempted(known: frozenset[str], one: str, based: frozenset[str], kind: str, *, exempt: bool) -> frozenset[str]:
    if not one or len(one) > _LONGEST_ID:
        raise PolicyError(f"{one[:80]!r} is not the id of a {kind}")
    if exempt:
        return known | {one}
    if one in based:
        raise PolicyError(
            f"the {kind} {one} is exempt in the policy that this community starts from; import one without it"
        )
    return known - {one}
