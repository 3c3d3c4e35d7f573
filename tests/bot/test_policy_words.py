from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings

from bot.domain import Action, Mode
from bot.policy import CategoryRule, Policy, Rung
from bot.policy_community import CommunityPolicy, build
from bot.policy_words import describe, difference
from tests.fakes.communities import communities, shipped

law = settings(deadline=None, max_examples=40)
LADDER = (Rung(Action.WARN), Rung(Action.TIMEOUT, timedelta(minutes=10)), Rung(Action.TIMEOUT, timedelta(days=7)))
RULE = CategoryRule(Mode.LIVE, 0.62, 0.91, LADDER)


def policy(rule: CategoryRule) -> Policy:
    return Policy({"insult": rule}, {"insult": 3, "hate": 5})


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (RULE, "insult: live; flagged from 0.62, acted on from 0.91: warn, timeout 10m, timeout 7d"),
        (replace(RULE, mode=Mode.OFF), "insult: off"),
        (replace(RULE, ladder=()), "insult: live; flagged from 0.62; a moderator decides"),
        (
            replace(RULE, mode=Mode.SHADOW, ladder=LADDER[:1]),
            "insult: shadow; flagged from 0.62; nothing is done, but once live it acts from 0.91: warn",
        ),
        (
            replace(RULE, human_only=True, ladder=LADDER[:1]),
            "insult: live; flagged from 0.62; a moderator decides, with a suggestion from 0.91: warn",
        ),
        (
            replace(RULE, flag=0.001, act=0.9996, ladder=LADDER[:1]),
            "insult: live; flagged from 0.001, acted on from 0.9996: warn",
        ),
    ],
)
def test_a_rule_is_told_in_plain_words(rule: CategoryRule, says: str) -> None:
    assert describe(policy(rule))[0] == says


def test_the_gravest_category_comes_first_and_every_one_is_there() -> None:
    lines = describe(shipped().policy)

    assert [line.split(":")[0] for line in lines[:8]] == [
        *("self_harm", "threat", "hate", "sexual", "insult", "other_toxic", "spam", "profanity")
    ]
    assert "strikes count half after 14 days, and no more after 90 days" in lines


def test_exemptions_are_told_by_name_where_there_is_one_and_in_bounded_length() -> None:
    many = frozenset(f"{n:04}" for n in range(5000))
    lines = describe(
        replace(shipped().policy, exempt_roles=frozenset({"1", "2"}), exempt_channels=many), {"1": "Staff"}
    )

    assert "exempt roles: Staff, 2" in lines
    assert lines[-1].endswith("0019 and 4980 more")


def test_what_holds_for_clips_is_told_in_bounded_length() -> None:
    some = replace(shipped().policy, clip_words=("gank", "Roshan"), review_foreign_clips=False)
    many = replace(some, clip_words=tuple(f"word {n}" for n in range(100)))

    assert "words likely in clips: none" in describe(shipped().policy)
    assert "clips in a language that cannot be judged: shown to moderators" in describe(shipped().policy)
    assert "words likely in clips: gank, Roshan" in describe(some)
    assert "clips in a language that cannot be judged: not shown for that alone" in describe(some)
    assert any(line.endswith("word 19 and 80 more") for line in describe(many))


def test_each_entry_that_changes_is_a_line() -> None:
    before = replace(policy(RULE), exempt_roles=frozenset({"1"}), clip_words=("gank", "Nexus"))
    changed = CategoryRule(Mode.SHADOW, 0.6201, 1.0, (), human_only=True)
    after = replace(
        policy(changed),
        toxic_flag=0.9,
        strike_half_life=timedelta(days=1),
        burst=timedelta(seconds=1),
        exempt_roles=frozenset({"2"}),
        clip_words=("Roshan", "Nexus"),
        review_foreign_clips=False,
    )

    assert difference(before, after, {"2": "Staff"}) == [
        "insult: mode live -> shadow",
        "insult: flagged from 0.6200 -> 0.6201",
        "insult: acted on from 0.91 -> 1.00",
        "insult: ladder warn, timeout 10m, timeout 7d -> none",
        "insult: human only no -> yes",
        "whatever the category: flagged from 0.80 -> 0.90",
        "a strike counts half after 14 days -> 1 day",
        "an outburst lasts 60 seconds -> 1 second",
        "clips in a language that cannot be judged: shown to moderators -> not shown for that alone",
        "words likely in clips, added: Roshan",
        "words likely in clips, taken out: gank",
        "roles now exempt: Staff",
        "roles no longer exempt: 1",
    ]


def test_a_category_that_comes_or_goes_is_a_line() -> None:
    none = Policy({})

    assert difference(none, policy(RULE))[0].startswith("insult: not watched -> live; flagged from 0.62")
    assert difference(policy(replace(RULE, mode=Mode.OFF)), none) == ["insult: off -> not watched"]


@law
@given(communities, communities)
def test_there_is_a_difference_exactly_where_the_policies_are_different(
    one: CommunityPolicy, other: CommunityPolicy
) -> None:
    before, after = build(shipped(), one), build(shipped(), other)

    assert difference(before, before) == []
    assert bool(difference(before, after)) is (before != after)


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.5 + 1e-16 * 2), (1e-300, 2e-300), (0.1, 0.1 + 1e-17 * 2)])
def test_the_smallest_difference_of_a_threshold_is_seen(before: float, after: float) -> None:
    lines = difference(policy(replace(RULE, flag=before)), policy(replace(RULE, flag=after)))

    assert len(lines) == int(before != after)
