import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Action, Mode
from bot.errors import PolicyError
from bot.policy_change import with_document
from bot.policy_community import Basis, CommunityPolicy, build, export, from_json, to_json
from bot.policy_document import to_toml
from bot.policy_file import parse_policy
from bot.policy_presets import Preset, apply_preset
from tests.fakes.chat import verdict
from tests.fakes.communities import NAMES, communities, shipped
from tests.fakes.judging import judge

law = settings(deadline=None, max_examples=40)
STANDARD = CommunityPolicy(preset=Preset.STANDARD)


def test_a_community_that_chose_nothing_has_the_operators_policy_in_shadow() -> None:
    assert build(shipped(), CommunityPolicy()) == apply_preset(Preset.SHADOW, shipped().policy)


@law
@given(communities)
def test_no_choice_whatever_punishes_in_shadow(community: CommunityPolicy) -> None:
    policy = build(shipped(), replace(community, preset=Preset.SHADOW))

    assert all(rule.mode is not Mode.LIVE for rule in policy.categories.values())


@law
@given(communities)
def test_what_is_exported_reads_back_to_the_same_policy(community: CommunityPolicy) -> None:
    basis = shipped()
    policy = build(basis, community)

    assert parse_policy(to_toml(policy), basis.labels, basis.curves) == policy


@law
@given(communities, st.sampled_from([Preset.SHADOW, Preset.STANDARD]))
def test_importing_ones_own_export_changes_nothing(community: CommunityPolicy, preset: Preset) -> None:
    community = replace(community, preset=preset)
    again = with_document(shipped(), community, export(shipped(), community))

    assert again.changes == {}
    assert build(shipped(), again) == build(shipped(), community)


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_is_not_worked_in_twice_by_an_export_and_an_import(preset: Preset) -> None:
    community = CommunityPolicy(preset=preset)
    again = with_document(shipped(), community, export(shipped(), community))

    assert build(shipped(), again) == build(shipped(), community)


def test_an_export_leaves_out_the_exemptions_that_the_community_keeps_itself() -> None:
    community = replace(STANDARD, exempt_roles=frozenset({"1"}), exempt_channels=frozenset({"2"}))

    assert export(shipped(), community) == export(shipped(), STANDARD)


@law
@given(communities)
def test_a_choice_comes_back_from_the_store_as_it_went_in(community: CommunityPolicy) -> None:
    assert from_json(to_json(community)) == community
    assert to_json(from_json(to_json(community))) == to_json(community)


@law
@given(communities, st.sampled_from(Preset))
def test_what_holds_under_one_preset_holds_under_each(community: CommunityPolicy, preset: Preset) -> None:
    policy = build(shipped(), replace(community, preset=preset))

    assert all(0 < rule.flag <= rule.act <= 1 for rule in policy.categories.values())


@law
@given(communities)
def test_what_was_set_by_hand_holds_over_the_preset(community: CommunityPolicy) -> None:
    community = replace(community, preset=Preset.STRICT)
    policy = build(shipped(), community)

    for name, entries in community.changes.items():
        rule = policy.categories[name]
        if "mode" in entries:
            assert rule.mode == entries["mode"]
        if "human_only" in entries:
            assert rule.human_only is entries["human_only"]
        for key in entries.keys() & {"flag", "act"}:
            if isinstance(entries[key], float):
                assert getattr(rule, key) == entries[key]


@pytest.mark.parametrize(
    ("entries", "flag", "act"),
    [({"flag": 0.95}, 0.95, 0.95), ({"act": 0.2}, 0.2, 0.2), ({"flag": 0.1}, 0.1, None), ({"act": 1.0}, None, 1.0)],
)
def test_a_threshold_that_nobody_set_gives_way(
    entries: dict[str, object], flag: float | None, act: float | None
) -> None:
    before = build(shipped(), STANDARD).categories["insult"]
    rule = build(shipped(), replace(STANDARD, changes={"insult": entries})).categories["insult"]

    # None is what the preset has.
    wanted = (before.flag if flag is None else flag, before.act if act is None else act)
    assert (rule.flag, rule.act) == wanted


def test_a_category_that_the_base_lacks_is_watched_once_something_is_set() -> None:
    base = "version = 1\n[category.insult]\n"
    community = replace(STANDARD, base=base, changes={"hate": {"mode": "live", "ladder": ("delete",)}})

    hate = build(shipped(), community).categories["hate"]

    assert (hate.mode, [rung.action for rung in hate.ladder]) == (Mode.LIVE, [Action.DELETE])
    assert build(shipped(), replace(STANDARD, base=base)).categories.keys() == {"insult"}


def test_exemptions_come_on_top_of_those_of_the_base() -> None:
    base = 'version = 1\n[exempt]\nroles = ["1"]\nchannels = ["2"]\n[category.insult]\n'
    community = replace(STANDARD, base=base, exempt_roles=frozenset({"3"}), exempt_channels=frozenset({"4"}))

    policy = build(shipped(), community)

    assert (policy.exempt_roles, policy.exempt_channels) == ({"1", "3"}, {"2", "4"})


def test_of_clips_the_base_holds_until_the_community_says_otherwise() -> None:
    base = 'version = 1\n[speech]\nwords = ["gank"]\nreview_foreign_clips = false\n[category.insult]\n'
    based = replace(STANDARD, base=base)

    policy, own = build(shipped(), based), build(shipped(), replace(based, clip_words=(), review_foreign_clips=True))

    assert (policy.clip_words, policy.review_foreign_clips) == (("gank",), False)
    assert (own.clip_words, own.review_foreign_clips) == ((), True)


