"""What figures depend on besides the code: the machine, the models, the libraries and the voices."""

import os
from collections.abc import Mapping
from importlib.metadata import version

from benchmarks.machine import processor
from benchmarks.voice.trials import Speakers

_LIBRARIES = ("faster-whisper", "ctranslate2", "onnxruntime")


def circumstances(speech_model: str, classifier: str, speakers: Speakers) -> dict[str, object]:
    """Return what a reader needs to compare two measurements."""
    return {
        "machine": {"processor": processor(), "cores": os.cpu_count() or 1},
        "speech_model": speech_model,
        "classifier": classifier,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "clear_voices": [voice.name for voice in speakers.clear],
        "rough_voices": [voice.name for voice in speakers.rough],
    }


def told(facts: Mapping[str, object]) -> list[str]:
    """Return the circumstances as lines to print."""
    return [f"{name.replace('_', ' ')}: {_said(value)}" for name, value in facts.items()]


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
