"""Clips to transcripts with Whisper, on this machine."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from bot.domain import Clip, Transcript
from bot.errors import SpeechError
from bot.speech.decoder_process import DecoderProcess
from bot.speech.ears import Ears, EarSettings, Heard
from bot.speech.foreign import foreign_language
from bot.speech.leftover import give_back
from bot.speech.limits import ClipLimits
from bot.speech.line import Line, SpeechLoad
from bot.speech.models import OFFLINE
from bot.speech.slices import Read, Slice, slices
from bot.speech.sound import Sound
from bot.speech.words import hot_words

_NICER = 10
"""How far hearing steps back where text is to be scored: both want every core."""


class WhisperTranscriber:
    """Hear clips off the event loop, a slice at a time; the model is loaded for the first clip.

    `languages` are the codes of those that can be judged. The model is let go where nothing was heard for `idle_s`
    seconds, None keeps it.
    """

    def __init__(
        self,
        ears: EarSettings | None = None,
        *,
        limits: ClipLimits | None = None,
        languages: frozenset[str] = frozenset({"en"}),
        idle_s: float | None = None,
    ) -> None:
        self._settings = ears or EarSettings(OFFLINE)
        self._languages = languages
        self._decoder = DecoderProcess(limits or ClipLimits())
        self._line = Line()
        # One thread: where a caller is cancelled, what still runs there holds up the next clip.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="speech", initializer=_step_back)
        self._ears: Ears | None = None
        self._idle_s = idle_s
        self._idle: asyncio.TimerHandle | None = None
        self._resting: asyncio.Task[None] | None = None
        self._closing = threading.Event()

    @property
    def load(self) -> SpeechLoad:
        """Return how much there is to be heard, and how much was."""
        return self._line.load

    @property
    def is_loaded(self) -> bool:
        """Tell whether a model is in memory."""
        return self._ears is not None

    async def listen(
        self, clip: Clip, *, community: str = "", words: Sequence[str] = ()
    ) -> AsyncGenerator[Transcript, None]:
        """Yield what is heard in the clip, slice after slice, at least one; no segments where nobody speaks.

        Raise ClipRejected where it is not usable audio, SpeechModelMissing where there is no model, SpeechError where
        the decoder cannot be started or the model breaks down.
        """
        self._stay_awake()
        try:
            async with self._line.clip(community) as name:
                async with self._going_on(self._line.decoding(community, name)):
                    sound = await self._decoder.decode(clip.data)
                hearing = _Hearing(sound, hot_words(words), self._languages)
                while not hearing.is_over:
                    async with self._going_on(self._line.turn(community, name)):
                        heard = await self._in_thread(hearing)
                    if heard is not None:
                        yield heard
                self._line.note(sound.seconds)
        finally:
            if not self._line.load.waiting:
                self._give_back()
            self._rest_when_idle()

    async def close(self) -> None:
        """Cut off the clip at hand and those that wait, end the decoder and let go of the model."""
        self._closing.set()
        self._stay_awake()
        await asyncio.to_thread(self._thread.shutdown)
        await self._rest()

    @asynccontextmanager
    async def _going_on(self, turn: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
        """Take a turn; raise CancelledError while closing.

        A clip that was cut off is neither clean nor broken: nobody judged it.
        """
        async with turn:
            self._raise_if_closing()
            yield
            self._raise_if_closing()

    def _raise_if_closing(self) -> None:
        if self._closing.is_set():
            raise asyncio.CancelledError

    async def _in_thread(self, hearing: "_Hearing") -> Transcript | None:
        abandoned = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, hearing, abandoned)
        finally:
            abandoned.set()

    def _work(self, hearing: "_Hearing", abandoned: threading.Event) -> Transcript | None:
        try:
            # Held here as well: whoever lets go of an idle model does it from another thread.
            ears = self._ears = self._ears or Ears.load(self._settings)
            return hearing.next(ears, lambda: abandoned.is_set() or self._closing.is_set())
        except SpeechError:
            raise
        except Exception as error:
            # The libraries that hear raise whatever they like, and a clip must not stop the messages behind it.
            raise SpeechError(f"the speech model broke down on it: {type(error).__name__}") from error

    def _stay_awake(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _rest_when_idle(self) -> None:
        if self._idle_s is not None and not self._line.load.waiting and not self._closing.is_set():
            self._stay_awake()
            self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._begin_rest)

    def _begin_rest(self) -> None:
        self._resting = asyncio.create_task(self._rest())

    async def _rest(self) -> None:
        """Let go of the model and end the decoder; the next clip gets others."""
        self._ears = None
        await self._decoder.close()
        self._give_back()

    def _give_back(self) -> None:
        if not self._closing.is_set():
            self._thread.submit(give_back)


class _Hearing:
    """Hear one clip, a slice at a time, one track after the other."""

    def __init__(self, sound: Sound, words: str, languages: frozenset[str]) -> None:
        self._sound, self._words, self._languages = sound, words, languages
        self._slices = self._plan()
        self._said_any = False
        self.is_over = False

    def next(self, ears: Ears, abandoned: Callable[[], bool]) -> Transcript | None:
        """Return what is heard in the next slice, None where there is no more; the first call returns something."""
        found = next(self._slices, None)
        self.is_over = found is None
        if found is None:
            return None if self._said_any else self._transcript(Heard(()))
        track, read, piece = found
        self._said_any = True
        heard = ears.hear(read, piece, track=track, words=self._words, abandoned=abandoned)
        return self._transcript(heard, foreign_language(heard, piece.seconds, self._languages))

    def _plan(self) -> Iterator[tuple[int, Read, Slice]]:
        for track in range(len(self._sound.tracks)):
            read = partial(self._sound.samples, track)
            for piece in slices(read, self._sound.length(track)):
                yield track, read, piece

    def _transcript(self, heard: Heard, foreign: str = "") -> Transcript:
        return Transcript(
            segments=heard.segments,
            seconds=self._sound.seconds,
            doubt=max((segment.doubt for segment in heard.segments), default=0.0),
            complete=not self._sound.notes,
            notes=self._sound.notes,
            foreign=foreign,
            maybe=heard.maybe,
        )


def _step_back() -> None:
    """Let text be scored first where both want every core; the threads of the model are made here, and follow."""
    # Elsewhere than on Linux it is the whole process that would step back.
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # Only root may take a step forward, from where a whole bot that was started nicer still is.
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICER, os.getpriority(os.PRIO_PROCESS, thread)))
