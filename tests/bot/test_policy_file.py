import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import classifier
from bot.domain import Action, Mode
from bot.errors import PolicyError
from bot.policy import CategoryRule, Policy, Rung
from bot.policy_file import DEFAULT, read_policy
from classifier import LabelSet, ThresholdCurve
from classifier.labels import read_labels

SHIPPED = Path(classifier.__file__).parent / "pretrained" / "labels.toml"
CURVE = ThresholdCurve(((0.02, 0.3), (0.01, 0.4), (0.005, 0.5), (0.002, 0.6), (0.001, 0.7), (0.0005, 0.8)))
# A policy whose every entry is set: each test below spoils one of them.
FULL: Mapping[str, Any] = {
    "version": 1,
    "general": {
        "strike_half_life_days": 7,
        "history_days": 30,
        "most_doubt": 0.3,
        "toxic_flag": "1 in 50",
        "join_seconds": 5,
    },
    "exempt": {"roles": ["mod"], "channels": ["staff"]},
    "speech": {"words": ["gank", "Roshan"], "review_foreign_clips": False},
    "category": {
        "insult": {
            "mode": "live",
            "flag": "1 in 100",
            "act": 0.7,
            "ladder": ["warn", "delete", "timeout:10m", "timeout:7d", "kick", "ban"],
            "human_only": True,
        },
        "hate": {},
    },
}


@pytest.fixture(scope="module")
def labels() -> LabelSet:
    return read_labels(SHIPPED)


@pytest.fixture(scope="module")
def curves(labels: LabelSet) -> dict[str, ThresholdCurve]:
    return dict.fromkeys([*labels.names, "toxic"], CURVE)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("policy") / "mine.toml"


