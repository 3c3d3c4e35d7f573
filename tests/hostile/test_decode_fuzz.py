"""Damaged clips through the real decoding child: sound within the limits or a refusal, and the bot lives on."""

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ClipRejected
from bot.speech.decoder_process import DecoderProcess
from tests.hostile import fuzz_decode
from tests.hostile.decoding import LIMITS, Tried, take
from tests.hostile.mutations import Edit, Kind, chosen, damaged, damages, real_clips

INPUTS = 700
MOST_DEATHS = 3


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_every_damaged_clip_is_sound_within_the_limits_or_refused_with_a_reason(loop: asyncio.Runner) -> None:
    decoder, tried = DecoderProcess(LIMITS), Tried()

    @settings(max_examples=INPUTS, deadline=None, database=None)
    @given(st.one_of(damages.map(lambda damage: damaged(*damage)), st.binary(min_size=1, max_size=2000)))
    def law(data: bytes) -> None:
        if data:
            loop.run(take(decoder, data, tried))

    loop.run(decoder.start())
    try:
        law()
    finally:
        loop.run(decoder.close())

    assert tried.inputs >= INPUTS * 0.9
    assert tried.heard, "not all are damaged beyond hearing"
    assert tried.refused
    assert tried.deaths <= MOST_DEATHS, "a clip costs the child its life where nothing else helps, not as a rule"


async def test_after_hundreds_of_damaged_clips_a_good_one_is_heard_as_before() -> None:
    decoder, tried, good = DecoderProcess(LIMITS), Tried(), real_clips()[-2]
    try:
        before = await decoder.decode(good)
        for number in range(200):
            await take(decoder, chosen(2, number), tried)
        after = await decoder.decode(good)
    finally:
        await decoder.close()

    assert after == before
    assert tried.inputs == 200


async def test_a_child_that_dies_at_a_clip_costs_that_clip_alone() -> None:
    decoder, good = DecoderProcess(LIMITS), real_clips()[-2]
    try:
        await decoder.start()
        assert decoder.pid is not None
        os.kill(decoder.pid, signal.SIGSTOP)
        waiting = asyncio.ensure_future(decoder.decode(good))
        await asyncio.sleep(0)
        os.kill(decoder.pid, signal.SIGKILL)
        with pytest.raises(ClipRejected, match="broke down"):
            await waiting
        assert (await decoder.decode(good)).tracks
    finally:
        await decoder.close()


def test_a_number_of_a_seed_is_always_the_same_clip() -> None:
    assert [chosen(7, number) for number in range(20)] == [chosen(7, number) for number in range(20)]
    assert chosen(7, 1) != chosen(8, 1)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_damage_changes_a_clip(kind: Kind) -> None:
    edit = Edit(kind, 0.5, 40, b"\x13\x37\x13\x37", 3)

    assert damaged(0, [edit]) != real_clips()[0]


async def test_the_command_counts_what_it_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert await fuzz_decode.fuzz(5, 10, 3) == 0

    assert "seed 3, 10 inputs" in capsys.readouterr().out


async def test_the_command_names_the_input_that_broke_something(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(
        decoder: DecoderProcess, data: bytes, tried: Tried, known: Sequence[bytes] = (chosen(3, 7),)
    ) -> None:
        tried.refused += 1
        if data in known:
            raise ZeroDivisionError

    monkeypatch.setattr(fuzz_decode, "take", broken)

    assert await fuzz_decode.fuzz(5, 10, 3) == 1

    assert "--seed 3 --first 7 --inputs 1" in capsys.readouterr().out
