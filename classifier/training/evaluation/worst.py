"""The probe sentences that a model judges worst: our own, so that they may be shown."""

from collections.abc import Iterable

from classifier.training.evaluation.false_positives import Report, Scores
from classifier.training.evaluation.probes import Probes
from classifier.training.evaluation.robustness import Trials


def worst_sentences(probes: Probes, trials: Trials, scores: Scores, number: int) -> dict[str, list[Report]]:
    """Return the innocent sentences of each probe that score highest, and the disguised toxic ones that score lowest.

    At most `number` of each, as `text`, `toxic` and, where it is disguised, `plain` and `kind`.
    """
    disguised = {trial.evaded: {"plain": trial.plain, "kind": trial.kind} for trial in (*trials.toxic, *trials.clean)}

    def told(texts: Iterable[str], *, highest: bool) -> list[Report]:
        order = sorted(set(texts), key=lambda text: (-scores[text] if highest else scores[text], text))
        return [{"text": text, "toxic": round(scores[text], 4), **disguised.get(text, {})} for text in order[:number]]

    return {
        "violent_talk": told((line.text for line in probes.violent), highest=True),
        "near_misses": told(trials.near_misses, highest=True),
        "disguised_near_misses": told((trial.evaded for trial in trials.clean), highest=True),
        "naming_groups": told((sentence.text for sentence in probes.naming_groups), highest=True),
        "disguised_toxic": told((trial.evaded for trial in trials.toxic), highest=False),
    }
