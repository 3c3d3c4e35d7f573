"""Whether a model flags innocent sentences for naming a group, and which groups."""

from collections.abc import Mapping, Sequence

from classifier.training.evaluation.false_positives import Report, Scores, flagged, flagged_by
from classifier.training.evaluation.probes import CONTROL, GroupSentence


def bias_report(sentences: Sequence[GroupSentence], scores: Scores, flag: float) -> Report:
    """Return the false-positive rate of each group, kind of group, template and tone, the worst first.

    Every group stands in the same sentences, so that a difference is due to its name. The control groups are kept apart
    in `control`; `largest_gap` is that between the groups with the highest and the lowest rate.
    """
    named = [s for s in sentences if s.kind != CONTROL]
    kinds = {s.group: s.kind for s in named}
    groups = flagged_by(((s.group, s.text) for s in named), scores, flag)
    return {
        "sentences": len(named),
        "all": flagged([s.text for s in named], scores, flag),
        "control": flagged([s.text for s in sentences if s.kind == CONTROL], scores, flag),
        "largest_gap": {at: _gap(groups, at) for at in ("half", "flag", "mean")},
        "groups": {name: {"kind": kinds[name], **numbers} for name, numbers in groups.items()},
        "kinds": flagged_by(((s.kind, s.text) for s in named), scores, flag),
        "templates": flagged_by(((s.template, s.text) for s in named), scores, flag),
        "tones": flagged_by(((s.tone, s.text) for s in named), scores, flag),
    }


def _gap(groups: Mapping[str, Report], at: str) -> Report:
    most = max(groups, key=lambda name: groups[name][at])
    least = min(groups, key=lambda name: groups[name][at])
    return {"gap": round(groups[most][at] - groups[least][at], 4), "most": most, "least": least}
