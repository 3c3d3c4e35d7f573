"""A process from which the bots of a test are forked."""

from collections.abc import AsyncIterator

import pytest

from tests.crash.herd import Herd


@pytest.fixture
async def herd() -> AsyncIterator[Herd]:
    """Fork bots."""
    async with Herd() as herd:
        yield herd
