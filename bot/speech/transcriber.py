"""Clips to transcripts with Whisper, on this machine."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bot.domain import Clip, Segment, Transcript
from bot.errors import SpeechModelMissing
from bot.speech.decoder_process import DecoderProcess
from bot.speech.doubt import Reading, doubt
from bot.speech.limits import ClipLimits
from bot.speech.mixdown import to_mono
from bot.speech.models import ADVICE, OFFLINE, find_model
from bot.speech.sound import RATE, Sound

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment as HeardSegment

# With tiny.en on 136 s of speech two beams read as well as five (word error rate 8.6 %), one does not (11.1 %).
_BEAMS = 2
# One second try, for readings that fail Whisper's own checks; each more would cost another pass.
_TEMPERATURES = (0.0, 0.4)


class WhisperTranscriber:
    """Transcribe clips one at a time, off the event loop; the model is loaded for the first clip.

    `model` is what `bot.speech.models.find_model` takes; `threads` are the processor threads of a transcription.
    """

    def __init__(self, model: str = OFFLINE, *, limits: ClipLimits | None = None, threads: int = 2) -> None:
        self._setting = model
        self._threads = threads
        self._decoder = DecoderProcess(limits or ClipLimits())
        self._turn = asyncio.Lock()
        # A thread of its own: where a caller is cancelled, what still runs there holds up the next clip.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="speech")
        self._model: WhisperModel | None = None
        self._closing = threading.Event()

    async def transcribe(self, clip: Clip) -> Transcript:
        """Return what is heard in the clip; no segments where nobody speaks.

        Raise ClipRejected where it is not usable audio, SpeechModelMissing where there is no model, SpeechError where
        the decoder cannot be started.
        """
        async with self._turn:
            self._go_on()
            sound = await self._decoder.decode(clip.data)
            segments = await self._hear(sound)
            self._go_on()
        return Transcript(
            segments=segments,
            seconds=sound.seconds,
            doubt=max((segment.doubt for segment in segments), default=0.0),
            complete=not sound.notes,
            notes=sound.notes,
        )

    async def close(self) -> None:
        """Cut off the clip at hand and those that wait, end the decoder and let go of the model."""
        self._closing.set()
        async with self._turn:
            await self._decoder.close()
            await asyncio.to_thread(self._thread.shutdown)
            self._model = None

    async def _hear(self, sound: Sound) -> tuple[Segment, ...]:
        abandoned = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, sound, abandoned)
        finally:
            abandoned.set()

    def _go_on(self) -> None:
        """Raise CancelledError while closing: a clip that was cut off is neither clean nor broken, nobody judged it."""
        if self._closing.is_set():
            raise asyncio.CancelledError

    def _work(self, sound: Sound, abandoned: threading.Event) -> tuple[Segment, ...]:
        if self._model is None:
            self._model = _load(find_model(self._setting), self._threads)
        return _listen(self._model, to_mono(sound), lambda: abandoned.is_set() or self._closing.is_set())


def _load(model: str, threads: int) -> "WhisperModel":
    # Imported here, because it takes a second and many runs see no clip.
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)
    except (OSError, ValueError, RuntimeError) as error:
        raise SpeechModelMissing(f"the speech model {model} cannot be loaded: {error}; {ADVICE}") from error


def _listen(model: "WhisperModel", samples: NDArray[np.float32], abandoned: Callable[[], bool]) -> tuple[Segment, ...]:
    heard, _ = model.transcribe(
        samples,
        beam_size=_BEAMS,
        temperature=_TEMPERATURES,
        vad_filter=True,
        condition_on_previous_text=False,
    )
    segments = []
    for segment in heard:
        if abandoned():
            break
        if any(character.isalnum() for character in segment.text):
            segments.append(_segment(segment, len(samples) / RATE))
    return tuple(segments)


def _segment(heard: "HeardSegment", seconds: float) -> Segment:
    reading = Reading(
        text=heard.text.strip(),
        logprob=heard.avg_logprob,
        no_speech=heard.no_speech_prob,
        compression=heard.compression_ratio,
        temperature=heard.temperature or 0.0,
    )
    # Whisper guesses where a last segment ends, seconds past the end of a short clip.
    start, end = min(heard.start, seconds), min(heard.end, seconds)
    return Segment(start=start, end=end, text=reading.text, doubt=doubt(reading))
