import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain import Action, Decision, History, Mode, Strike, Transcript
from bot.policy import CategoryRule, Policy, Rung, flag_only
from bot.policy_community import CommunityPolicy, build
from bot.policy_presets import Preset
from classifier import Verdict
from tests.fakes import communities
from tests.fakes.chat import START, heard, verdict
from tests.fakes.judging import LINE, judge

NAMES = ("hate", "insult", "spam", "threat")
DAY = timedelta(days=1)
FLAGGED = Rung(Action.FLAG).strictness

law = settings(deadline=None, max_examples=60)

shares = st.integers(0, 100).map(lambda n: n / 100)
rungs = st.one_of(
    st.sampled_from([Action.WARN, Action.DELETE, Action.KICK, Action.BAN]).map(Rung),
    st.sampled_from([1, 10, 60]).map(lambda m: Rung(Action.TIMEOUT, timedelta(minutes=m))),
)
ladders = st.lists(rungs, max_size=4).map(lambda ladder: tuple(sorted(ladder, key=lambda rung: rung.strictness)))
thresholds = st.tuples(shares, shares).map(sorted)


@st.composite
def rules(draw: st.DrawFn, **fixed: Any) -> CategoryRule:
    flag, act = draw(thresholds)
    drawn = CategoryRule(draw(st.sampled_from(Mode)), flag, act, draw(ladders), draw(st.booleans()))
    return replace(drawn, **fixed)


@st.composite
def policies(draw: st.DrawFn, **fixed: Any) -> Policy:
    categories = draw(st.dictionaries(st.sampled_from(NAMES), rules(**fixed), max_size=len(NAMES)))
    severity = {name: draw(st.integers(1, 3)) for name in NAMES}
    return Policy(categories, severity, toxic_flag=draw(shares), most_doubt=0.4)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    weights = [draw(st.integers(0, 100)) for _ in NAMES]
    toxic = draw(shares)
    return verdict(**{n: toxic * w / max(sum(weights), 1) for n, w in zip(NAMES, weights, strict=True)})


histories = st.lists(st.integers(0, 60), max_size=6).map(
    lambda days: History(tuple(Strike("insult", START - day * DAY) for day in sorted(days, reverse=True)))
)
transcripts = st.one_of(st.none(), shares.map(lambda doubt: heard("a line", doubt=doubt)))


def strictness(decision: Decision) -> tuple[int, timedelta]:
    return Rung(decision.action, decision.duration).strictness


