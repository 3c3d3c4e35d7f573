"""The bot with a fault: it keeps its event loop from turning when somebody says so."""

import time

import discord

from bot.app import setup
from bot.app.client import RefereeBot

WORD = "stall now"
_LONG_S = 60.0


async def _stalls(bot: RefereeBot) -> None:
    async def on_message(message: discord.Message) -> None:
        if message.content == WORD:
            time.sleep(_LONG_S)  # noqa: ASYNC251 - that is the fault

    bot.add_listener(on_message)


def main() -> None:
    """Run `referee run` with the fault in it."""
    setup.STEPS = (*setup.STEPS, _stalls)
    from bot.cli import main as referee

    referee()
