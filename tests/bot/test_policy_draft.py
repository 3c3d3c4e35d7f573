from pathlib import Path

import pytest

from bot.domain import Mode
from bot.policy_draft import draft_policy
from bot.policy_file import read_policy
from classifier import Label, LabelSet, ThresholdCurve

LABELS = LabelSet((Label("flaming", 'Says "you idiot"\nand worse # always', 3), Label("griefing", "Throws.", 2)))
WHOLE = ThresholdCurve(((0.02, 0.2), (0.01, 0.4), (0.001, 0.8)))
SHORT = ThresholdCurve(((0.02, 0.2), (0.01, 0.97)))


@pytest.mark.parametrize(
    ("curves", "flag", "act"),
    [
        ({}, 0.5, 0.9),
        ({"toxic": WHOLE, "flaming": WHOLE, "griefing": WHOLE}, 0.4, 0.8),
        ({"toxic": SHORT, "flaming": SHORT, "griefing": SHORT}, 0.97, 0.971),
        ({"flaming": ThresholdCurve(((0.2, 0.1),)), "griefing": WHOLE}, 0.5, 0.9),
    ],
)
def test_a_draft_is_a_policy_that_flags_every_category_and_does_nothing(
    tmp_path: Path, curves: dict[str, ThresholdCurve], flag: float, act: float
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(draft_policy(LABELS, curves), encoding="utf-8")

    policy = read_policy(path, LABELS, curves)

    assert policy.categories.keys() == {"flaming", "griefing"}
    rule = policy.categories["flaming"]
    assert (rule.flag, rule.act) == pytest.approx((flag, act), abs=1e-3)
    assert {(one.mode, one.ladder) for one in policy.categories.values()} == {(Mode.SHADOW, ())}
