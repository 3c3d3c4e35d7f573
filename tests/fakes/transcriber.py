"""A transcriber that follows a script."""

from collections.abc import Mapping

from bot.domain import Clip, Transcript
from bot.errors import SpeechError


class ScriptedTranscriber:
    """Hear in each clip, by its name, what the script says; an error in the script is raised."""

    def __init__(self, script: Mapping[str, Transcript | SpeechError]) -> None:
        self._script = script
        self.asked: list[str] = []

    async def transcribe(self, clip: Clip) -> Transcript:
        """Return the transcript of that name."""
        self.asked.append(clip.name)
        heard = self._script[clip.name]
        if isinstance(heard, SpeechError):
            raise heard
        return heard
