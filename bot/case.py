"""What a card is about as it stands with the moderators, and what comes of a click."""

from dataclasses import dataclass

from bot.community import Card
from bot.domain import Incident, Review, ReviewVerdict


@dataclass(frozen=True, slots=True)
class Case:
    """Hold a card with the incidents it shows, and every verdict on them, oldest first."""

    card: Card
    incidents: tuple[Incident, ...]
    reviews: tuple[Review, ...]

    @property
    def waits(self) -> bool:
        """Tell whether a verdict is still to be given on any of it."""
        return any(incident.state.waits for incident in self.incidents)

    @property
    def decided(self) -> Review | None:
        """Return the verdict that closed it, None while it waits."""
        return None if self.waits else self._last(*(verdict for verdict in ReviewVerdict if verdict.decides))

    @property
    def owner(self) -> Review | None:
        """Return who took it over last, None where nobody did, or where it was decided and reopened since."""
        return self._last(ReviewVerdict.TAKE_OVER)

    @property
    def escalated(self) -> Review | None:
        """Return who asked for a second opinion, None where nobody did, or where it was reopened since."""
        return self._last(ReviewVerdict.ESCALATE)

    @property
    def acts(self) -> tuple[Review, ...]:
        """Return what moderators did by hand, once for what was done about several incidents, oldest first."""
        acts = {(act.moderator, act.note): act for act in self._of(ReviewVerdict.ACT)}
        return tuple(acts.values())

    @property
    def reports(self) -> tuple[Review, ...]:
        """Return the reports of members, oldest first."""
        return self._of(ReviewVerdict.REPORT)

    def _of(self, verdict: ReviewVerdict) -> tuple[Review, ...]:
        return tuple(review for review in self.reviews if review.verdict is verdict)

    def _last(self, *verdicts: ReviewVerdict) -> Review | None:
        for review in reversed(self.reviews):
            if review.verdict in verdicts:
                return review
            if review.verdict is ReviewVerdict.REOPEN:
                return None
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what came of a moderator's click.

    `done` is false where somebody was first, whose verdict `first` is. `notes` say what was taken back, and what could
    not be.
    """

    case: Case
    done: bool
    first: Review | None = None
    notes: tuple[str, ...] = ()
