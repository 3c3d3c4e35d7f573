from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain import UNCHECKED, Action, History, Mode, Strike
from bot.policy import CategoryRule, Policy, Rung, decide_unchecked, strike_weight
from tests.fakes.chat import START, heard, line, verdict
from tests.fakes.judging import LINE, judge

DAY = timedelta(days=1)
LADDER = (Rung(Action.WARN), Rung(Action.DELETE), Rung(Action.TIMEOUT, timedelta(hours=1)), Rung(Action.BAN))


def rule(**changes: Any) -> CategoryRule:
    return replace(CategoryRule(Mode.LIVE, 0.5, 0.8, LADDER), **changes)


def policy(**categories: CategoryRule) -> Policy:
    return Policy(categories, {"hate": 5, "insult": 3, "spam": 2, "threat": 6})


def struck(*ages: timedelta) -> History:
    return History(tuple(Strike("insult", START - age) for age in ages))


def test_a_line_below_every_threshold_is_left_alone() -> None:
    decision = judge(policy(insult=rule()), verdict(insult=0.49))

    assert (decision.action, decision.category, decision.strike) == (Action.NONE, "", False)
    assert decision.reasons == ("P(toxic) 0.49 reaches no threshold",)


def test_a_line_between_the_thresholds_is_flagged_and_is_no_strike() -> None:
    decision = judge(policy(insult=rule()), verdict(insult=0.5))

    assert (decision.action, decision.category, decision.strike) == (Action.FLAG, "insult", False)
    assert decision.confidence == 0.5


def test_a_line_above_the_upper_threshold_gets_the_first_rung_and_is_a_strike() -> None:
    decision = judge(policy(insult=rule()), verdict(insult=0.8))

    assert (decision.action, decision.would, decision.strike) == (Action.WARN, Action.WARN, True)
    assert decision.reasons == (
        "P(insult) 0.80, flagged from 0.50",
        "acted on from 0.80; 0.0 recent strikes, rung 1: warn",
    )


def test_a_rule_without_a_ladder_flags_and_does_not_strike() -> None:
    decision = judge(policy(insult=rule(ladder=())), verdict(insult=0.9))

    assert (decision.action, decision.strike) == (Action.FLAG, False)


def test_an_outburst_counts_as_one_strike_however_many_lines_it_has() -> None:
    outburst = [timedelta(minutes=10, seconds=-5 * n) for n in range(8)]

    decision = judge(policy(insult=rule()), verdict(insult=0.9), struck(*outburst))

    assert decision.action is Action.DELETE


def test_an_outburst_that_goes_on_counts_anew_each_minute() -> None:
    endless = [timedelta(seconds=10 * n) for n in range(13)]

    decision = judge(policy(insult=rule()), verdict(insult=0.9), struck(*endless))

    assert decision.action is Action.TIMEOUT


@pytest.mark.parametrize(
    ("strikes", "action"),
    [(0, Action.WARN), (1, Action.DELETE), (2, Action.TIMEOUT), (3, Action.BAN), (9, Action.BAN)],
)
def test_each_strike_of_the_last_minutes_climbs_one_rung(strikes: int, action: Action) -> None:
    history = struck(*(timedelta(minutes=2 * n + 1) for n in range(strikes)))

    assert judge(policy(insult=rule()), verdict(insult=0.9), history).action is action


def test_a_timeout_lasts_as_long_as_its_rung_says() -> None:
    decision = judge(policy(insult=rule()), verdict(insult=0.9), struck(DAY, 2 * DAY))

    assert decision.duration == timedelta(hours=1)


@pytest.mark.parametrize(("days", "action"), [(14, Action.DELETE), (15, Action.WARN)])
def test_a_single_strike_holds_its_rung_for_one_half_life(days: int, action: Action) -> None:
    assert judge(policy(insult=rule()), verdict(insult=0.9), struck(days * DAY)).action is action


def test_strikes_are_halved_with_every_half_life() -> None:
    rules = policy()

    assert strike_weight(rules, struck(28 * DAY, 14 * DAY, 0 * DAY), START) == pytest.approx(1.75)


def test_a_strike_from_after_the_line_has_not_happened_yet() -> None:
    assert strike_weight(policy(), struck(-DAY), START) == 0.0


# Several rules at once.


def test_the_strictest_permitted_action_wins_over_the_graver_category() -> None:
    rules = policy(insult=rule(ladder=(Rung(Action.KICK),)), hate=rule(ladder=(Rung(Action.WARN),), flag=0.1, act=0.1))

    assert judge(rules, verdict(insult=0.8, hate=0.2)).category == "insult"


def test_of_two_timeouts_the_longer_wins() -> None:
    longer = rule(flag=0.3, act=0.3, ladder=(Rung(Action.TIMEOUT, DAY),))
    shorter = replace(longer, ladder=(Rung(Action.TIMEOUT, timedelta(minutes=1)),))

    assert judge(policy(insult=longer, hate=shorter), verdict(insult=0.4, hate=0.4)).duration == DAY


