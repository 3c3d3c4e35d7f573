"""A loaded Whisper model that hears one slice at a time."""

import re
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import Segment
from bot.errors import SpeechModelMissing
from bot.speech.agreement import agree, doubt_unless_agreed, unlike, without_echoes, without_repeats
from bot.speech.doubt import Reading, doubt, without_loops
from bot.speech.models import ADVICE, find_model
from bot.speech.slices import Read, Slice
from bot.speech.words import GAME_TALK, RUDE_TALK

if TYPE_CHECKING:
    import numpy as np
    from ctranslate2 import StorageView
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer
    from faster_whisper.transcribe import Segment as HeardSegment
    from numpy.typing import NDArray

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
_ONLY = "en"
"""The language of models that know one."""
_MOST_TOKENS = 150
"""What a slice of fast speech takes is 110; more is a loop."""
_OTHER_READINGS = 2
_POOR = -1.0
"""A mean log-probability below this is Whisper's own sign that a reading failed."""
_GUESSED = 0.8
"""How far a reading is to be doubted that is not the likeliest."""
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
    """Hold the segments of a slice, times in the clip; and where the model tells, the language's code, and how sure.

    `maybe` is what may have been said instead.
    """

    segments: tuple[Segment, ...]
    language: str = ""
    sureness: float = 0.0
    maybe: tuple[Segment, ...] = ()


class Ears:
    """Hear slices of speech; loading takes seconds and memory, so that one is kept as long as it is needed."""

    def __init__(self, model: "WhisperModel") -> None:
        self._model = model
        self._tokens: dict[str, tuple[Tokenizer, list[int]]] = {}
        self._window = _Window()
        self._window.put_into(model)

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
        return cls(model)

    def hear(self, read: Read, heard: Slice, *, track: int, words: str, abandoned: Callable[[], bool]) -> Heard:
        """Return what is said in a slice of a track."""
        self._window.encoded = None
        found, about = self._model.transcribe(
            heard.of(read),
            language=None if self._tells_languages else _ONLY,
            beam_size=_BEAMS,
            temperature=_TEMPERATURES,
            condition_on_previous_text=False,
            hotwords=words,
            max_new_tokens=_MOST_TOKENS,
        )
        # Iterating is what transcribes.
        segments = _while_wanted(found, abandoned)
        told = self._tells_languages and about.language_probability >= _SURE_OF_LANGUAGE
        language = about.language if told else ""
        said = [sentence for each in segments for sentence in _said(each).sentences(heard, track, language)]
        maybe: tuple[Segment, ...] = ()
        if said and not abandoned():
            untold = self._readings("", about.language, 1)
            rude = []
            # Where both say the same, a third reading finds nothing: it is not paid for.
            if not agree(said, untold):
                rude = without_echoes(self._readings(RUDE_TALK, about.language, _OTHER_READINGS), RUDE_TALK, untold)
            said = doubt_unless_agreed(said, untold, allowed=words.removesuffix(GAME_TALK))
            instead = (_Said(without_loops(text), 0.0, heard.seconds, _GUESSED) for text in (*untold, *rude))
            maybe = unlike(said, (segment for each in instead for segment in each.sentences(heard, track, language)))
        return Heard(without_repeats(said), language, about.language_probability if told else 0.0, maybe)

    @property
    def _tells_languages(self) -> bool:
        return bool(self._model.model.is_multilingual)

    def _readings(self, told: str, language: str, number: int) -> list[str]:
        """Return the likeliest readings of the slice at hand by somebody who was told this, the poor ones left out."""
        tokenizer, suppressed = self._tokens_of(language)
        prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True, hotwords=told or None)
        [result] = self._model.model.generate(
            self._window.encoded,
            [prompt],
            beam_size=_BEAMS,
            num_hypotheses=number,
            max_length=len(prompt) + _MOST_TOKENS,
            suppress_tokens=suppressed,
            return_scores=True,
        )
        found = zip(result.sequences_ids, result.scores, strict=True)
        return [tokenizer.decode(tokens).strip() for tokens, score in found if score >= _POOR]

    def _tokens_of(self, language: str) -> "tuple[Tokenizer, list[int]]":
        """Return the tokenizer of a language, and the tokens that nobody says."""
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        if language not in self._tokens:
            tokenizer = Tokenizer(
                self._model.hf_tokenizer, self._tells_languages, task="transcribe", language=language or _ONLY
            )
            self._tokens[language] = tokenizer, list(get_suppressed_tokens(tokenizer, [-1]))
        return self._tokens[language]


class _Window:
    """Give the encoder a shorter window, and keep what it made of the first one of a slice, to be read again."""

    def __init__(self) -> None:
        self.encoded: StorageView | None = None

    def put_into(self, model: "WhisperModel") -> None:
        """Have the model encode through this; the model is not held, so that it is gone when nobody needs it."""
        encode, model_of = type(model).encode, weakref.ref(model)

        def encode_window(features: "NDArray[np.float32]") -> "StorageView":
            encoded = encode(model_of(), features[..., :_WINDOW])
            self.encoded = encoded if self.encoded is None else self.encoded
            return encoded

        model.encode = encode_window


def _while_wanted(found: "Iterable[HeardSegment]", abandoned: Callable[[], bool]) -> "list[HeardSegment]":
    segments = []
    for segment in found:
        if abandoned():
            break
        segments.append(segment)
    return segments


@dataclass(frozen=True, slots=True)
class _Said:
    """Hold a text that was heard in a slice, when it was said there, and how far it is to be doubted."""

    text: str
    start: float
    end: float
    doubt: float

    def sentences(self, heard: Slice, track: int, language: str) -> Iterator[Segment]:
        """Yield its sentences, times in the clip: when each is said is told by its share of the letters."""
        passed, long = 0, max(len(self.text), 1)
        for sentence in _ENDS.split(self.text):
            begun, passed = passed, passed + len(sentence)
            if any(character.isalnum() for character in sentence):
                start, end = (self.start + (self.end - self.start) * part / long for part in (begun, passed))
                # Whisper guesses where the last words end, seconds past a short clip; `at` holds it to the clip's end.
                yield Segment(heard.begins_at(start), heard.at(end), sentence.strip(), self.doubt, track, language)


def _said(segment: "HeardSegment") -> _Said:
    return _Said(without_loops(segment.text), segment.start, segment.end, doubt(_reading(segment)))


def _reading(segment: "HeardSegment") -> Reading:
    return Reading(
        text=segment.text.strip(),
        logprob=segment.avg_logprob,
        no_speech=segment.no_speech_prob,
        compression=segment.compression_ratio,
        temperature=segment.temperature or 0.0,
        seconds=segment.end - segment.start,
    )
