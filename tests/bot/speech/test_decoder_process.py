import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from bot.errors import ClipRejected, SpeechError
from bot.speech.decoder_process import DecoderProcess
from bot.speech.limits import ClipLimits


def cpu_ticks(pid: int) -> int:
    return int(child_file(pid, "stat").rsplit(b")", 1)[1].split()[11])


def child_file(pid: int, name: str) -> bytes:
    return Path(f"/proc/{pid}/{name}").read_bytes()


@pytest.mark.parametrize("ending", ["ogg", "wav", "flac", "mp3", "m4a", "webm", "mp4"])
async def test_the_child_gives_the_same_sound_as_decoding_here(decoder, clip_bytes, hear, ending):
    data = clip_bytes(f"well_played.{ending}")

    assert await decoder.decode(data) == hear(data)


async def test_one_child_serves_many_clips(decoder, clip_bytes):
    assert decoder.pid is None
    await decoder.decode(clip_bytes("well_played.ogg"))
    first = decoder.pid

    with pytest.raises(ClipRejected, match="not audio"):
        await decoder.decode(b"not audio at all")
    await asyncio.gather(*(decoder.decode(clip_bytes(f"well_played.{end}")) for end in ("wav", "mp3", "mp4")))

    assert decoder.pid == first


async def test_no_child_is_started_for_a_clip_that_breaks_the_size_limit(decoder):
    with pytest.raises(ClipRejected, match="empty"):
        await decoder.decode(b"")
    with pytest.raises(ClipRejected, match="too large"):
        await decoder.decode(bytes(26 << 20))

    assert decoder.pid is None


async def test_a_child_killed_midway_costs_one_clip(decoder, clip_bytes):
    data = clip_bytes("well_played.ogg")
    whole = await decoder.decode(data)
    killed = decoder.pid
    os.kill(killed, signal.SIGSTOP)

    running = asyncio.create_task(decoder.decode(data))
    await asyncio.sleep(0)  # the request is in the pipe
    os.kill(killed, signal.SIGKILL)

    with pytest.raises(ClipRejected, match=r"broke down on it \(exit status -9\)"):
        await running
    assert await decoder.decode(data) == whole
    assert decoder.pid != killed


async def test_a_child_that_hangs_is_killed_after_the_wall_limit(clip_bytes):
    decoder = DecoderProcess(ClipLimits(wall_seconds=0.5))
    data = clip_bytes("well_played.wav")
    await decoder.decode(data)
    hung = decoder.pid
    os.kill(hung, signal.SIGSTOP)

    with pytest.raises(ClipRejected, match=r"takes more than 0\.5 s"):
        await decoder.decode(data)

    with pytest.raises(ProcessLookupError):
        os.kill(hung, 0)
    assert (await decoder.decode(data)).seconds > 2
    await decoder.close()


async def test_an_answer_that_nobody_waited_for_is_not_taken_for_the_next_clips(decoder, clip_bytes):
    await decoder.decode(clip_bytes("well_played.ogg"))
    os.kill(decoder.pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await decoder.decode(clip_bytes("well_played.ogg"))

    sound = await decoder.decode(clip_bytes("push_left.ogg"))

    assert sound.seconds > 3


async def test_the_child_is_started_ahead_and_only_once(decoder, clip_bytes):
    await asyncio.gather(decoder.start(), decoder.start())
    first = decoder.pid

    await decoder.decode(clip_bytes("well_played.ogg"))

    assert first is not None
    assert decoder.pid == first


async def test_a_child_that_dies_between_clips_costs_no_more_than_one(decoder, clip_bytes):
    await decoder.start()
    os.kill(decoder.pid, signal.SIGKILL)

    with contextlib.suppress(ClipRejected):
        await decoder.decode(clip_bytes("well_played.ogg"))

    assert (await decoder.decode(clip_bytes("well_played.ogg"))).seconds > 2


@pytest.mark.parametrize("end", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
async def test_a_clip_that_kills_the_decoder_costs_that_clip_alone(decoder, clip_bytes, opus_bomb, end):
    await decoder.start()
    killed = decoder.pid
    running = asyncio.create_task(decoder.decode(opus_bomb(20)))
    loop, used = asyncio.get_running_loop(), cpu_ticks(killed)
    while cpu_ticks(killed) < used + 3:
        # It is in the middle of the clip once it has worked for some hundredths of a second.
        await loop.run_in_executor(None, os.sched_yield)
    os.kill(killed, end)

    with pytest.raises(ClipRejected, match=rf"broke down on it \(exit status -{end.value}\)"):
        await running
    assert (await decoder.decode(clip_bytes("well_played.ogg"))).seconds > 2
    assert decoder.pid != killed


async def test_a_file_that_needs_more_memory_than_allowed_costs_one_clip(clip_bytes):
    decoder = DecoderProcess(ClipLimits(memory_mb=260))

    with pytest.raises(ClipRejected, match=r"needs more than 260 MB|broke down"):
        await decoder.decode(bytes(25 << 20))

    assert (await decoder.decode(clip_bytes("well_played.ogg"))).seconds > 2
    await decoder.close()


async def test_too_little_memory_is_not_taken_for_a_bad_file(clip_bytes):
    decoder = DecoderProcess(ClipLimits(memory_mb=1))

    with pytest.raises(ClipRejected, match=r"needs more than 1 MB|broke down"):
        await decoder.decode(clip_bytes("well_played.ogg"))

    await decoder.close()


async def test_the_child_cannot_write_files_and_has_its_cost_bounded(decoder, clip_bytes):
    await decoder.decode(clip_bytes("well_played.ogg"))

    lines = child_file(decoder.pid, "limits").decode().splitlines()
    soft = {line[:26].strip(): line[26:].split()[0] for line in lines}

    assert soft["Max file size"] == "0"
    assert soft["Max core file size"] == "0"
    assert soft["Max open files"] == "0"
    assert soft["Max address space"] == str(400 << 20)
    assert 20 <= int(soft["Max cpu time"]) <= 25


async def test_the_child_sees_no_secret_of_the_bot(decoder, clip_bytes, monkeypatch):
    monkeypatch.setenv("REFEREE_CONTENT_KEY", "secret")
    await decoder.decode(clip_bytes("well_played.ogg"))

    environment = child_file(decoder.pid, "environ")

    assert environment.startswith(b"PYTHONPATH=")
    assert b"secret" not in environment


async def test_closing_leaves_no_process_behind_and_may_be_repeated(decoder, clip_bytes):
    await decoder.decode(clip_bytes("well_played.ogg"))
    pid = decoder.pid

    await decoder.close()
    await decoder.close()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert decoder.pid is None


async def test_a_child_that_cannot_start_is_not_blamed_on_the_clip(decoder, clip_bytes, monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(SpeechError, match=r"does not start \(exit status 1\)") as caught:
        await decoder.decode(clip_bytes("well_played.ogg"))

    assert not isinstance(caught.value, ClipRejected)
    assert decoder.pid is None


async def test_a_missing_interpreter_is_not_blamed_on_the_clip(decoder, clip_bytes, monkeypatch):
    monkeypatch.setattr("sys.executable", "/no/such/python")

    with pytest.raises(SpeechError, match="cannot be started") as caught:
        await decoder.decode(clip_bytes("well_played.ogg"))

    assert not isinstance(caught.value, ClipRejected)
