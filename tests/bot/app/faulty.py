"""The bot with faults of every kind in it, each of which has content in its hands when it happens."""

import asyncio
import logging
import threading
import warnings

import discord

from bot.app import setup
from bot.app.client import RefereeBot

MARK = "fault:"
_log = logging.getLogger("bot.faulty")


class _Odd:
    """Hold content in its repr, as many objects of the library do."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"<Odd {self.text}>"

    def __call__(self, *_arguments: object) -> None:
        raise ValueError(self.text)


async def _fails(text: str) -> None:
    raise RuntimeError(text)


async def _faults(bot: RefereeBot) -> None:
    async def on_message(message: discord.Message) -> None:
        text = message.content
        if not text.startswith(MARK):
            return
        loop = asyncio.get_running_loop()
        # A task whose error nobody looks at, a callback with content in its arguments, a thread, and a warning.
        task = asyncio.create_task(_fails(text), name=text)
        await asyncio.wait({task})
        del task
        loop.call_soon(_Odd(text), text)
        thread = threading.Thread(target=_Odd(text), name=text)
        thread.start()
        thread.join()
        warnings.warn(text, stacklevel=1)
        # Records that cannot be formatted, and an error with another one behind it.
        _log.error("%d of this", text)
        logging.getLogger("a.library").error("it was doing %s with %r", text, _Odd(text))
        logging.getLogger("a.library").error(f"it was doing <{text}>")
        logging.getLogger("a.library").debug("payload %s", text)
        try:
            try:
                raise KeyError(text)
            except KeyError as error:
                raise OSError(5, "input or output", text) from error
        except OSError:
            _log.exception("message %d was not handled", message.id)
        raise ValueError(text)

    bot.add_listener(on_message)


def main() -> None:
    """Run `referee run` with the faults in it."""
    setup.STEPS = (*setup.STEPS, _faults)
    from bot.cli import main as referee

    referee()
