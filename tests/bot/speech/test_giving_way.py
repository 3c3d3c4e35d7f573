import asyncio
import ctypes
import os
import subprocess
import sys
import threading
from contextlib import aclosing

import psutil
import pytest

import bot.speech.transcriber
from bot.domain import Clip
from bot.speech.ears import Ears
from bot.speech.leftover import give_back
from bot.speech.transcriber import WhisperTranscriber
from classifier import Batcher, BatcherLimits, Classifier, Verdict, load
from tests.classifier.tiny_model import build_model

CLIPS = ("well_played.ogg", "push_left.ogg", "worthless.ogg")


@pytest.fixture
async def transcriber():
    transcriber = WhisperTranscriber()
    yield transcriber
    await transcriber.close()


@pytest.fixture
def spied(monkeypatch):
    """Note for each call of a function in which thread it runs, and how nice that is."""

    def spied(owner, name: str) -> list[tuple[str, int]]:
        real, seen = getattr(owner, name), []

        def noted(*arguments, **more):
            nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            seen.append((threading.current_thread().name.split("_")[0], nice))
            return real(*arguments, **more)

        monkeypatch.setattr(owner, name, noted)
        return seen

    return spied


async def hear(transcriber: WhisperTranscriber, name: str, data: bytes, community: str) -> None:
    async with aclosing(transcriber.listen(Clip(name, data), community=community)) as slices:
        async for _ in slices:
            pass


async def hear_all(transcriber, clip_bytes) -> None:
    """Hand in clips of several servers at once."""
    await asyncio.gather(*(hear(transcriber, name, clip_bytes(name), name) for name in CLIPS))


async def test_hearing_has_one_thread_that_steps_back_and_takes_none_that_scores(
    transcriber, clip_bytes, spied, tmp_path
):
    own = os.getpriority(os.PRIO_PROCESS, 0)
    heard, scored = spied(Ears, "hear"), spied(Classifier, "score")
    answers = []

    async with Batcher(load(build_model(tmp_path), threads=2), BatcherLimits(cached=0)) as batcher:
        hearing = asyncio.create_task(hear_all(transcriber, clip_bytes))
        while not hearing.done():
            answers.append(await batcher.score(f"nice round {len(answers)}"))
        await hearing

    assert heard == [("speech", max(own, 10))] * len(CLIPS)
    assert set(scored) == {("referee-score", own)}
    assert all(isinstance(answer, Verdict) for answer in answers)


async def test_a_bot_that_is_nicer_than_that_already_hears_as_well(clip_bytes, spied, monkeypatch):
    monkeypatch.setattr(bot.speech.transcriber, "_NICER", os.getpriority(os.PRIO_PROCESS, 0) - 1)
    heard = spied(Ears, "hear")
    transcriber = WhisperTranscriber()

    await hear(transcriber, CLIPS[0], clip_bytes(CLIPS[0]), "")
    await transcriber.close()

    assert heard == [("speech", os.getpriority(os.PRIO_PROCESS, 0))]


async def test_clips_handed_in_at_once_share_one_model_and_one_decoder(transcriber, clip_bytes, spied):
    loaded = spied(Ears, "load")
    before = {child.pid for child in psutil.Process().children()}

    await hear_all(transcriber, clip_bytes)

    children = [child for child in psutil.Process().children() if child.pid not in before]
    assert len(loaded) == 1
    assert [child.cmdline()[-2] for child in children] == ["bot.speech.worker"]


async def test_memory_is_given_back_when_the_line_is_empty_not_after_each_clip(clip_bytes, spied):
    asked = spied(bot.speech.transcriber, "give_back")
    transcriber = WhisperTranscriber()

    await hear_all(transcriber, clip_bytes)
    await hear(transcriber, CLIPS[0], clip_bytes(CLIPS[0]), "later")
    await transcriber.close()

    assert [thread for thread, _ in asked] == ["speech", "speech"]


def test_what_the_c_library_keeps_between_pieces_in_use_is_given_back():
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    # Each too small for a mapping of its own.
    pieces = [libc.malloc(60_000) for _ in range(1000)]
    for piece in pieces:
        ctypes.memset(piece, 1, 60_000)
    # The last stays: what lies before it cannot be cut off the end.
    for piece in pieces[:-1]:
        libc.free(piece)
    kept = psutil.Process().memory_info().rss

    give_back()

    assert kept - psutil.Process().memory_info().rss > 40 << 20
    libc.free(pieces[-1])


async def test_the_decoding_child_loads_no_event_loop():
    code = "import sys, bot.speech.worker; print('asyncio' in sys.modules)"

    loaded = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", code], text=True)

    assert loaded.strip() == "False"
