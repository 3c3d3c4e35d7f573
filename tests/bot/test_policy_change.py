import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Mode
from bot.errors import PolicyError
from bot.policy_change import (
    LARGEST_DOCUMENT,
    with_clip_words,
    with_document,
    with_exempt_channel,
    with_exempt_role,
    with_foreign_clips,
    with_mode,
    with_preset,
    with_rule,
    without_clip_word,
)
from bot.policy_community import CommunityPolicy, build
from bot.policy_document import rule_entries
from bot.policy_presets import Preset
from tests.fakes.communities import NAMES, communities, shipped

BASIS = shipped()
STANDARD = CommunityPolicy(preset=Preset.STANDARD)
SMALL = "version = 1\n[category.insult]\n"

law = settings(deadline=None, max_examples=40)


def insult(**typed: Any) -> Mapping[str, object]:
    """Return what is kept of entries typed for insults."""
    return with_rule(BASIS, STANDARD, "insult", **typed).changes.get("insult", {})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("0.7", 0.7),
        (" 0,7 ", 0.7),
        (".7", 0.7),
        ("70%", 0.7),
        ("70 %", 0.7),
        ("99.9%", 0.999),
        ("1", 1.0),
        ("1 in 500", "1 in 500"),
        ("1  IN 500", "1 in 500"),
    ],
)
def test_a_threshold_is_taken_as_moderators_type_it(typed: str, kept: object) -> None:
    assert insult(flag=typed) == {"flag": kept}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("none", ()),
        ("warn, delete, timeout:10m", ("warn", "delete", "timeout:10m")),
        ("Warn,DELETE , timeout 1h,", ("warn", "delete", "timeout:1h")),
        ("timeout 10 minutes, timeout 1 day, ban", ("timeout:10m", "timeout:1d", "ban")),
    ],
)
def test_a_ladder_is_taken_as_moderators_type_it(typed: str, kept: tuple[str, ...]) -> None:
    assert insult(ladder=typed) == {"ladder": kept}


@pytest.mark.parametrize(("typed", "kept"), [("yes", True), ("TRUE", True), ("no", False), ("off", False)])
def test_an_answer_is_taken_as_moderators_type_it(typed: str, kept: bool) -> None:
    assert insult(human_only=typed) == {"human_only": kept}


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        *(
            ("flag", bad)
            for bad in ("0", "-0.5", "70", "1.5", "101%", "0%", "nan", "inf", "1e-3", "0x1", "٠.٧", "０.７")
        ),
        *(("act", bad) for bad in ("often", "1 in 0", "1 in -5", "1 in 1٠0", "1 in 99999999999", "%", ".", "9" * 999)),
        ("flag", "1 in 100000000"),
        ("flag", "7" * 100_000),
        *(
            ("ladder", bad)
            for bad in ("scold", ",", "flag", "ban, warn", "timeout", "timeout 40d", "timeout 0m", "ban:1d")
        ),
        *(("ladder", bad) for bad in ("timeout 10 mays", "timeout:١m", "warn," * 26, "warn," * 50_000, "none, ban")),
        *(("human_only", bad) for bad in ("perhaps", "1", "ja")),
    ],
)
def test_what_makes_no_sense_is_named_in_few_words_and_nothing_changes(key: str, typed: str) -> None:
    with pytest.raises(PolicyError) as caught:
        insult(**{key: typed})

    text = str(caught.value)
    assert "insult" in text
    assert key in text or "rung" in text or "timeout" in text
    assert len(text) < 300


@law
@given(st.sampled_from(["flag", "act", "ladder", "human_only"]), st.text(max_size=30), st.text(max_size=12))
def test_whatever_is_typed_only_a_policy_error_is_raised(key: str, typed: str, category: str) -> None:
    for name in ("insult", category):
        try:
            with_rule(BASIS, STANDARD, name, **{key: typed})
        except PolicyError as error:
            assert str(error)


def test_two_thresholds_set_by_hand_may_not_contradict_each_other() -> None:
    with pytest.raises(PolicyError, match=r"insult\] acts from 0\.500, below the 0\.800"):
        insult(flag="0.8", act="0.5")

    first = with_rule(BASIS, STANDARD, "insult", act="0.7")
    with pytest.raises(PolicyError, match="raise act"):
        with_rule(BASIS, first, "insult", flag="0.71")


@pytest.mark.parametrize("back", ["", "default", " Default "])
def test_a_change_is_taken_back_and_leaves_no_trace(back: str) -> None:
    changed = with_rule(BASIS, STANDARD, "insult", flag="0.7", ladder="ban", human_only="yes")

    assert with_rule(BASIS, changed, "insult", ladder=back).changes["insult"].keys() == {"flag", "human_only"}
    assert with_rule(BASIS, changed, "insult", flag=back, ladder=back, human_only=back) == STANDARD


