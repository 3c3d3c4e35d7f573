"""A first policy for a model of one's own categories: everything is flagged, nothing is done."""

from collections.abc import Mapping

from classifier import LabelSet, ThresholdCurve
from classifier.errors import ThresholdError

NAME = "policy.toml"
"""What the file is called in a model folder."""

_FLAG, _ACT, _TOXIC = 100, 1000, 50
_PLAIN = {_FLAG: 0.5, _ACT: 0.9, _TOXIC: 0.5}
"""The probabilities that stand in for budgets which a model's curve does not reach."""

_HEAD = """\
# A first policy for this model: every category is flagged for a moderator, and nothing is done to anybody. Look at what
# it flags, then set mode = "live" and a ladder (warn, delete, timeout:10m, kick, ban) where you trust it.
version = 1

[general]
toxic_flag = {toxic}
"""
_RULE = """
# {description}
[category.{name}]
mode = "shadow"
flag = {flag}
act = {act}
ladder = []
"""


def draft_policy(labels: LabelSet, curves: Mapping[str, ThresholdCurve]) -> str:
    """Return a policy as TOML for `read_policy`: budgets where the curves reach them, else probabilities."""
    rules = [
        _RULE.format(
            description=" ".join(label.description.split()),
            name=label.name,
            flag=_limit(label.name, _FLAG, curves),
            act=_act(label.name, curves),
        )
        for label in labels.labels
    ]
    return _HEAD.format(toxic=_limit("toxic", _TOXIC, curves)) + "".join(rules)


def _limit(name: str, one_in: int, curves: Mapping[str, ThresholdCurve]) -> str:
    return f'"1 in {one_in}"' if _reached(name, one_in, curves) else str(_PLAIN[one_in])


def _act(name: str, curves: Mapping[str, ThresholdCurve]) -> str:
    """Return from where to act: never below the flag threshold, which may lie above the plain probability."""
    if _reached(name, _ACT, curves) or not _reached(name, _FLAG, curves):
        return _limit(name, _ACT, curves)
    return str(max(_PLAIN[_ACT], round(min(curves[name].threshold(1 / _FLAG) + 0.001, 1.0), 3)))


def _reached(name: str, one_in: int, curves: Mapping[str, ThresholdCurve]) -> bool:
    try:
        return name in curves and curves[name].threshold(1 / one_in) <= 1.0
    except ThresholdError:
        return False
