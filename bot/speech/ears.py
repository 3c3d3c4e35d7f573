"""A loaded Whisper model that hears one slice at a time."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import Segment
from bot.errors import SpeechError, SpeechModelMissing
from bot.speech.doubt import Reading, doubt
from bot.speech.models import ADVICE, find_model
from bot.speech.slices import Samples, Slice

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment as HeardSegment

_WINDOW = 2000
"""Frames of 10 ms that the encoder is given.

Whisper pads whatever it hears to 30 s. Given 20 s, tiny.en reads as well (word error rate 6.6 % instead of 6.9 % on 61
clips) in 64 % of the time; given 15 s it does not (16 %).
"""
# Two beams read as well as five; one does not.
_BEAMS = 2
# One second try, for readings that fail Whisper's own checks; each more would cost another pass.
_TEMPERATURES = (0.0, 0.4)
_SURE_OF_LANGUAGE = 0.5
_ENDS = re.compile(r"(?<=[.!?])(?=\s)")
"""Where a sentence ends; the parts keep every letter, so that their lengths add up."""


@dataclass(frozen=True, slots=True)
class EarSettings:
    """Hold which model hears, and how: `model` as `find_model` takes it, `precision` and `device` as CTranslate2 does.

    `threads` are those of a transcription.
    """

    model: str
    precision: str = "int8"
    device: str = "cpu"
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Heard:
    """Hold the segments of a slice, times in the clip; and where the model tells, the language's code, and how sure."""

    segments: tuple[Segment, ...]
    language: str = ""
    sureness: float = 0.0


class Ears:
    """Hear slices of speech; loading takes seconds and memory, so that one is kept as long as it is needed."""

    def __init__(self, model: "WhisperModel") -> None:
        self._model = model

    @classmethod
    def load(cls, settings: EarSettings) -> "Ears":
        """Load the model; raise SpeechModelMissing where it is not there or cannot be used."""
        # Imported here, because it takes a second and many runs see no clip.
        from faster_whisper import WhisperModel

        name = find_model(settings.model)
        try:
            model = WhisperModel(
                name, device=settings.device, compute_type=settings.precision, cpu_threads=settings.threads
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise SpeechModelMissing(f"the speech model {name} cannot be loaded: {error}; {ADVICE}") from error
        encode_whole = model.encode
        model.encode = lambda features: encode_whole(features[..., :_WINDOW])
        return cls(model)

    def hear(self, samples: Samples, heard: Slice, *, track: int, words: str, abandoned: Callable[[], bool]) -> Heard:
        """Return what is said in a slice of a track; raise SpeechError where the model breaks down."""
        try:
            found, about = self._model.transcribe(
                heard.of(samples),
                language=None if self._model.model.is_multilingual else "en",
                beam_size=_BEAMS,
                temperature=_TEMPERATURES,
                condition_on_previous_text=False,
                hotwords=words or None,
            )
            # Iterating is what transcribes.
            segments = _while_wanted(found, abandoned)
        except (RuntimeError, ValueError) as error:
            raise SpeechError(f"the speech model broke down: {error}") from error
        told = self._model.model.is_multilingual
        language = about.language if told and about.language_probability >= _SURE_OF_LANGUAGE else ""
        return Heard(
            tuple(sentence for each in segments for sentence in _sentences(each, heard, track, language)),
            language,
            about.language_probability if language else 0.0,
        )


def _while_wanted(found: "Iterable[HeardSegment]", abandoned: Callable[[], bool]) -> "list[HeardSegment]":
    segments = []
    for segment in found:
        if abandoned():
            break
        segments.append(segment)
    return segments


def _sentences(segment: "HeardSegment", heard: Slice, track: int, language: str) -> Iterator[Segment]:
    """Yield the sentences of a segment, which may be many: when each is said is told by its share of the letters."""
    doubted, said, long = doubt(_reading(segment)), 0, max(len(segment.text), 1)
    for text in _ENDS.split(segment.text):
        begun, said = said, said + len(text)
        if any(character.isalnum() for character in text):
            start, end = (segment.start + (segment.end - segment.start) * part / long for part in (begun, said))
            # Whisper guesses where a last segment ends, seconds past a short clip; `at` holds it to the clip's end.
            yield Segment(heard.begins_at(start), heard.at(end), text.strip(), doubted, track, language)


def _reading(segment: "HeardSegment") -> Reading:
    return Reading(
        text=segment.text.strip(),
        logprob=segment.avg_logprob,
        no_speech=segment.no_speech_prob,
        compression=segment.compression_ratio,
        temperature=segment.temperature or 0.0,
        seconds=segment.end - segment.start,
    )
