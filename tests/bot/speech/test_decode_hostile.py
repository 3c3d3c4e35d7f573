import itertools
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from bot.errors import ClipRejected, NoSoundTrack
from bot.speech.decoder_process import DecoderProcess
from bot.speech.limits import ClipLimits

LOCAL_FILE = "/etc/hostname"


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def open_files(pid: int) -> tuple[int, int]:
    """Return how many open files a process may have, and how many it has."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    allowed = next(int(line.split()[3]) for line in lines if line.startswith("Max open files"))
    return allowed, len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.fixture
async def bounded(decoder):
    """Decode in a child; assert that no clip cost more than seconds and 300 MB, nor the child's life."""
    await decoder.start()
    pid, started = decoder.pid, time.monotonic()
    yield decoder
    assert time.monotonic() - started < 15
    assert decoder.pid == pid
    assert peak_megabytes(pid) < 300


async def test_two_hours_of_speech_are_cut_at_the_limit_within_seconds(looped):
    decoder = DecoderProcess(ClipLimits(max_bytes=40 << 20))
    data = looped(7200)
    await decoder.start()
    started = time.monotonic()

    sound = await decoder.decode(data)

    assert len(data) > 25_000_000
    assert (sound.seconds, sound.notes) == (600, ("only the first 600 s were heard",))
    assert time.monotonic() - started < 10
    assert peak_megabytes(decoder.pid) < 200
    await decoder.close()


async def test_memory_does_not_grow_with_the_clip(bounded, opus_bomb):
    await bounded.decode(opus_bomb(1))
    short = peak_megabytes(bounded.pid)

    await bounded.decode(opus_bomb(19))

    assert peak_megabytes(bounded.pid) < short + 10


async def test_an_ogg_that_unpacks_to_two_hours_is_cut_at_the_limit(bounded, opus_bomb):
    bomb = opus_bomb(240)
    assert len(bomb) < 250_000

    sound = await bounded.decode(bomb)

    assert (sound.seconds, sound.notes) == (600, ("only the first 600 s were heard",))


async def test_a_flac_that_unpacks_to_much_more_is_cut_at_the_limit(bounded, encode):
    bomb = encode("flac", "flac", rate=8000, seconds=900, level=0)
    assert len(bomb) * 80 < 900 * 8000 * 2

    sound = await bounded.decode(bomb)

    assert (sound.seconds, sound.notes) == (600, ("only the first 600 s were heard",))


async def test_an_mp4_that_unpacks_to_much_more_is_cut_at_the_limit(bounded, encode):
    bomb = encode("mp4", "aac", rate=8000, seconds=900, level=0)
    assert len(bomb) < 100_000

    sound = await bounded.decode(bomb)

    assert (sound.seconds, sound.notes) == (600, ("only the first 600 s were heard",))


@pytest.mark.parametrize("codec", [b"twos", b"mp4a", b"alaw", b"alac"])
async def test_an_mp4_whose_tables_claim_billions_of_samples_costs_little(bounded, quicktime, codec):
    for count, size in itertools.product((5_000_000, 2**31 - 1, 2**32 - 1), (0, 1, 2, 2**31 - 1)):
        try:
            sound = await bounded.decode(quicktime(count, bytes(32_000), size=size, codec=codec))
        except ClipRejected:
            continue
        assert sound.seconds < 10
        # All ones is a length that is not known.
        assert sound.notes or count == 2**32 - 1


@pytest.mark.parametrize("kind", ["wav", "raw"])
async def test_25_mb_of_noise_are_heard_or_refused(bounded, kind):
    noise = np.random.default_rng(1).bytes((25 << 20) - 44)
    if kind == "wav":
        form = struct.pack("<IHHIIHH", 16, 1, 2, 48_000, 192_000, 4, 16)
        head = b"RIFF" + struct.pack("<I", len(noise) + 36) + b"WAVEfmt " + form + b"data"
        sound = await bounded.decode(head + struct.pack("<I", len(noise)) + noise)
        assert (sound.seconds, sound.notes) == (pytest.approx(136.5, abs=0.1), ())
    else:
        with pytest.raises(ClipRejected):
            await bounded.decode(noise)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{0}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:{1}/a.ogg\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{0}'\n",
        "ffconcat version 1.0\nfile 'http://127.0.0.1:{1}/a.ogg'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {1} RTP/AVP 0\n",
        "[playlist]\nFile1={0}\nNumberOfEntries=1\n",
        "<?xml version='1.0'?><MPD><Period><BaseURL>http://127.0.0.1:{1}/</BaseURL></Period></MPD>",
    ],
)
async def test_a_playlist_dressed_as_a_clip_is_refused_and_nothing_is_opened(bounded, listening, text):
    for dress in (b"", b"OggS"):
        with pytest.raises(ClipRejected):
            await bounded.decode(dress + text.format(LOCAL_FILE, listening.port).encode())

    assert listening.calls == []


async def test_a_child_can_open_neither_file_nor_socket(bounded):
    allowed, held = open_files(bounded.pid)

    assert allowed == 0
    assert held <= 4


async def test_a_video_without_sound_has_no_sound_track(bounded, clip_bytes):
    with pytest.raises(NoSoundTrack):
        await bounded.decode(clip_bytes("no_sound.mp4"))


async def test_a_hundred_sound_tracks_are_told_in_a_few_words(bounded, encode):
    sound = await bounded.decode(encode("matroska", "pcm_s16le", rate=8000, seconds=0.2, pitches=range(200, 320)))

    assert len(sound.tracks) == 3
    assert sound.notes == ("117 more sound track(s) were not heard",)


async def test_mutated_clips_are_heard_or_refused_and_never_hang(clip_bytes, encode, opus_bomb):
    decoder = DecoderProcess(ClipLimits(max_seconds=20, wall_seconds=5))
    seeds = [clip_bytes(f"well_played.{ending}") for ending in ("ogg", "flac", "mp3", "m4a", "webm", "mp4")]
    seeds += [clip_bytes("well_played.wav")[:9000], opus_bomb(1), encode("mov", "alac", rate=8000, seconds=1)]
    random = np.random.default_rng(5)
    await decoder.start()
    pid = decoder.pid
    for number in range(270):
        try:
            sound = await decoder.decode(mutated(random, seeds[number % len(seeds)]))
        except ClipRejected as error:
            assert "takes more than" not in str(error), number
            continue
        assert 0 < sound.seconds <= 20
    assert decoder.pid == pid
    assert peak_megabytes(pid) < 300
    await decoder.close()


def mutated(random: np.random.Generator, data: bytes) -> bytes:
    changed = bytearray(data)
    # Half of the changes hit the head, where the structure is.
    for _ in range(random.integers(1, 12)):
        place = int(random.integers(0, len(changed) if random.random() < 0.5 else min(400, len(changed))))
        changed[place] = int(random.choice([0, 0x7F, 0x80, 0xFF, random.integers(0, 256)]))
    if random.random() < 0.3:
        start, size = random.integers(0, len(changed), 2)
        del changed[start : start + size // 4]
    return bytes(changed) or b"\0"
