import asyncio
import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing

import av
import numpy as np
import pytest
import pytest_asyncio

from bot.domain import Clip, Transcript
from bot.errors import ClipRejected, SpeechError, SpeechModelMissing
from bot.speech.ears import EarSettings
from bot.speech.limits import ClipLimits
from bot.speech.transcriber import WhisperTranscriber
from bot.spoken import joined

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS = np.arange(5 * 16_000) / 16_000
RANDOM = np.random.default_rng(7)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transcriber():
    transcriber = WhisperTranscriber(limits=ClipLimits(max_seconds=20))
    yield transcriber
    await transcriber.close()


@pytest.fixture
def hear(transcriber, clip_bytes):
    async def hear(name, data=None):
        return await whole(transcriber, Clip(name, data or clip_bytes(name)))

    return hear


async def whole(transcriber: WhisperTranscriber, clip: Clip) -> Transcript:
    async with aclosing(transcriber.listen(clip)) as slices:
        return joined([heard async for heard in slices])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("well_played.ogg", ["good game everyone", "well played"]),
        ("well_played.mp4", ["good game everyone", "well played"]),
        ("push_left.ogg", ["north gate", "push the left lane"]),
        ("worthless.ogg", ["you are a worthless idiot", "uninstall the game"]),
    ],
)
async def test_clear_speech_is_heard_with_little_doubt(hear, name, words):
    transcript = await hear(name)

    assert all(part in transcript.text.lower() for part in words)
    assert transcript.doubt < 0.4
    assert transcript.doubt == max(segment.doubt for segment in transcript.segments)
    assert transcript.complete
    assert transcript.notes == ()


async def test_segments_lie_inside_the_clip_in_order(hear):
    transcript = await hear("push_left.ogg")

    times = [time for segment in transcript.segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= transcript.seconds
    assert transcript.seconds == pytest.approx(3.2, abs=0.1)


async def test_the_same_clip_is_heard_the_same_twice(hear):
    assert await hear("worthless.ogg") == await hear("worthless.ogg")


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros_like(SECONDS),
        0.3 * np.sin(2 * np.pi * 440 * SECONDS),
        RANDOM.normal(0, 0.1, SECONDS.size),
        0.3 * np.sin(2 * np.pi * (200 + 200 * SECONDS) * SECONDS),
    ],
    ids=["silence", "tone", "noise", "sweep"],
)
async def test_where_nobody_speaks_no_text_is_sure(hear, wav, samples):
    transcript = await hear("sound.wav", wav(samples))

    assert all(segment.doubt > 0.6 for segment in transcript.segments)
    assert transcript.seconds == 5


async def test_speech_turned_upside_down_in_one_channel_is_still_heard(hear, clip_bytes, wav):
    voice = np.frombuffer(clip_bytes("well_played.wav")[44:], "<i2") / 32768

    transcript = await hear("sound.wav", wav([voice, -voice]))

    assert "good game" in transcript.text.lower()


async def test_what_lies_behind_a_damaged_packet_is_heard_and_the_damage_noted(hear, with_bad_packet):
    transcript = await hear("push_left.ogg", with_bad_packet(1))

    assert "push the left lane" in transcript.text.lower()
    assert not transcript.complete
    assert transcript.notes == ("1 damaged packet(s) were skipped",)


async def test_a_bomb_is_heard_to_the_limit_and_marked_incomplete(hear, opus_bomb):
    transcript = await hear("bomb.ogg", opus_bomb(20))

    assert transcript.seconds == 20
    assert not transcript.complete
    assert transcript.notes == ("only the first 20 s were heard",)


async def test_a_refused_clip_does_not_stop_the_next(hear):
    with pytest.raises(ClipRejected, match="not audio"):
        await hear("words.ogg", b"these are just words")

    assert (await hear("well_played.ogg")).text


async def test_the_event_loop_stays_free_while_a_clip_is_heard(hear):
    turns = 0
    running = asyncio.create_task(hear("push_left.ogg"))
    while not running.done():
        turns += 1
        await asyncio.sleep(0.005)

    assert turns > 10
    assert (await running).text


async def test_a_cancelled_clip_does_not_stop_the_next(hear):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await hear("push_left.ogg")

    assert (await hear("well_played.ogg")).text


async def test_no_file_is_made_on_the_way(hear, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)

    await hear("well_played.ogg")

    assert list(tmp_path.iterdir()) == []


async def test_a_missing_model_is_named_with_what_to_do(clip_bytes, tmp_path):
    transcriber = WhisperTranscriber(EarSettings(str(tmp_path)))

    with pytest.raises(SpeechModelMissing, match="REFEREE_SPEECH_MODEL"):
        await whole(transcriber, Clip("clip.ogg", clip_bytes("well_played.ogg")))

    await transcriber.close()