@pytest.mark.parametrize(
    "edit", [with_rule, lambda *given: with_mode(*given, Mode.OFF), lambda *g: with_mode(*g, None)]
)
def test_a_category_that_is_none_is_refused_with_those_there_are(edit: Callable[..., CommunityPolicy]) -> None:
    with pytest.raises(PolicyError, match=r"no category 'rude.*profanity"):
        edit(BASIS, STANDARD, "rude" * 1000)


def test_a_mode_is_set_for_one_category_or_for_all_and_taken_back() -> None:
    one = with_mode(BASIS, STANDARD, "insult", Mode.OFF)
    every = with_mode(BASIS, STANDARD, None, Mode.SHADOW)

    assert one.changes == {"insult": {"mode": "off"}}
    assert {rule.mode for rule in build(BASIS, every).categories.values()} == {Mode.SHADOW}
    assert set(every.changes) == set(NAMES)
    assert with_mode(BASIS, one, "insult", None) == STANDARD
    assert with_mode(BASIS, every, None, None) == STANDARD


def test_a_mode_set_in_shadow_waits_for_another_preset() -> None:
    live = with_mode(BASIS, CommunityPolicy(), "profanity", Mode.LIVE)

    assert build(BASIS, live) == build(BASIS, CommunityPolicy())
    assert build(BASIS, with_preset(BASIS, live, Preset.STANDARD)).categories["profanity"].mode is Mode.LIVE


@law
@given(communities, st.sampled_from(Preset))
def test_choosing_a_preset_never_fails_and_keeps_what_was_set_by_hand(
    community: CommunityPolicy, preset: Preset
) -> None:
    assert with_preset(BASIS, community, preset) == replace(community, preset=preset)


def test_a_role_and_a_channel_are_exempt_until_they_are_not() -> None:
    both = with_exempt_channel(BASIS, with_exempt_role(BASIS, STANDARD, "1"), "2")

    assert (both.exempt_roles, both.exempt_channels) == ({"1"}, {"2"})
    assert with_exempt_role(BASIS, both, "1") == both
    role_back = with_exempt_role(BASIS, both, "1", exempt=False)
    assert with_exempt_channel(BASIS, role_back, "2", exempt=False) == STANDARD


@pytest.mark.parametrize("edit", [with_exempt_role, with_exempt_channel])
def test_what_the_base_exempts_cannot_be_taken_back_in_silence(edit: Callable[..., CommunityPolicy]) -> None:
    based = with_document(BASIS, STANDARD, SMALL + '[exempt]\nroles = ["1"]\nchannels = ["1"]\n')
    assert edit(BASIS, based, "1") != based

    with pytest.raises(PolicyError, match="1 is exempt in the policy that this community starts from"):
        edit(BASIS, based, "1", exempt=False)


@pytest.mark.parametrize("edit", [with_exempt_role, with_exempt_channel])
@pytest.mark.parametrize("bad", ["", "9" * 101])
def test_an_id_that_is_none_is_refused(edit: Callable[..., CommunityPolicy], bad: str) -> None:
    with pytest.raises(PolicyError, match="is not the id of a"):
        edit(BASIS, STANDARD, bad)


SPOKEN = SMALL + '[speech]\nwords = ["baron", "Nexus"]\nreview_foreign_clips = false\n'


def test_words_are_added_as_they_are_typed_and_taken_out_whatever_their_capitals() -> None:
    some = with_clip_words(BASIS, STANDARD, " gank, Roshan ,, the  Nexus,GANK")
    more = with_clip_words(BASIS, some, "roshan, Baron")

    assert some.clip_words == ("GANK", "Roshan", "the  Nexus")
    assert more.clip_words == ("GANK", "Roshan", "the  Nexus", "Baron")
    assert with_clip_words(BASIS, more, "baron") == more
    assert without_clip_word(BASIS, more, " ROSHAN ").clip_words == ("GANK", "the  Nexus", "Baron")
    assert build(BASIS, more).clip_words == more.clip_words


