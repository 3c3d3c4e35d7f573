"""Decoding in a child process, seen from the bot: the bot itself never parses a clip."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from bot.errors import ClipRejected, NoSoundTrack, SpeechError
from bot.speech.frames import PREFIX, Frame, opening
from bot.speech.limits import ClipLimits
from bot.speech.sound import FRAME_BYTES, RATE, Sound

_START_SECONDS = 60.0
# The child watches the clock between packets; it is killed where it has not noticed by then.
_GRACE_SECONDS = 2.0
_END_SECONDS = 0.5
_HEADER_BYTES = 1 << 16

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

    async def decode(self, data: bytes) -> Sound:
        """Return the sound of a clip.

        Raise ClipRejected where it has none or breaks a limit, SpeechError where the child cannot be started.
        """
        self._limits.admit(len(data))
        async with self._turn:
            process = await self._running()
            reply = await self._ask(process, Frame({}, data))
        return _sound(reply)

    async def close(self) -> None:
        """End the child; a later clip starts another."""
        async with self._turn:
            await self._end()

    async def _ask(self, process: Process, request: Frame) -> Frame:
        answered = False
        try:
            async with asyncio.timeout(self._limits.wall_seconds + _GRACE_SECONDS):
                reply = await self._exchange(process, request)
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
        return reply

    async def _exchange(self, process: Process, request: Frame) -> Frame:
        stdin = _open(process.stdin)
        stdin.write(opening(request))
        stdin.write(request.payload)
        await stdin.drain()
        return await self._receive(process)

    async def _receive(self, process: Process) -> Frame:
        stdout = _open(process.stdout)
        header_size, payload_size = PREFIX.unpack(await stdout.readexactly(PREFIX.size))
        # The child has parsed hostile bytes: what it says is held to the limits as well.
        if header_size > _HEADER_BYTES or payload_size > int(self._limits.max_seconds * RATE) * FRAME_BYTES:
            raise ValueError("the decoder's answer is larger than the limits allow")
        header = json.loads(await stdout.readexactly(header_size))
        return Frame(header, await stdout.readexactly(payload_size))

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
                await self._receive(process)
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
        env={"PYTHONPATH": os.pathsep.join(path)},
        limit=1 << 20,
        # Ctrl-C in a terminal is for the bot, which ends the child in its own time.
        start_new_session=True,
    )


def _open(stream: Stream | None) -> Stream:
    if stream is None:
        raise SpeechError("the decoder has no pipe to the bot")
    return stream


def _sound(reply: Frame) -> Sound:
    if "rejected" in reply.header:
        kind = NoSoundTrack if reply.header.get("no_track") else ClipRejected
        raise kind(str(reply.header["rejected"]))
    notes = reply.header.get("notes")
    return Sound(reply.payload, tuple(str(note) for note in notes) if isinstance(notes, list) else ())
