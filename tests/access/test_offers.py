"""What is offered while somebody types: to moderators alone, and of their own server alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.access.ground import Ground, open_ground
from tests.access.rules import OFFERS


async def offered(ground: Ground, person: str, command: str, option: str) -> list[Any]:
    root, sub = command.split()
    kind = 4 if option == "id" else 3
    typed = {"name": option, "type": kind, "value": "", "focused": True}
    data = {"id": "1", "name": root, "type": 1, "options": [{"name": sub, "type": 1, "options": [typed]}]}
    return list((await ground.use(person, ground.arena, 4, data)).choices)


@pytest.mark.parametrize("person", ["rex", "gus", "hal", "ann", "bea", "otto"])
async def test_who_is_no_moderator_is_offered_nothing(tmp_path: Path, person: str) -> None:
    async with open_ground(tmp_path) as ground:
        await ground.flagged(ground.arena, "you idiot")

        assert [await offered(ground, person, *offer) for offer in OFFERS] == [[]] * len(OFFERS)


async def test_a_moderator_is_offered_the_incidents_of_their_own_server_alone(tmp_path: Path) -> None:
    async with open_ground(tmp_path) as ground:
        await ground.flagged(ground.bazaar.id, "you idiot")
        mine, _ = await ground.flagged(ground.arena, "you idiot")

        assert [each["value"] for each in await offered(ground, "mia", "incidents show", "id")] == [mine.id]
        assert await offered(ground, "mia", "policy set", "category")
