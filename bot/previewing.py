"""What would become of an excerpt that was judged, of which nothing is kept."""

from dataclasses import dataclass

from bot import policy as rules
from bot.choosing import Choice, choices, unchecked_choices
from bot.domain import Action, Decision, History, Transcript
from bot.judging import Judged
from bot.policy import Policy
from bot.ports import Scorer
from classifier import NotScored, Verdict, WordWeight

_WORTH_EXPLAINING = 0.2
"""From this P(toxic) on it is told which words made it: each word costs a pass of the model."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Hold what would become of an excerpt, of which nothing is kept; `verdict` is None where there is none.

    `at` is where in a clip it was said, in seconds.
    """

    text: str
    verdict: Verdict | NotScored | None
    decision: Decision
    words: tuple[WordWeight, ...] = ()
    transcript: Transcript | None = None
    at: float | None = None


async def preview_of(judged: Judged, policy: Policy, scorer: Scorer) -> Preview:
    """Return what would become of an excerpt, of somebody without strikes.

    Where nothing comes of it, what is shown of a clip is the worst that was heard in it.
    """
    found = choices(policy, judged, judged.readings, History()) + unchecked_choices(policy, judged)
    best = max(found, key=lambda choice: (rules.rank(policy, choice.decision), _toxic(choice)), default=None)
    if best is None:
        missing = judged.not_scored or judged.verdict
        return Preview(judged.excerpt.text, missing, rules.nothing(judged.why_nothing), (), judged.transcript)
    worth = best.decision.action is not Action.NONE or _toxic(best) >= _WORTH_EXPLAINING
    words = await scorer.explain(best.reading.text) if best.verdict and worth else ()
    verdict = best.verdict or judged.not_scored
    return Preview(best.reading.text, verdict, best.decision, words, judged.transcript, best.reading.at)


def _toxic(choice: Choice) -> float:
    return choice.verdict.toxic if choice.verdict else 0.0