def test_of_two_equal_actions_the_graver_category_names_the_incident() -> None:
    rules = policy(insult=rule(flag=0.1, act=0.1), hate=rule(flag=0.1, act=0.1))

    assert judge(rules, verdict(insult=0.7, hate=0.2)).category == "hate"


def test_of_two_equally_grave_categories_the_likelier_names_the_incident() -> None:
    rules = replace(policy(insult=rule(flag=0.1), hate=rule(flag=0.1)), severity={})

    assert judge(rules, verdict(insult=0.2, hate=0.3)).category == "hate"


def test_where_everything_is_equal_the_order_of_the_categories_does_not_matter() -> None:
    same = {"insult": rule(flag=0.1), "hate": rule(flag=0.1)}
    one, other = (Policy(categories) for categories in (same, dict(reversed(same.items()))))

    assert judge(one, verdict(insult=0.4, hate=0.4)) == judge(other, verdict(hate=0.4, insult=0.4))


def test_a_rule_in_shadow_does_not_take_the_strike_from_a_live_one() -> None:
    live = policy(insult=rule(flag=0.1, act=0.1))
    both = replace(live, categories={**live.categories, "hate": rule(mode=Mode.SHADOW, flag=0.1, act=0.1)})
    said = verdict(insult=0.4, hate=0.4)

    assert judge(both, said) == judge(live, said)
    assert judge(both, said).strike


# Caps.


def test_shadow_says_what_it_would_have_done() -> None:
    decision = judge(policy(insult=rule(mode=Mode.SHADOW)), verdict(insult=0.9), struck(DAY))

    assert (decision.action, decision.would, decision.mode) == (Action.FLAG, Action.DELETE, Mode.SHADOW)
    assert decision.reasons[-1] == "shadow mode: flagged only"


def test_a_human_only_category_says_why_it_was_only_flagged() -> None:
    decision = judge(policy(threat=rule(human_only=True)), verdict(threat=0.9))

    assert (decision.action, decision.would, decision.strike) == (Action.FLAG, Action.WARN, False)
    assert decision.reasons[-1] == "this category is decided by humans: flagged only"


@pytest.mark.parametrize(("doubt", "action"), [(0.4, Action.WARN), (0.41, Action.FLAG)])
def test_only_a_transcript_with_more_doubt_than_allowed_caps_the_action(doubt: float, action: Action) -> None:
    decision = judge(policy(insult=rule()), verdict(insult=0.9), transcript=heard("a line", doubt=doubt))

    assert decision.action is action
    assert ("the transcript is doubtful (0.41): flagged only" in decision.reasons) is (action is Action.FLAG)


# Toxic, but in no category alone.


def test_a_line_that_is_toxic_in_no_single_category_is_flagged_under_the_likeliest() -> None:
    decision = judge(policy(insult=rule(), hate=rule()), verdict(insult=0.42, hate=0.43))

    assert (decision.action, decision.category, decision.strike) == (Action.FLAG, "hate", False)
    assert decision.reasons == ("P(toxic) 0.85, flagged from 0.80; which category is unsure",)


@pytest.mark.parametrize("said", [{"insult": 0.1, "hate": 0.2, "spam": 0.3}, {"spam": 0.3, "hate": 0.2, "insult": 0.1}])
def test_the_order_of_the_categories_does_not_change_their_sum(said: dict[str, float]) -> None:
    # Added one by one these give 0.6 in one order and a little more in the other.
    rules = replace(policy(insult=rule(), hate=rule(), spam=rule()), toxic_flag=0.1 + 0.2 + 0.3)

    assert judge(rules, verdict(**said)).action is Action.NONE


def test_a_category_that_is_off_does_not_make_a_line_toxic() -> None:
    rules = policy(insult=rule(mode=Mode.OFF), hate=rule())

    assert judge(rules, verdict(insult=0.6, hate=0.3)).action is Action.NONE


def test_a_category_that_the_policy_leaves_out_does_not_make_a_line_toxic() -> None:
    assert judge(policy(hate=rule()), verdict(insult=0.6, hate=0.3)).action is Action.NONE


# Exempt, and not checked.


@pytest.mark.parametrize("exempt", [{"exempt_roles": frozenset({"mod"})}, {"exempt_channels": frozenset({"lobby"})}])
def test_who_and_what_is_exempt_is_left_alone(exempt: dict[str, frozenset[str]]) -> None:
    rules, said = replace(policy(insult=rule()), **exempt), line("m1", roles=frozenset({"mod", "member"}))

    for decision in (judge(rules, verdict(insult=1.0), excerpt=said), decide_unchecked(rules, said, "broken")):
        assert (decision.action, decision.would, decision.strike) == (Action.NONE, Action.NONE, False)
        assert decision.reasons == ("the author or the channel is exempt",)


def test_what_could_not_be_checked_goes_to_a_human() -> None:
    decision = decide_unchecked(policy(), LINE, "no sound in it")

    assert (decision.action, decision.category, decision.strike) == (Action.FLAG, UNCHECKED, False)
    assert decision.reasons == ("could not be checked: no sound in it",)
