"""The shipped policy for the shipped categories and curves, and communities that make something of it."""

from functools import cache
from pathlib import Path

from hypothesis import strategies as st

import classifier
from bot.domain import Mode
from bot.policy_community import Basis, CommunityPolicy
from bot.policy_file import DEFAULT, read_policy
from bot.policy_presets import Preset
from classifier.labels import read_labels
from classifier.manifest import read_manifest

MODEL = Path(classifier.__file__).parent / "pretrained"
BUDGETS = ("1 in 5", "1 in 100", "1 in 777", "1 in 2000")
LADDERS = ((), ("warn",), ("warn", "warn", "delete"), ("delete", "timeout:90m", "timeout:28d", "ban"), ("kick",))


@cache
def shipped() -> Basis:
    labels, curves = read_labels(MODEL / "labels.toml"), read_manifest(MODEL).curves
    return Basis(read_policy(DEFAULT, labels, curves), labels, curves)


NAMES = shipped().labels.names
thresholds = st.one_of(
    st.floats(0, 1, exclude_min=True), st.floats(0, 1, exclude_min=True, width=16), st.sampled_from(BUDGETS)
)
ladders = st.sampled_from(LADDERS)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, object]:
    """Return entries that never contradict each other: at most one threshold is set."""
    drawn: dict[str, object] = {}
    if draw(st.booleans()):
        drawn["mode"] = draw(st.sampled_from(Mode)).value
    if draw(st.booleans()):
        drawn[draw(st.sampled_from(["flag", "act"]))] = draw(thresholds)
    if draw(st.booleans()):
        drawn["ladder"] = draw(ladders)
    if draw(st.booleans()):
        drawn["human_only"] = draw(st.booleans())
    return drawn


DOCUMENT = """\
version = 1
[general]
toxic_flag = 0.123456789
strike_half_life_days = 0.3333
[exempt]
roles = ["a\\"b"]
[speech]
words = ["Nexus", "baron"]
review_foreign_clips = false
[category.hate]
mode = "live"
flag = 0.1
act = 0.3
ladder = ["warn", "delete"]
[category.spam]
mode = "off"
"""
documents = st.sampled_from([None, "version = 1\n[category.insult]\n", DOCUMENT])
ids = st.frozensets(st.text(min_size=1, max_size=5, alphabet=st.characters(codec="utf-8")), max_size=3)
words = st.lists(st.sampled_from(["gank", "Roshan", "Nexus", 'a"]']), unique=True, max_size=4)
communities = st.builds(
    CommunityPolicy,
    preset=st.sampled_from(Preset),
    base=documents,
    changes=st.dictionaries(st.sampled_from(NAMES), entries(), max_size=4),
    exempt_roles=ids,
    exempt_channels=ids,
    clip_words=st.one_of(st.none(), words.map(tuple)),
    review_foreign_clips=st.sampled_from([None, True, False]),
)
