"""What a run has seen: counts that a summary, a status page or a metric shows."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Count excerpts and what became of them; `seen` is the sum of scored, not scored, unchecked and exempt ones.

    `not_scored` is by reason: those of `classifier.NotScoredReason`, "superseded" for a revision of a message that a
    newer one took the place of before it was judged, "missed" for what came while nobody watched and was too much to be
    read. `clips_unchecked` counts clips of which something was not checked, be it all; `not_kept` counts incidents that
    the database did not take.
    """

    seen: int = 0
    scored: int = 0
    exempt: int = 0
    clips: int = 0
    clips_unchecked: int = 0
    unchecked: int = 0
    incidents: int = 0
    known: int = 0
    not_kept: int = 0
    not_scored: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