@pytest.mark.parametrize("preset", Preset)
def test_no_preset_changes_what_holds_for_clips(preset: Preset) -> None:
    policy = build(shipped(), CommunityPolicy(preset, clip_words=("gank",), review_foreign_clips=False))

    assert (policy.clip_words, policy.review_foreign_clips) == (("gank",), False)


def test_stored_words_that_make_no_sense_are_refused_when_they_are_put_in_force() -> None:
    community = from_json(stored(version=2, speech={"words": ["gank", "GANK"]}))

    with pytest.raises(PolicyError, match="the words of this community has 'GANK' twice"):
        build(shipped(), community)


def test_a_choice_that_says_nothing_of_clips_is_stored_as_it_was_before_there_were_words() -> None:
    raw = json.loads(to_json(STANDARD))

    assert raw["version"] == 1
    assert "speech" not in raw


def test_a_budget_means_what_the_present_model_measures() -> None:
    community = replace(STANDARD, changes={"insult": {"flag": "1 in 100"}})
    basis = shipped()
    moved = Basis(basis.policy, basis.labels, {**basis.curves, "insult": basis.curves["hate"]})

    assert build(basis, community).categories["insult"].flag == basis.curves["insult"].threshold(0.01)
    assert build(moved, community).categories["insult"].flag == basis.curves["hate"].threshold(0.01)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rudeness": {"mode": "off"}}, "no category 'rudeness'; there are .*insult"),
        ({"insult": {"mode": "on"}}, r"\[category\.insult\] mode is 'on'"),
        ({"insult": {"colour": "red"}}, "'colour' is not one of"),
        ({"insult": {"flag": 0.9, "act": 0.5}}, r"insult\] acts from 0\.500, below the 0\.900"),
        ({"insult": {"flag": float("nan")}}, r"insult\] flag is nan"),
        ({"insult": {"act": 10**5000}}, r"insult\] act is a int too large to show"),
        ({"insult": {"act": True}}, r"insult\] act is True"),
        ({"insult": {"flag": -0.1}}, r"insult\] flag is -0\.1"),
        ({"insult": {"flag": "1 in ١٠٠"}}, r"insult\] flag is '1 in"),
        ({"insult": {"ladder": ("warn",) * 26}}, r"insult\] ladder has 26 actions; 25"),
        ({"insult": {"ladder": ("timeout:١m",)}}, r"insult\] has a timeout of"),
    ],
)
def test_a_change_that_makes_no_sense_is_named(changes: Any, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        build(shipped(), replace(STANDARD, changes=changes))


def test_a_base_that_no_longer_fits_the_model_is_called_the_imported_one() -> None:
    with pytest.raises(PolicyError, match=r"the imported policy: 'griefing' is not one of"):
        build(shipped(), replace(STANDARD, base="version = 1\n[category.griefing]\n"))


def stored(**changes: object) -> str:
    return json.dumps({**json.loads(to_json(STANDARD)), **changes})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "damaged"),
        ("[1]", "no object"),
        ("{}", "version 1"),
        ('"' + "x" * 9999, "damaged"),
        ("[" * 100_000, "damaged"),
        ("9" * 9999, "damaged"),
        (stored(version=3), "newer Referee"),
        (stored(version=2), "version 1 or 2"),
        (stored(version=1.0), "version 1 or 2"),
        (stored(speech={}), "version 1 or 2"),
        (stored(version=2, speech=[]), "says of clips"),
        (stored(version=2, speech={"voices": 1}), "says of clips"),
        (stored(version=2, speech={"words": "gank"}), "no list of words"),
        (stored(version=2, speech={"words": [1]}), "no list of words"),
        (stored(version=2, speech={"review_foreign_clips": 1}), "neither true nor false"),
        (stored(version=True), "version 1"),
        (stored(more=1), "version 1"),
        (stored(preset="harsh"), "no preset"),
        (stored(preset=["strict"]), "no preset"),
        (stored(base=7), "no text"),
        (stored(changes=[]), "no tables"),
        (stored(changes={"insult": 1}), "no tables"),
        (stored(changes={"insult": {"colour": "red"}}), "'colour' makes no sense"),
        (stored(changes={"insult": {"flag": True}}), "'flag' makes no sense"),
        (stored(changes={"insult": {"flag": float("nan")}}), "NaN is no number"),
        (stored(changes={"insult": {"ladder": "warn"}}), "'ladder' makes no sense"),
        (stored(exempt_roles="1"), "exempt_roles"),
        (stored(exempt_channels=[1]), "exempt_channels"),
    ],
)
def test_damaged_or_newer_text_of_the_store_is_refused_in_few_words(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says) as caught:
        from_json(text)

    assert len(str(caught.value)) < 250


@law
@given(st.data())
def test_whatever_byte_of_the_stored_text_is_lost_only_a_policy_error_is_raised(data: st.DataObject) -> None:
    text = to_json(data.draw(communities))
    at = data.draw(st.integers(0, len(text)))
    try:
        build(shipped(), from_json(text[:at] + data.draw(st.text(max_size=2)) + text[at + 1 :]))
    except PolicyError as error:
        assert str(error)


def test_the_choice_cannot_be_changed_behind_its_back() -> None:
    entries: dict[str, object] = {"mode": "off"}
    community = CommunityPolicy(changes={"insult": entries})
    entries["mode"] = "live"

    assert community.changes["insult"]["mode"] == "off"
    assert CommunityPolicy(changes={"insult": {}}) == CommunityPolicy()


def test_judging_by_a_community_in_shadow_flags_and_never_punishes() -> None:
    community = CommunityPolicy(changes={name: {"mode": "live", "ladder": ("ban",)} for name in NAMES})

    decision = judge(build(shipped(), community), verdict(insult=0.99))

    assert (decision.action, decision.would) == (Action.FLAG, Action.BAN)