@pytest.mark.parametrize("weights", [b"", b"not a model"])
async def test_a_damaged_model_is_named_with_what_to_do(clip_bytes, tmp_path, weights):
    (tmp_path / "model.bin").write_bytes(weights)
    transcriber = WhisperTranscriber(EarSettings(str(tmp_path)))

    with pytest.raises(SpeechModelMissing, match=r"cannot be loaded.*REFEREE_SPEECH_MODEL"):
        await whole(transcriber, Clip("clip.ogg", clip_bytes("well_played.ogg")))

    await transcriber.close()


async def test_importing_the_transcriber_loads_no_speech_library():
    code = "import sys, bot.speech.transcriber; print(*{'av', 'faster_whisper', 'ctranslate2'} & set(sys.modules))"

    loaded = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", code], text=True)

    assert loaded.strip() == ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient():
    transcriber = WhisperTranscriber(limits=ClipLimits(max_seconds=120))
    yield transcriber
    await transcriber.close()


def samples(data: bytes):
    with av.open(io.BytesIO(data)) as file:
        resampler = av.AudioResampler("s16", "mono", 16_000)
        frames = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]) / 32768


async def test_a_long_clip_is_heard_slice_by_slice_and_times_are_those_of_the_clip(patient, clip_bytes, wav):
    said = [samples(clip_bytes(name)) for name in ("well_played.ogg", "push_left.ogg", "worthless.ogg")]
    pause = np.zeros(3 * 16_000)
    parts = [part for _ in range(3) for each in said for part in (pause, each)]
    heard = []

    async with aclosing(patient.listen(Clip("long.wav", wav(np.concatenate(parts))))) as slices:
        async for transcript in slices:
            heard.append(transcript)

    assert len(heard) > 1
    ends = np.cumsum([len(part) for part in parts]) / 16_000
    worthless = [segment.start for segment in joined(heard).segments if "worthless" in segment.text.lower()]
    assert worthless == pytest.approx([ends[4], ends[10], ends[16]], abs=1)


async def test_the_first_slice_is_there_before_the_last_was_heard(patient, clip_bytes, wav):
    said = samples(clip_bytes("worthless.ogg"))
    long = wav(np.concatenate([said, np.zeros(16_000)] * 12))

    before = patient.load.clips

    async with aclosing(patient.listen(Clip("long.wav", long))) as slices:
        first = await anext(slices)

    assert first.seconds > 40
    assert "worthless idiot" in first.text.lower()
    assert first.segments[-1].end < 20
    assert (patient.load.waiting, patient.load.clips) == (0, before)


async def test_what_is_said_on_a_second_track_is_heard_and_marked(patient, two_tracks):
    transcript = await whole(patient, Clip("two.mka", two_tracks))

    assert {(segment.track, "worthless" in segment.text.lower()) for segment in transcript.segments} == {
        (0, False),
        (1, True),
    }


async def test_whatever_the_speech_libraries_raise_costs_one_clip(patient, clip_bytes, monkeypatch):
    clip = Clip("clip.ogg", clip_bytes("well_played.ogg"))

    def broken(*_, **__):
        raise MemoryError("secret words")

    with monkeypatch.context() as patched:
        patched.setattr("bot.speech.ears.Ears.hear", broken)
        with pytest.raises(SpeechError, match="broke down on it: MemoryError") as raised:
            await whole(patient, clip)

    assert "secret" not in str(raised.value)
    assert "good game" in (await whole(patient, clip)).text.lower()


async def test_closing_ends_what_is_being_heard_and_what_waits(clip_bytes):
    transcriber = WhisperTranscriber()
    hearing = [asyncio.create_task(whole(transcriber, Clip("clip.ogg", clip_bytes("push_left.ogg")))) for _ in range(6)]
    await asyncio.sleep(0)

    await transcriber.close()

    ended = await asyncio.gather(*hearing, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended)


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_a_model_that_nobody_needs_is_let_go_and_loaded_again(clip_bytes):
    transcriber = WhisperTranscriber(idle_s=0.0)
    clip = Clip("clip.ogg", clip_bytes("well_played.ogg"))

    first = await whole(transcriber, clip)
    async with asyncio.timeout(20):
        await until(lambda: not transcriber.is_loaded)
    second = await whole(transcriber, clip)

    assert first == second
    await transcriber.close()


@pytest.fixture(scope="module")
def two_tracks(clip_bytes) -> bytes:
    """Make a Matroska file with one voice on its first track and another on its second."""
    held = io.BytesIO()
    names = ("push_left.ogg", "worthless.ogg")
    with av.open(held, "w", format="matroska") as file:
        tracks = [file.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in names]
        for track, name in zip(tracks, names, strict=True):
            pcm = (samples(clip_bytes(name)) * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            frame.sample_rate = 16_000
            file.mux(track.encode(frame))
            file.mux(track.encode(None))
    return held.getvalue()
