"""What was scored of late: chat repeats itself, and what was said before needs no pass."""

from collections import OrderedDict

from classifier.verdict import Verdict


class RepeatedLines:
    """Keep the verdicts on the `most` texts asked for last; texts of more than `characters` are not kept."""

    def __init__(self, most: int, characters: int) -> None:
        self._most = most
        self._characters = characters
        self._verdicts: OrderedDict[str, Verdict] = OrderedDict()

    def get(self, text: str) -> Verdict | None:
        """Return the verdict on a text, None where it is not known."""
        verdict = self._verdicts.get(text)
        if verdict is not None:
            self._verdicts.move_to_end(text)
        return verdict

    def keep(self, text: str, verdict: Verdict) -> None:
        """Keep a verdict; the text asked for longest ago makes room."""
        if len(text) > self._characters:
            return
        self._verdicts[text] = verdict
        while len(self._verdicts) > self._most:
            self._verdicts.popitem(last=False)
