"""Two hundred random kills under load, and more with `python -m tests.crash.soak`."""

import asyncio
import json
import random
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

from tests.crash.soak import soak
from tests.fakes.postgres import postgres_server
from tests.loopback.process import ROOT


@pytest.mark.parametrize("quarter", range(4))
async def test_after_two_hundred_random_kills_under_load_every_law_holds(quarter: int) -> None:
    figures = await soak(50, random.SystemRandom().getrandbits(31))

    assert figures.kills >= 50, f"in quarter {quarter}"
    assert figures.incidents >= figures.toxic > 25
    assert set(figures.actions) >= {"warn", "delete", "timeout", "kick"}, "the load reaches every action"


def test_on_postgresql_every_law_holds_as_well() -> None:
    with postgres_server() as server:
        settings = {
            "database_url": server.url(server.database()),
            "content_keys": Fernet.generate_key().decode(),
        }
        figures = asyncio.run(soak(15, random.SystemRandom().getrandbits(31), settings=settings))

    assert figures.kills == 15
    assert figures.incidents >= figures.toxic > 10


def test_the_soak_is_run_from_a_shell_and_prints_its_figures() -> None:
    command = (sys.executable, "-m", "tests.crash.soak", "--kills", "2", "--seed", "7", "--json")
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)  # noqa: S603

    assert json.loads(ran.stdout)["kills"] == 2
    assert "seed 7" in ran.stderr
    assert "all laws hold" in ran.stderr
