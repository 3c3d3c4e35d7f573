from pathlib import Path

import numpy as np
import pytest

from benchmarks.voice.lines import Line, read_lines
from benchmarks.voice.recording import RATE, silence
from benchmarks.voice.trials import Speakers
from benchmarks.voice.voices import SPEEDS, Voice, find_voices, spoken
from bot.errors import InputError


async def nothing(text: str, speed: float):
    return silence(len(text) / speed / 10)


VOICES = tuple(Voice(name, clear, nothing) for name, clear in (("ann", True), ("ben", True), ("robot", False)))


@pytest.fixture
def no_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_synthesiser_that_is_missing_is_told_with_how_to_get_it(no_commands: Path) -> None:
    voices, missing = find_voices(["hibari", "flite-slt", "espeak-en-us"])

    assert [voice.name for voice in voices] == ["hibari"]
    assert missing == (
        "flite is not here, so it does not speak: install flite, as with apt install flite",
        "espeak-ng is not here, so it does not speak: install espeak-ng, as with apt install espeak-ng",
    )


def test_without_any_voice_the_error_says_how_to_get_one(no_commands: Path) -> None:
    with pytest.raises(InputError, match=r"no voice is here.*flite is not here.*apt install flite"):
        find_voices(["flite-slt"])


def test_a_voice_that_nobody_knows_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(InputError, match=r"there is no voice parrot; the voices are hibari, piper-joe"):
        find_voices(["hibari", "parrot"])


async def test_a_command_that_fails_is_an_error_with_what_it_said(no_commands: Path) -> None:
    script = no_commands / "flite"
    script.write_text("#!/bin/sh\necho no such voice >&2\nexit 3\n", encoding="utf-8")
    script.chmod(0o755)
    [voice], _ = find_voices(["flite-slt"])

    with pytest.raises(InputError, match=r"flite does not speak \(no such voice\)"):
        await voice.speak("hello", 1.0)


async def test_hibari_speaks_the_same_line_in_the_same_way_and_faster_when_asked() -> None:
    [voice], _ = find_voices(["hibari"])

    one, again, fast = [await voice.speak("kill the mid laner", speed) for speed in (1.0, 1.0, 1.25)]

    assert np.array_equal(one, again)
    assert len(fast) < len(one)
    assert 0.8 < len(one) / RATE < 4


async def test_who_speaks_a_line_and_how_fast_depends_on_its_number_alone() -> None:
    cast = [await spoken(line, VOICES) for line in read_lines()]
    again = await spoken(Line(17, "clean", "something else"), VOICES)

    assert (again.voice, again.speed) == (cast[17].voice, cast[17].speed)
    assert {(each.voice.name, each.speed) for each in cast} == {
        (voice.name, speed) for voice in VOICES for speed in SPEEDS
    }


@pytest.mark.parametrize(
    ("voices", "clear", "rough"),
    [(VOICES, ["ann", "ben"], ["robot"]), (VOICES[2:], ["robot"], []), (VOICES[:1], ["ann"], [])],
)
def test_where_no_voice_is_clear_the_rough_ones_take_its_place(voices, clear: list[str], rough: list[str]) -> None:
    speakers = Speakers.of(voices)

    assert [voice.name for voice in speakers.clear] == clear
    assert [voice.name for voice in speakers.rough] == rough
