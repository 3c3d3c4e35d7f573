"""Decoding in a child process, seen from the bot: the bot itself never parses a clip."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from bot.errors import ClipRejected, NoSoundTrack, SpeechError
from bot.speech.frames import Frame, opening, receive_frame
from bot.speech.limits import ClipLimits
from bot.speech.sound import RATE, SAMPLE_BYTES, Sound

_START_SECONDS = 60.0
# The child watches the clock between packets; it is killed where it has not noticed by then.
_GRACE_SECONDS = 2.0
_END_SECONDS = 0.5

Stream = TypeVar("Stream", asyncio.StreamReader, asyncio.StreamWriter)


class DecoderProcess:
    """Decode clips, one at a time, in a child that is started for the first clip and kept for the next.

    A child that crashes, hangs or is killed costs the clip it was at; the next clip gets a fresh one.
    """

    def __init__(self, limits: ClipLimits) -> None:
        self._limits = limits
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Return the process id of the child, None where none runs."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the child where none runs, so that the first clip need not wait for it.

        Raise SpeechError where it cannot be started.
        """
        async with self._turn:
            await self._running()

    async def decode(self, data: bytes) -> Sound:
        """Return the sound of a clip.

        Raise ClipRejected where it has none or breaks a limit, SpeechError where the child cannot be started.
        """
        self._limits.admit(len(data))
        async with self._turn:
            process = await self._running()
            return await self._ask(process, Frame({}, data))

    async def close(self) -> None:
        """End the child; a later clip starts another."""
        async with self._turn:
            await self._end()

    async def _ask(self, process: Process, request: Frame) -> Sound:
        answered = False
        try:
            async with asyncio.timeout(self._limits.wall_seconds + _GRACE_SECONDS):
                answer = await self._exchange(process, request)
            answered = True
        except TimeoutError as error:
            raise ClipRejected(f"takes more than {self._limits.wall_seconds:g} s to decode") from error
        except (EOFError, ConnectionError, ValueError) as error:
            status = await self._end()
            raise ClipRejected(f"the decoder broke down on it (exit status {status})") from error
        finally:
            # Also where the caller was cancelled: half an answer in the pipe would be read as the next clip's.
            if not answered:
                await self._end()
        return answer.sound()

    async def _exchange(self, process: Process, request: Frame) -> "Answer":
        stdin = _open(process.stdin)
        stdin.write(opening(request))
        stdin.write(request.payload)
        await stdin.drain()
        stdout, answer = _open(process.stdout), Answer(self._limits)
        while answer.ending is None:
            answer.take(await receive_frame(stdout, answer.room))
        return answer

    async def _running(self) -> Process:
        if self._process is not None and self._process.returncode is not None:
            await self._end()
        if self._process is None:
            try:
                self._process = await _start(self._limits)
            except OSError as error:
                raise SpeechError(f"the audio decoder cannot be started: {error}") from error
            await self._await_ready(self._process)
        return self._process

    async def _await_ready(self, process: Process) -> None:
        ready = False
        try:
            async with asyncio.timeout(_START_SECONDS):
                await receive_frame(_open(process.stdout), 0)
            ready = True
        except (TimeoutError, EOFError, ValueError) as error:
            status = await self._end()
            raise SpeechError(
                f"the audio decoder does not start (exit status {status});"
                " run `python -m bot.speech.worker '{}'` to see why"
            ) from error
        finally:
            if not ready:
                await self._end()

    async def _end(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        _open(process.stdin).close()
        # A child that is ending as it is tells its status once only: killing it at that moment would lose it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        # Reading the pipes to their end lets the event loop close them before it closes itself.
        await process.communicate()
        return process.returncode


async def _start(limits: ClipLimits) -> Process:
    # The child gets the import path and nothing else: no token and no key is in its environment.
    path = [str(Path(__file__).parents[2]), *(entry for entry in sys.path if entry)]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-B", "-m", "bot.speech.worker", json.dumps(asdict(limits))),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        # Each thread of numpy's would take address space from the little that there is.
        env={"PYTHONPATH": os.pathsep.join(path), "OPENBLAS_NUM_THREADS": "1"},
        limit=1 << 20,
        # Ctrl-C in a terminal is for the bot, which ends the child in its own time.
        start_new_session=True,
    )


def _open(stream: Stream | None) -> Stream:
    if stream is None:
        raise SpeechError("the decoder has no pipe to the bot")
    return stream


class Answer:
    """Put together what the child says of a clip; it has parsed hostile bytes, so it is held to the limits as well."""

    def __init__(self, limits: ClipLimits) -> None:
        self.room = int(limits.max_seconds * RATE) * SAMPLE_BYTES
        self.ending: Mapping[str, object] | None = None
        self._tracks = [bytearray() for _ in range(limits.max_tracks)]

    def take(self, frame: Frame) -> None:
        """Take the next frame; raise ValueError where it is not one that the child may send."""
        if "track" in frame.header:
            self._add(frame.header["track"], frame.payload)
        elif isinstance(frame.header.get("notes", frame.header.get("rejected")), list | str) and not frame.payload:
            self.ending = frame.header
        else:
            raise ValueError("the decoder's answer is neither sound nor an end")

    def sound(self) -> Sound:
        """Return the sound; raise ClipRejected where the child found none."""
        ending = self.ending or {}
        if "rejected" in ending:
            kind = NoSoundTrack if ending.get("no_track") is True else ClipRejected
            raise kind(str(ending["rejected"]))
        notes = ending.get("notes")
        # The same sound twice (a track for each language, say) need not be listened to twice.
        tracks = tuple(dict.fromkeys(bytes(track) for track in self._tracks if track))
        return Sound(tracks, tuple(str(note) for note in notes) if isinstance(notes, list) else ())

    def _add(self, number: object, piece: bytes) -> None:
        if not isinstance(number, int) or not 0 <= number < len(self._tracks):
            raise ValueError("the decoder's answer has more sound tracks than were asked for")
        track = self._tracks[number]
        track += piece
        if not piece or len(piece) % SAMPLE_BYTES or len(track) > self.room:
            raise ValueError("the decoder's answer has a piece of sound that is empty, cut or too long")