def toml(value: object) -> str:
    """Return a value as TOML, tables inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    # TOML has no null; its nan and inf are in small letters.
    return json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf") if value is not None else "1979-05-27"


def document(raw: Mapping[str, object]) -> str:
    return "".join(f"{json.dumps(name)} = {toml(value)}\n" for name, value in raw.items())


def spoilt(*place: str, value: object) -> dict[str, Any]:
    """Return the full policy with the entry at that place replaced or added."""
    raw: dict[str, Any] = json.loads(json.dumps(FULL))
    table = raw
    for name in place[:-1]:
        table = table[name]
    table[place[-1]] = value
    return raw


def test_the_shipped_policy_fits_the_shipped_categories(labels: LabelSet, curves: dict[str, ThresholdCurve]) -> None:
    policy = read_policy(DEFAULT, labels, curves)

    assert set(policy.categories) == set(labels.names)
    assert policy.toxic_flag == 0.3
    assert {name for name, rule in policy.categories.items() if rule.human_only} == {"sexual", "threat", "self_harm"}
    assert policy.categories["profanity"].mode is Mode.SHADOW
    assert (policy.clip_words, policy.review_foreign_clips) == ((), True)


def test_every_entry_of_a_file_reaches_the_policy(
    path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve]
) -> None:
    path.write_text(document(FULL))
    policy = read_policy(path, labels, curves)
    insult = policy.categories["insult"]

    assert (policy.strike_half_life, policy.history_window) == (timedelta(days=7), timedelta(days=30))
    assert (policy.most_doubt, policy.join_window) == (0.3, timedelta(seconds=5))
    assert (policy.exempt_roles, policy.exempt_channels) == ({"mod"}, {"staff"})
    assert (policy.clip_words, policy.review_foreign_clips) == (("gank", "Roshan"), False)
    assert policy.severity["hate"] > policy.severity["insult"]
    assert (insult.mode, insult.flag, insult.act, insult.human_only) == (Mode.LIVE, 0.4, 0.7, True)
    assert insult.ladder == (
        Rung(Action.WARN),
        Rung(Action.DELETE),
        Rung(Action.TIMEOUT, timedelta(minutes=10)),
        Rung(Action.TIMEOUT, timedelta(days=7)),
        Rung(Action.KICK),
        Rung(Action.BAN),
    )


def test_a_category_without_entries_is_in_shadow_and_takes_no_action(
    path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve]
) -> None:
    path.write_text(document(FULL))
    hate = read_policy(path, labels, curves).categories["hate"]

    assert (hate.mode, hate.flag, hate.act, hate.ladder, hate.human_only) == (Mode.SHADOW, 0.4, 0.7, (), False)


def test_a_category_that_the_file_leaves_out_has_no_rule(
    path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve]
) -> None:
    path.write_text('version = 1\n[category.insult]\nmode = "off"\nflag = 0.5\nact = 0.9\n')

    policy = read_policy(path, labels, curves)

    assert policy.categories == {"insult": CategoryRule(Mode.OFF, 0.5, 0.9)}
    assert (policy.clip_words, policy.review_foreign_clips) == ((), True)


def test_a_policy_without_any_category_is_refused(
    path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve]
) -> None:
    path.write_text("version = 1")

    with pytest.raises(PolicyError, match="nothing would ever be flagged"):
        read_policy(path, labels, curves)


def test_a_smaller_budget_never_gives_a_lower_threshold(
    path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve]
) -> None:
    thresholds = []
    for clean in (50, 99, 100, 101, 500, 1000, 2000):
        path.write_text(document(spoilt("general", "toxic_flag", value=f"1 in {clean}")))
        thresholds.append(read_policy(path, labels, curves).toxic_flag)

    assert all(low <= high for low, high in pairwise(thresholds))
    assert thresholds[2:4] == [0.4, 0.5]


INSULT = ("category", "insult")


@pytest.mark.parametrize(
    ("raw", "entry", "says"),
    [
        (spoilt("rules", value={}), "rules", "general"),
        (spoilt("version", value=2), "version 2", "version 1"),
        ({}, "version None", "version 1"),
        (spoilt("general", value=3), "[general]", "not a table"),
        (spoilt("general", "half_life", value=3), "'half_life'", "strike_half_life_days"),
        (spoilt("general", "strike_half_life_days", value=0), "strike_half_life_days", "0.01"),
        (spoilt("general", "history_days", value=-1), "history_days", "-1"),
        (spoilt("general", "history_days", value="90"), "history_days", "'90'"),
        (spoilt("general", "history_days", value=True), "history_days", "True"),
        (spoilt("general", "most_doubt", value=1.1), "most_doubt", "0 to 1"),
        (spoilt("general", "most_doubt", value=float("nan")), "most_doubt", "nan"),
        (spoilt("general", "join_seconds", value=301), "join_seconds", "300"),
        (spoilt("general", "toxic_flag", value=0), "toxic_flag", "a probability above 0"),
        (spoilt("general", "toxic_flag", value="1 in 9000"), "toxic_flag", "smallest measured rate, 0.0005"),
        (spoilt("exempt", value=[]), "[exempt]", "not a table"),
        (spoilt("exempt", "users", value=[]), "'users'", "roles"),
        (spoilt("exempt", "roles", value="mod"), "[exempt] roles", "list of names"),
        (spoilt("exempt", "channels", value=[1]), "[exempt] channels", "list of names"),
        (spoilt("speech", value=["gank"]), "[speech]", "not a table"),
        (spoilt("speech", "hotwords", value=[]), "'hotwords'", "review_foreign_clips, words"),
        (spoilt("speech", "words", value="gank"), "[speech] words", "list of words in quotes"),
        (spoilt("speech", "words", value=["gank", 7]), "[speech] words", "list of words in quotes"),
        (spoilt("speech", "words", value=["gank", "Gank"]), "[speech] words has 'Gank' twice", "leave one"),
        (spoilt("speech", "words", value=["a\u001bb"]), "[speech] words has 'a\\x1bb'", "that can be seen"),
        (spoilt("speech", "words", value=["x" * 41]), "[speech] words", "40 are the most"),
        (spoilt("speech", "words", value=[f"w{n}" for n in range(101)]), "[speech] words has 101 words", "100"),
        (spoilt("speech", "review_foreign_clips", value="no"), "[speech] review_foreign_clips", "true or false"),
        (spoilt("category", value=1), "[category]", "not a table"),
        (spoilt("category", "rudeness", value={}), "'rudeness'", "insult"),
        (spoilt(*INSULT, value="live"), "[category.insult]", "not a table"),
        (spoilt(*INSULT, "action", value="ban"), "'action'", "[category.insult]"),
        (spoilt(*INSULT, "mode", value="on"), "[category.insult] mode", "off, shadow or live"),
        (spoilt(*INSULT, "mode", value=["live"]), "[category.insult] mode", "off, shadow or live"),
        (spoilt(*INSULT, "flag", value="often"), "[category.insult] flag", "1 in 1000"),
        (spoilt(*INSULT, "flag", value="1 in 0"), "[category.insult] flag", "1 in 1000"),
        (spoilt(*INSULT, "flag", value=True), "[category.insult] flag", "True"),
        (spoilt(*INSULT, "act", value=1.5), "[category.insult] act", "1.5"),
        (spoilt(*INSULT, "act", value=0.39), "[category.insult] acts from 0.390", "raise act"),
        (spoilt(*INSULT, "act", value="1 in 2001"), "[category.insult] act", "below the smallest measured rate"),
        (spoilt(*INSULT, "human_only", value="yes"), "[category.insult] human_only", "true or false"),
        (spoilt(*INSULT, "ladder", value="warn"), "[category.insult] ladder", "list of actions"),
        (spoilt(*INSULT, "ladder", value=["scold"]), "[category.insult] has the rung 'scold'", "warn, delete"),
        (spoilt(*INSULT, "ladder", value=[7]), "[category.insult] has the rung 7", "warn, delete"),
        (spoilt(*INSULT, "ladder", value=["flag"]), "[category.insult] has the rung 'flag'", "leave it out"),
        (spoilt(*INSULT, "ladder", value=["ban", "warn"]), "[category.insult] ladder", "mildest action first"),
        (spoilt(*INSULT, "ladder", value=["timeout:1h", "timeout:10m"]), "[category.insult] ladder", "mildest"),
        (spoilt(*INSULT, "ladder", value=["timeout"]), "[category.insult] has the rung 'timeout'", "timeout:10m"),
        (spoilt(*INSULT, "ladder", value=["timeout:"]), "[category.insult] has a timeout of ''", "10m"),
        (spoilt(*INSULT, "ladder", value=["ban:1d"]), "[category.insult] has the rung 'ban:1d'", "timeout:10m"),
        (spoilt(*INSULT, "ladder", value=["warn:"]), "[category.insult] has the rung 'warn:'", "timeout:10m"),
        (spoilt(*INSULT, "ladder", value=["timeout:1w"]), "[category.insult] has a timeout of '1w'", "7d"),
        (spoilt(*INSULT, "ladder", value=["timeout:40d"]), "[category.insult] has a timeout of 40d", "28 days"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_entry(
    path: Path,
    labels: LabelSet,
    curves: dict[str, ThresholdCurve],
    raw: Mapping[str, object],
    entry: str,
    says: str,
) -> None:
    path.write_text(document(raw))

    with pytest.raises(PolicyError) as caught:
        read_policy(path, labels, curves)

    for part in (str(path), entry, says):
        assert part in str(caught.value)


def test_a_budget_needs_a_curve_of_the_model(path: Path, labels: LabelSet) -> None:
    path.write_text(document(spoilt("general", "toxic_flag", value=0.5)))

    with pytest.raises(PolicyError, match=r"mine\.toml: \[category\.insult\] flag .* no curve for insult"):
        read_policy(path, labels, {})


@pytest.mark.parametrize(
    "content", [b"version = ", b"\xff\xfe", b"a" * 10 + b" = " + b"9" * 5000, b"x = 2024-02-30", b"\x00"]
)
def test_a_file_that_is_not_toml_is_named(
    path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve], content: bytes
) -> None:
    path.write_bytes(content)

    with pytest.raises(PolicyError, match=r"mine\.toml cannot be read"):
        read_policy(path, labels, curves)


def test_a_missing_file_is_named_with_the_setting_to_change(
    tmp_path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve]
) -> None:
    with pytest.raises(PolicyError, match=r"gone\.toml is not there; set REFEREE_POLICY"):
        read_policy(tmp_path / "gone.toml", labels, curves)


def test_a_folder_in_the_place_of_the_file_is_named(
    tmp_path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve]
) -> None:
    with pytest.raises(PolicyError, match=f"{tmp_path} cannot be read"):
        read_policy(tmp_path, labels, curves)


def places(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the place of every entry, tables and their entries alike."""
    found = []
    for name, value in table.items():
        found.append((*above, name))
        if isinstance(value, Mapping):
            found += places(value, (*above, name))
    return found


