"""Fixtures for tests that need a Discord; import them into a `conftest.py`."""

from collections.abc import AsyncIterator

import pytest

from tests.loopback.world import World


@pytest.fixture
async def discord_world() -> AsyncIterator[World]:
    """Serve a Discord with one guild, Arena, in which the bot is already a member."""
    async with World() as world:
        yield world
