"""A transcriber that follows a script."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

from bot.domain import Clip, Transcript
from bot.errors import SpeechError

Heard = Transcript | SpeechError | asyncio.Event
"""A slice; an error, which is raised; or an event, which is waited for before the next slice."""
Script = Mapping[str, Heard | Sequence[Heard]]


class ScriptedTranscriber:
    """Hear in each clip, by its name, what the script says; `script` may be added to.

    `asked` are the clips so far, `expected` for whom each was heard and with which words, `left` those that were not
    listened to up to their end.
    """

    def __init__(self, script: Script) -> None:
        self.script: dict[str, Heard | Sequence[Heard]] = dict(script)
        self.asked: list[str] = []
        self.expected: list[tuple[str, tuple[str, ...]]] = []
        self.left: list[str] = []

    async def listen(
        self, clip: Clip, *, community: str = "", words: Sequence[str] = ()
    ) -> AsyncGenerator[Transcript, None]:
        """Yield the slices of the clip of that name."""
        self.asked.append(clip.name)
        self.expected.append((community, tuple(words)))
        written = self.script[clip.name]
        try:
            for heard in written if isinstance(written, Sequence) else (written,):
                if isinstance(heard, asyncio.Event):
                    await heard.wait()
                elif isinstance(heard, SpeechError):
                    raise heard
                else:
                    yield heard
        except GeneratorExit:
            self.left.append(clip.name)
            raise