@law
@given(policies(), verdicts(), histories, transcripts)
def test_no_action_is_stricter_than_the_strictest_rung_of_a_rule_that_is_on(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    on = [each for each in rules.categories.values() if each.mode is not Mode.OFF]
    most = max([FLAGGED, *(rung.strictness for each in on for rung in each.ladder)])

    assert strictness(judge(rules, said, history, transcript=transcript)) <= most


@law
@given(policies(), verdicts(), histories, st.booleans())
def test_nothing_that_is_exempt_is_ever_touched(rules: Policy, said: Verdict, history: History, by_role: bool) -> None:
    names = {"exempt_roles": frozenset({"mod"})} if by_role else {"exempt_channels": frozenset({"lobby"})}
    decision = judge(replace(rules, **names), said, history, excerpt=replace(LINE, roles=frozenset({"mod"})))

    assert decision.action is Action.NONE
    assert not decision.strike


@law
@given(policies(), verdicts(), histories, transcripts)
def test_shadow_never_acts_and_never_strikes(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    decision = judge(rules, said, history, transcript=transcript)

    if decision.mode is Mode.SHADOW:
        assert strictness(decision) <= FLAGGED
        assert not decision.strike


@law
@given(policies(mode=Mode.LIVE, flag=0.0), rules(mode=Mode.SHADOW), verdicts(), histories)
def test_a_rule_in_shadow_changes_nothing_where_a_live_one_speaks(
    rules: Policy, shadow: CategoryRule, said: Verdict, history: History
) -> None:
    others = {name: each for name, each in rules.categories.items() if name != "threat"}
    # The flag for lines that no rule names is switched off: the new rule would be part of its sum.
    without = judge(replace(rules, categories=others, toxic_flag=2.0), said, history)
    assume(others)

    assert judge(replace(rules, categories={**others, "threat": shadow}, toxic_flag=2.0), said, history) == without


@law
@given(policies(human_only=True), verdicts(), histories, transcripts)
def test_human_only_never_acts_and_never_strikes(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    decision = judge(rules, said, history, transcript=transcript)

    assert strictness(decision) <= FLAGGED
    assert not decision.strike


@law
@given(policies(), verdicts(), histories, st.floats(0.41, 1.0))
def test_a_doubtful_transcript_never_punishes_and_never_strikes(
    rules: Policy, said: Verdict, history: History, doubt: float
) -> None:
    decision = judge(rules, said, history, transcript=heard("a line", doubt=doubt))

    assert strictness(decision) <= FLAGGED
    assert not decision.strike


@law
@given(policies(), verdicts(), histories, st.integers(1, 10_000))
def test_time_since_the_strikes_never_makes_an_action_stricter(
    rules: Policy, said: Verdict, history: History, hours: int
) -> None:
    later = judge(rules, said, history, now=START + timedelta(hours=hours))

    assert strictness(later) <= strictness(judge(rules, said, history))


@law
@given(policies(), verdicts(), histories, st.integers(0, 59))
def test_one_more_strike_never_makes_an_action_milder(
    rules: Policy, said: Verdict, history: History, days: int
) -> None:
    more = History((*history.strikes, Strike("insult", START - days * DAY)))

    assert strictness(judge(rules, said, more)) >= strictness(judge(rules, said, history))


@law
@given(policies(), verdicts(), histories, transcripts, st.sampled_from(NAMES), shares)
def test_a_higher_probability_never_makes_an_action_milder(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None, name: str, raised: float
) -> None:
    assume(raised > said.categories[name])
    higher = verdict(**{**said.categories, name: raised})

    after = judge(rules, higher, history, transcript=transcript)

    assert strictness(after) >= strictness(judge(rules, said, history, transcript=transcript))


@law
@given(policies(), verdicts(), histories, st.randoms(use_true_random=False))
def test_the_order_of_the_categories_does_not_matter(
    rules: Policy, said: Verdict, history: History, chance: Any
) -> None:
    shuffled_rules, shuffled = (list(each.items()) for each in (rules.categories, said.categories))
    chance.shuffle(shuffled_rules)
    chance.shuffle(shuffled)
    other = judge(replace(rules, categories=dict(shuffled_rules)), replace(said, categories=dict(shuffled)), history)

    assert other == judge(rules, said, history)


@law
@given(policies(), verdicts(), histories, transcripts)
def test_every_decision_gives_a_reason(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    reasons = judge(rules, said, history, transcript=transcript).reasons

    assert reasons
    assert all(reasons)


@law
@given(policies(), verdicts(), histories)
def test_a_category_that_is_off_is_as_good_as_not_there(rules: Policy, said: Verdict, history: History) -> None:
    on = {name: each for name, each in rules.categories.items() if each.mode is not Mode.OFF}

    assert judge(rules, said, history) == judge(replace(rules, categories=on), said, history)


@law
@given(policies(), verdicts(), histories, transcripts)
def test_several_rules_together_ask_for_what_the_strictest_asks_alone(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    def ask(categories: dict[str, CategoryRule]) -> Decision:
        return judge(replace(rules, categories=categories, toxic_flag=2.0), said, history, transcript=transcript)

    alone = [ask({name: each}) for name, each in rules.categories.items()]

    together = strictness(ask(dict(rules.categories)))
    assert together == max(map(strictness, alone), default=Rung(Action.NONE).strictness)


@law
@given(policies(mode=Mode.LIVE, human_only=False, flag=0.0), verdicts(), histories)
def test_where_live_rules_ask_for_the_same_the_gravest_names_the_incident(
    rules: Policy, said: Verdict, history: History
) -> None:
    decision = judge(replace(rules, toxic_flag=2.0), said, history)
    assume(rules.categories)

    def grave(name: str, ask: Callable[..., Decision] = judge) -> int:
        alone = ask(replace(rules, categories={name: rules.categories[name]}, toxic_flag=2.0), said, history)
        return rules.severity[name] if strictness(alone) == strictness(decision) else 0

    assert rules.severity[decision.category] == max(map(grave, rules.categories))


@law
@given(policies(), verdicts(), histories, transcripts)
def test_the_same_question_gets_the_same_answer(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    again = judge(copy.copy(rules), replace(said), copy.copy(history), transcript=transcript)

    assert again == judge(rules, said, history, transcript=transcript)


@law
@given(policies(), verdicts(), histories, shares, shares)
def test_more_doubt_never_makes_an_action_stricter(
    rules: Policy, said: Verdict, history: History, one: float, other: float
) -> None:
    less, more = sorted([one, other])
    typed = judge(rules, said, history)
    clear, doubtful = (judge(rules, said, history, transcript=heard("a line", doubt=doubt)) for doubt in (less, more))

    assert strictness(doubtful) <= strictness(clear) <= strictness(typed)
    assert doubtful.strike <= clear.strike <= typed.strike


@law
@given(policies(), verdicts(), histories, transcripts)
def test_flagging_only_never_raises_anything_and_says_why(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    decision = judge(rules, said, history, transcript=transcript)
    held = flag_only(decision, "nobody can be named")

    assert strictness(held) <= min(strictness(decision), FLAGGED)
    assert (held.strike, held.would, held.category) == (False, decision.would, decision.category)
    assert set(decision.reasons) <= set(held.reasons)
    assert flag_only(held, "nobody can be named") == held


@law
@given(policies(), verdicts(), histories, transcripts)
def test_deciding_changes_nothing_that_it_is_given(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    before = repr((rules, said, history, transcript))

    judge(rules, said, history, transcript=transcript)

    assert repr((rules, said, history, transcript)) == before


@law
@given(policies(mode=Mode.OFF), verdicts(), histories, transcripts)
def test_where_everything_is_off_nothing_is_done(
    rules: Policy, said: Verdict, history: History, transcript: Transcript | None
) -> None:
    assert judge(rules, said, history, transcript=transcript).action is Action.NONE


@st.composite
def shipped_verdicts(draw: st.DrawFn) -> Verdict:
    name = draw(st.sampled_from(communities.NAMES))
    return verdict(**{name: draw(shares)})


@law
@given(communities.communities, shipped_verdicts(), histories)
def test_a_community_in_shadow_punishes_nobody_whatever_else_it_set(
    community: CommunityPolicy, said: Verdict, history: History
) -> None:
    decision = judge(build(communities.shipped(), replace(community, preset=Preset.SHADOW)), said, history)

    assert strictness(decision) <= FLAGGED
    assert not decision.strike


@law
@given(communities.communities, shipped_verdicts(), histories)
def test_no_community_acts_more_strictly_than_the_strictest_rung_that_it_set_or_was_given(
    community: CommunityPolicy, said: Verdict, history: History
) -> None:
    policy = build(communities.shipped(), community)
    most = max([FLAGGED, *(rung.strictness for each in policy.categories.values() for rung in each.ladder)])

    assert strictness(judge(policy, said, history)) <= most


@law
@given(communities.communities, shipped_verdicts(), histories)
def test_no_community_can_take_an_exemption_of_its_operator_back(
    community: CommunityPolicy, said: Verdict, history: History
) -> None:
    basis = communities.shipped()
    exempting = replace(basis, policy=replace(basis.policy, exempt_channels=frozenset({"lobby"})))
    own = replace(community, base=None)

    assert judge(build(exempting, own), said, history).action is Action.NONE
