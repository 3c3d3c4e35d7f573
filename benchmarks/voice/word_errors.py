"""Word error rate: how many words of what was said were heard wrong, left out or added."""

import re
from collections.abc import Iterable

import jiwer

_APOSTROPHES = re.compile(r"['\u2018\u2019]")
_NO_WORD = re.compile(r"[^\w\s]|_")


def normalised(text: str) -> str:
    """Return the words in lower case without punctuation.

    An apostrophe joins ("don't" is "dont"), a hyphen parts. Numbers and spelling are left as they are: "thirty" heard
    as "30" counts as an error, and so does "favourite" heard as "favorite".
    """
    return " ".join(_NO_WORD.sub(" ", _APOSTROPHES.sub("", text.lower())).split())


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Return the errors in all that was heard over the words of all that was said; 0 where nothing was said.

    A pair is what was said and what was heard. More can be added than was said, so that it may exceed 1.
    """
    made = [(normalised(said), normalised(heard)) for said, heard in pairs]
    made = [pair for pair in made if pair[0]]
    return float(jiwer.wer([said for said, _ in made], [heard for _, heard in made])) if made else 0.0
