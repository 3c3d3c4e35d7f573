from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Action, Mode
from bot.policy import CategoryRule, Policy, Rung
from bot.policy_presets import Preset, apply_preset
from tests.fakes.communities import shipped

WARN, DELETE, KICK, BAN = (Rung(action) for action in (Action.WARN, Action.DELETE, Action.KICK, Action.BAN))
TEN, HOUR = (Rung(Action.TIMEOUT, timedelta(minutes=minutes)) for minutes in (10, 60))
RUNGS = (WARN, DELETE, TEN, HOUR, KICK, BAN)

law = settings(deadline=None, max_examples=40)
shares = st.floats(0, 1, exclude_min=True)
ladders = st.lists(st.sampled_from(RUNGS), max_size=5).map(lambda rungs: tuple(sorted(rungs, key=RUNGS.index)))


@st.composite
def rules(draw: st.DrawFn) -> CategoryRule:
    flag, act = sorted((draw(shares), draw(shares)))
    return CategoryRule(draw(st.sampled_from(Mode)), flag, act, draw(ladders), draw(st.booleans()))


def one(rule: CategoryRule) -> Policy:
    return Policy({"insult": rule}, {"insult": 3}, toxic_flag=0.5)


def preset(which: Preset, rule: CategoryRule) -> CategoryRule:
    return apply_preset(which, one(rule)).categories["insult"]


def at(ladder: tuple[Rung, ...], strikes: int) -> tuple[int, timedelta]:
    return ladder[min(strikes, len(ladder) - 1)].strictness


def test_standard_is_the_policy_as_written() -> None:
    assert apply_preset(Preset.STANDARD, shipped().policy) == shipped().policy


@law
@given(rules())
def test_in_shadow_a_category_is_off_or_flags_and_nothing_else_changes(rule: CategoryRule) -> None:
    after = preset(Preset.SHADOW, rule)

    assert after.mode is (Mode.OFF if rule.mode is Mode.OFF else Mode.SHADOW)
    assert replace(after, mode=rule.mode) == rule


@law
@given(rules())
def test_relaxed_never_flags_or_acts_sooner_nor_stricter_and_at_most_deletes(rule: CategoryRule) -> None:
    after = preset(Preset.RELAXED, rule)

    assert rule.flag <= after.flag <= after.act <= 1
    assert after.act >= rule.act
    assert (after.mode, after.human_only, bool(after.ladder)) == (rule.mode, rule.human_only, bool(rule.ladder))
    assert all(rung in (WARN, DELETE) for rung in after.ladder)
    if rule.ladder:
        assert all(at(after.ladder, n) == min(at(rule.ladder, n), DELETE.strictness) for n in range(7))


@law
@given(rules())
def test_strict_acts_no_later_and_no_milder_yet_never_lowers_below_a_half(rule: CategoryRule) -> None:
    after = preset(Preset.STRICT, rule)

    assert after.flag == rule.flag <= after.act <= rule.act
    assert after.act >= min(rule.act, 0.5)
    assert (after.mode, after.human_only, bool(after.ladder)) == (rule.mode, rule.human_only, bool(rule.ladder))
    if rule.ladder:
        assert all(at(after.ladder, n) >= at(rule.ladder, n) for n in range(7))
        assert after.ladder[-1] != DELETE


@law
@given(rules())
def test_a_strict_policy_does_not_get_stricter_the_second_time(rule: CategoryRule) -> None:
    once = preset(Preset.STRICT, rule)

    assert preset(Preset.STRICT, once) == once


@pytest.mark.parametrize(
    ("ladder", "relaxed", "strict"),
    [
        ((), (), ()),
        ((WARN,), (WARN,), (WARN,)),
        ((WARN, WARN), (WARN, WARN), (WARN,)),
        ((DELETE,), (DELETE,), (DELETE, TEN)),
        ((WARN, DELETE), (WARN, DELETE), (DELETE, TEN)),
        ((WARN, HOUR), (WARN, DELETE), (HOUR,)),
        ((WARN, DELETE, TEN, BAN), (WARN, DELETE), (DELETE, TEN, BAN)),
        ((HOUR, BAN), (DELETE,), (HOUR, BAN)),
    ],
)
def test_ladders_under_the_presets(
    ladder: tuple[Rung, ...], relaxed: tuple[Rung, ...], strict: tuple[Rung, ...]
) -> None:
    rule = CategoryRule(Mode.LIVE, 0.5, 0.9, ladder)

    assert preset(Preset.RELAXED, rule).ladder == relaxed
    assert preset(Preset.STRICT, rule).ladder == strict


def test_relaxed_asks_for_three_times_the_odds() -> None:
    after = apply_preset(Preset.RELAXED, one(CategoryRule(Mode.LIVE, 0.5, 0.9, (DELETE,))))

    rule = after.categories["insult"]
    assert (rule.flag, rule.act, after.toxic_flag) == pytest.approx((0.75, 27 / 28, 0.75))


def test_relaxed_still_shows_humans_what_humans_decide_as_soon_as_before() -> None:
    before = CategoryRule(Mode.LIVE, 0.3, 0.8, (HOUR, BAN), human_only=True)

    assert preset(Preset.RELAXED, before) == replace(before, ladder=(DELETE,))


@pytest.mark.parametrize(("flag", "act", "strict"), [(0.6, 0.9, 0.6), (0.3, 0.9, 0.5), (0.2, 0.4, 0.4)])
def test_strict_acts_from_where_it_flags_but_not_below_a_half(flag: float, act: float, strict: float) -> None:
    assert preset(Preset.STRICT, CategoryRule(Mode.LIVE, flag, act)).act == strict


@pytest.mark.parametrize("which", Preset)
def test_every_preset_says_in_a_sentence_what_it_does(which: Preset) -> None:
    assert which.description.endswith(".")
    assert len(which.description) <= 100  # what a choice in a Discord menu may have


@pytest.mark.parametrize("which", Preset)
def test_a_preset_touches_nothing_but_rules_and_the_common_threshold(which: Preset) -> None:
    before = replace(shipped().policy, exempt_roles=frozenset({"1"}), exempt_channels=frozenset({"2"}))
    after = apply_preset(which, before)

    assert replace(after, categories=before.categories, toxic_flag=before.toxic_flag) == before
