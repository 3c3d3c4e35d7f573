"""A transcriber that hears the same in every clip, in the place of the real one."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.domain import Clip, Transcript
from bot.settings import Settings
from tests.fakes.chat import heard

HEARD = "you worthless idiot"


class Parrot:
    """Hear in two slices something clean, then something rude."""

    load = None

    async def listen(
        self, clip: Clip, *, community: str = "", words: Sequence[str] = ()
    ) -> AsyncGenerator[Transcript, None]:
        """Yield both slices."""
        yield heard("well played")
        yield heard(HEARD)


@asynccontextmanager
async def open_scripted(settings: Settings) -> AsyncIterator[Parrot | None]:
    """Hand out the parrot where speech is switched on."""
    yield Parrot() if settings.speech else None