def test_a_word_of_the_base_can_be_taken_out_and_the_others_stay() -> None:
    based = with_document(BASIS, STANDARD, SPOKEN)

    assert without_clip_word(BASIS, based, "nexus").clip_words == ("baron",)
    assert with_clip_words(BASIS, based, "gank").clip_words == ("baron", "Nexus", "gank")
    assert with_clip_words(BASIS, based, "BARON") == based


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "names no words"),
        (" , ,", "names no words"),
        ("x" * 41, "40 are the most"),
        ("x," * 501, "1002 letters; 1000"),
        ("\x00", "that can be seen"),
        ("a\u202eb", "that can be seen"),
        ("gank, <|endoftext|>", "no '<|'"),
        (",".join(f"w{n}" for n in range(101)), "101 words; 100 are the most"),
    ],
)
def test_words_that_make_no_sense_are_refused_in_few_words(typed: str, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        with_clip_words(BASIS, STANDARD, typed)

    assert says in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("typed", ["", "gan", "gank,", "x" * 100_000])
def test_a_word_that_is_not_there_cannot_be_taken_out(typed: str) -> None:
    with pytest.raises(PolicyError, match="is not in the list of words for clips") as caught:
        without_clip_word(BASIS, with_clip_words(BASIS, STANDARD, "gank"), typed)

    assert len(str(caught.value)) < 250


def test_foreign_clips_are_shown_or_not_until_that_is_taken_back() -> None:
    silent = with_foreign_clips(BASIS, STANDARD, False)

    assert build(BASIS, silent).review_foreign_clips is False
    assert with_foreign_clips(BASIS, silent, None) == STANDARD


def test_an_import_replaces_what_was_set_for_clips_only_where_it_says_something_of_them() -> None:
    before = with_foreign_clips(BASIS, with_clip_words(BASIS, STANDARD, "gank"), False)

    silent, spoken = with_document(BASIS, before, SMALL), with_document(BASIS, before, SPOKEN)

    assert (silent.clip_words, silent.review_foreign_clips) == (("gank",), False)
    assert (spoken.clip_words, spoken.review_foreign_clips) == (None, None)
    assert build(BASIS, spoken).clip_words == ("baron", "Nexus")
    assert with_document(BASIS, before, None) == STANDARD


def test_an_imported_policy_replaces_what_was_set_by_hand_and_keeps_preset_and_exemptions() -> None:
    before = with_exempt_role(BASIS, with_rule(BASIS, STANDARD, "hate", ladder="ban"), "1")
    after = with_document(BASIS, before, SMALL)

    assert after == CommunityPolicy(Preset.STANDARD, SMALL, {}, frozenset({"1"}))
    assert build(BASIS, after).categories.keys() == {"insult"}
    assert with_document(BASIS, after, None) == with_exempt_role(BASIS, STANDARD, "1")


def test_a_policy_that_windows_saved_is_read() -> None:
    assert with_document(BASIS, STANDARD, "\ufeff" + SMALL.replace("\n", "\r\n")).base


INSULT = SMALL + "{}\n"
MUCH = LARGEST_DOCUMENT - 200
HUGE = "0x" + "F" * 9999


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "version None"),
        ("version = ", "cannot be read"),
        ("\x00", "cannot be read"),
        ("version = true\n[category.insult]", "version True"),
        ("version = 1", "no .category.NAME."),
        ("\ud800", "UTF-8"),
        ("#" * (1 << 20), "1048576 bytes; 65536 are the most"),
        ("#" + "é" * (LARGEST_DOCUMENT // 2), "65537 bytes"),
        (INSULT.format("a = " + "[" * MUCH), "nested too deep"),
        (INSULT.format("a = " + "{a=" * (MUCH // 3)), "nested too deep"),
        (INSULT.format("a." * (MUCH // 2) + "a = 1"), "line 3 has more than 100 dots"),
        (INSULT.format("[" + "a." * (MUCH // 2) + "a]"), "line 3 has more than 100 dots"),
        (INSULT.format("a = {" + "a." * (MUCH // 2) + "a = 1}"), "line 3 has more than 100 dots"),
        (INSULT.format('"' + "x" * MUCH + '" = 1'), "is not one of"),
        (INSULT.format("flag = " + "9" * 9999), "cannot be read"),
        (INSULT.format(f"flag = {HUGE}"), r"flag is a int too large to show"),
        (INSULT.format("flag = '" + "x" * MUCH + "'"), "flag is 'xxx"),
        (INSULT.format("flag = -0.0"), "flag is -0.0"),
        (INSULT.format("flag = nan"), "flag is nan"),
        (INSULT.format("act = inf"), "act is inf"),
        (INSULT.format("act = true"), "act is True"),
        (INSULT.format(f"mode = {HUGE}"), "mode is a int too large"),
        (INSULT.format("mode = { " + "a." * 99 + "a = 1 }"), "mode is {'a'"),
        (INSULT.format(f"ladder = [{HUGE}]"), "has the rung a int too large"),
        (INSULT.format("ladder = ['" + "w" * MUCH + "']"), "has the rung 'www"),
        (INSULT.format("ladder = ['timeout:" + "9" * MUCH + "m']"), "has a timeout of '999"),
        (INSULT.format("ladder = [" + "'warn'," * 9000 + "]"), "ladder has 9000 actions"),
        (f"version = {HUGE}", "version a int too large"),
        (f"version = 1\n[general]\nhistory_days = {HUGE}\n[category.insult]", "history_days is a int too large"),
        (SMALL * 2, "cannot be read"),
    ],
)
def test_a_hostile_document_is_refused_at_once_and_in_few_words(text: str, says: str) -> None:
    began = time.perf_counter()
    with pytest.raises(PolicyError, match=says) as caught:
        with_document(BASIS, STANDARD, text)

    assert time.perf_counter() - began < 2
    assert len(str(caught.value)) < 400


def test_rules_as_typed_are_rules_as_read() -> None:
    every = with_rule(BASIS, STANDARD, "insult", flag="0.25", act="50%", ladder="timeout 90m", human_only="on")

    assert rule_entries(build(BASIS, every).categories["insult"]) == {
        "mode": "live",
        "flag": 0.25,
        "act": 0.5,
        "ladder": ["timeout:90m"],
        "human_only": True,
    }
