"""What figures depend on besides the code: the machine, the models, the libraries and the voices."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.voice.trials import Speakers

_LIBRARIES = ("faster-whisper", "ctranslate2", "onnxruntime")
_CPU_INFO = Path("/proc/cpuinfo")


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


def processor(info: Path = _CPU_INFO) -> str:
    """Return the name of this machine's processor, as far as it tells."""
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