words = st.sampled_from(["live", "ban", "timeout:", "timeout:10m", "1 in 100", "1 in ", "insult", "mode", ""])
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), words)
junk = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))


@settings(deadline=None, max_examples=150)
@given(place=st.sampled_from(places(FULL)), value=junk)
def test_whatever_stands_in_an_entry_only_a_policy_error_is_raised(
    path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve], place: tuple[str, ...], value: object
) -> None:
    path.write_text(document(spoilt(*place, value=value)), encoding="utf-8")

    assert policy_or_error(path, labels, curves)


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=40), at=st.integers(0, DEFAULT.stat().st_size), cut=st.integers(0, 40))
def test_whatever_is_pasted_into_the_shipped_file_only_a_policy_error_is_raised(
    path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve], content: bytes, at: int, cut: int
) -> None:
    shipped = DEFAULT.read_bytes()
    path.write_bytes(shipped[:at] + content + shipped[at + cut :])

    assert policy_or_error(path, labels, curves)


def policy_or_error(path: Path, labels: LabelSet, curves: dict[str, ThresholdCurve]) -> bool:
    """Tell whether the file gives a policy or a PolicyError that names it."""
    try:
        return isinstance(read_policy(path, labels, curves), Policy)
    except PolicyError as error:
        return str(path) in str(error)
