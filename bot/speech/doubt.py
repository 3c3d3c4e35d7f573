"""How far a transcribed segment is to be doubted, from what Whisper says of its own reading.

Whisper takes a reading for failed below a mean log-probability of -1.0 or above a compression ratio of 2.4, and a
stretch for silent above a no-speech probability of 0.6 (Radford et al. 2022, section 4.5; faster-whisper's defaults).
At the first two the doubt is 0.7. The third is weak alone (Whisper asks for a low log-probability beside it) and gets
0.4. The points below come from measurements with tiny.en: on 21 clips of clear speech the log-probability was -0.67 or
better, the no-speech probability 0.56 or less and the compression ratio 1.5 or less; most readings of speech under
noise, in another language, played backwards or by two at once had log-probabilities of -0.78 or worse.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

_LOGPROB = ((-1.5, 1.0), (-1.0, 0.7), (-0.7, 0.35), (0.0, 0.0))
_NO_SPEECH = ((0.0, 0.0), (0.6, 0.4), (1.0, 0.9))
_COMPRESSION = ((1.8, 0.0), (2.4, 0.7), (3.5, 1.0))
# Any temperature above zero means that the reading at zero failed one of Whisper's own checks.
_TEMPERATURE = ((0.0, 0.0), (0.2, 0.6), (1.0, 1.0))
# A loop: the same few words again and again. Players do say "go go go"; the text alone cannot tell.
_REPEATS = ((4.0, 0.0), (6.0, 0.5), (10.0, 0.9))
_LOOP = re.compile(r"\b(\w+(?:\W+\w+){0,7}?)(?:\W+\1\b)+", re.IGNORECASE)
_SAID_OFTEN = 3
# Letters a second: fast talkers reach 25; what Whisper makes up for a short noise is a whole sentence.
_PACE = ((30.0, 0.0), (40.0, 0.5), (60.0, 0.9))
_SHORTEST_S = 0.2

_INVENTED = 0.95
# What Whisper writes where nobody speaks, learned from the captions of videos.
_INVENTIONS = re.compile(
    r"""
    (thanks|thank\ you)(\ (so|very)\ much)?(\ (all|everyone))?\ for\ (watching|listening|viewing)
    | (please\ |don't\ forget\ to\ )?(like,?\ (share,?\ )?and\ )?subscribe(\ to\ (my|our|the|this)\ channel)?
    | (subtitles|captions|captioned|translated|transcribed|transcription)(\ (provided|made|created))?\ by\ .*
    | (and\ )?((i'll|i\ will|we'll|we\ will)\ )?see\ you(\ (guys|all))?(\ in\ the)?\ next\ (video|time|one)
    | [\[(](music|applause|silence|blank_audio|noise|laughter|inaudible)[\])]
    | \w*\.?amara\.org.*
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold a segment's text and Whisper's measures of it.

    `logprob` is the mean natural logarithm of the tokens' probabilities, `no_speech` a probability, `compression` the
    gzip ratio of the text, `temperature` that of the attempt that was kept, `seconds` how long saying it took.
    """

    text: str
    logprob: float
    no_speech: float
    compression: float
    temperature: float
    seconds: float = math.inf


def doubt(reading: Reading) -> float:
    """Return how far a reading is to be doubted, 0 (sure) to 1 (a guess): that of its worst sign."""
    if is_invention(reading.text):
        return _INVENTED
    return max(
        _between(reading.logprob, _LOGPROB),
        _between(reading.no_speech, _NO_SPEECH),
        _between(reading.compression, _COMPRESSION),
        _between(reading.temperature, _TEMPERATURE),
        _between(_repeats(reading.text), _REPEATS),
        _between(len(reading.text) / max(reading.seconds, _SHORTEST_S), _PACE),
    )


def is_invention(text: str) -> bool:
    """Tell whether a text is nothing but phrases that Whisper invents on silence."""
    rest = _INVENTIONS.sub("", text)
    return rest != text and not any(character.isalnum() for character in rest)


def without_loops(text: str) -> str:
    """Return a text in which no phrase is said more than three times in a row: more tells nothing new."""

    def shortened(loop: re.Match[str]) -> str:
        times = _times(loop)
        return loop.group(0) if times <= _SAID_OFTEN else " ".join([loop.group(1)] * _SAID_OFTEN)

    return _LOOP.sub(shortened, text)


def _repeats(text: str) -> int:
    """Return how often a phrase of up to eight words is said in a row, where it is said most often."""
    return max((_times(loop) for loop in _LOOP.finditer(text)), default=1)


def _times(loop: re.Match[str]) -> int:
    whole, once = (len(re.findall(r"\w+", part)) for part in loop.group(0, 1))
    return whole // once


def _between(value: float, points: tuple[tuple[float, float], ...]) -> float:
    known, doubts = zip(*points, strict=True)
    return float(np.interp(value, known, doubts))
