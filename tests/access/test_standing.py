"""Who somebody is counts when they press, not when they were shown the button; and hammering changes nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from simcord.backend import serializers

from tests.access.ground import Ground, Told, open_ground
from tests.access.rules import REFUSALS

CARD_IDS = (
    *(f"referee:card:{verb}:{{}}" for verb in ("confirm", "dismiss", "relabel", "escalate", "take", "reopen", "act")),
    *(f"referee:act:{{}}:{action}" for action in ("delete", "warn", "kick", "ban", "none")),
)
LISTS = ("referee:relabel:{}:0", "referee:timeout:{}")
VIEWS = (("mia", "incidents list"), ("ada", "referee setup"), ("ann", "privacy erase"))
NOT_YOURS = "Somebody else asked for this"
PRESSES = 200


async def press_all(ground: Ground, person: str, guild: int, card: int) -> list[Told]:
    """Press every button and list that names a card, sensibly."""
    pressed = [await ground.press(person, guild, each.format(card)) for each in CARD_IDS]
    return pressed + [
        await ground.press(person, guild, each.format(card), select=True, values=["hate", "600"]) for each in LISTS
    ]


@pytest.mark.parametrize("person", ["rex", "gus", "hal", "ann", "bea"])
async def test_who_is_no_moderator_any_more_or_never_was_can_use_no_button_of_a_card(
    tmp_path: Path, person: str
) -> None:
    async with open_ground(tmp_path) as ground:
        _, card = await ground.flagged(ground.arena, "you idiot")
        before = ground.everything()

        told = await press_all(ground, person, ground.arena, card)

        assert all("Only this server's moderators" in each.text for each in told)
        assert ground.everything() == before
        assert ground.acting.asked == 0


async def test_a_role_counts_from_the_moment_that_it_is_given_and_no_longer_than_it_is_held(tmp_path: Path) -> None:
    async with open_ground(tmp_path) as ground:
        _, card = await ground.flagged(ground.arena, "you idiot")
        backend, role = ground.bench.env.backend, ground.bench.moderators.id
        press = f"referee:card:take:{card}"
        refused = await ground.press("ann", ground.arena, press)
        backend.add_member_role(ground.arena, ground.people["ann"], role)
        taken = await ground.press("ann", ground.arena, press)
        backend.remove_member_role(ground.arena, ground.people["ann"], role)
        again = await ground.press("ann", ground.arena, f"referee:card:confirm:{card}")

        assert [any(words in each.text for words in REFUSALS) for each in (refused, taken, again)] == [
            True,
            False,
            True,
        ]
        assert [each.verdict.value for each in await ground.bench.stores.incidents.reviews(1)] == ["take_over"]


async def test_a_moderator_of_one_server_can_do_nothing_with_the_card_of_another_nor_learn_of_it(
    tmp_path: Path,
) -> None:
    async with open_ground(tmp_path) as ground:
        _, card = await ground.flagged(ground.bazaar.id, "you idiot")
        others = await ground.bazaars()

        foreign = await press_all(ground, "olga", ground.arena, card)
        unknown = await press_all(ground, "olga", ground.arena, card + 1)

        assert await ground.bazaars() == others
        assert ground.acting.asked == 0
        told = [each.text.replace(f"card {card} ", "card N ") for each in foreign]
        assert told == [each.text.replace(f"card {card + 1} ", "card N ") for each in unknown]
        assert all("There is no card N in this server" in text for text in told)
        assert [each.requests for each in foreign] == [each.requests for each in unknown]


async def test_the_brake_of_another_server_cannot_be_let_go_of(tmp_path: Path) -> None:
    async with open_ground(tmp_path) as ground:
        brake, community = ground.bench.bot.services.brake, str(ground.bazaar.id)
        brake.pull(community, ground.bench.bot.services.clock.now())

        told = await ground.press("olga", ground.arena, f"referee:brake:release:{community}")

        assert "not one of this server" in told.text
        assert brake.is_on(community)


@pytest.mark.parametrize(("asker", "command"), VIEWS)
async def test_an_answer_with_buttons_is_its_askers_own_whoever_else_gets_hold_of_it(
    tmp_path: Path, asker: str, command: str
) -> None:
    async with open_ground(tmp_path) as ground:
        for number in range(12):
            await ground.flagged(ground.arena, f"you idiot {number}")
        message = await opened(ground, asker, command)
        before = ground.everything()

        told = [
            await ground.use(person, guild, 3, data, message)
            for person, guild in (("olga", ground.arena), ("bea", ground.bazaar.id), ("rex", ground.arena))
            for data in parts_of(message)
        ]

        assert told
        assert all(NOT_YOURS in each.text for each in told)
        assert ground.everything() == before


@pytest.mark.parametrize(("asker", "command"), VIEWS[:2])
async def test_an_answer_with_buttons_is_dead_once_its_asker_has_lost_the_role(
    tmp_path: Path, asker: str, command: str
) -> None:
    async with open_ground(tmp_path) as ground:
        for number in range(12):
            await ground.flagged(ground.arena, f"you idiot {number}")
        message = await opened(ground, asker, command)
        held = ground.bench.env.backend.guilds[ground.arena].members[ground.people[asker]]
        for role in list(held.role_ids):
            ground.bench.env.backend.remove_member_role(ground.arena, held.user_id, role)
        before = ground.everything()

        told = [await ground.use(asker, ground.arena, 3, data, message) for data in parts_of(message)]

        assert all(any(words in each.text for words in REFUSALS) for each in told)
        assert ground.everything() == before


async def test_a_member_who_hammers_buttons_costs_two_small_answers_each_and_no_look_into_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_ground(tmp_path) as ground:
        _, card = await ground.flagged(ground.arena, "you idiot")
        looked = []
        desk = ground.bench.bot.services.desk
        whole = desk.case

        async def case(number: int) -> Any:
            looked.append(number)
            return await whole(number)

        monkeypatch.setattr(desk, "case", case)
        before, message = ground.everything(), await ground.message(ground.arena)
        custom_id = f"referee:card:dismiss:{card}"
        shown = {"type": 2, "style": 2, "label": "x", "custom_id": custom_id, "id": 2}
        message["components"] = [{"type": 1, "id": 1, "components": [shown]}]
        data = {"custom_id": custom_id, "component_type": 2}

        told = [await ground.use("ann", ground.arena, 3, data, message) for _ in range(PRESSES)]

        assert looked == []
        assert {each.requests for each in told} == {2}
        assert ground.everything() == before
        assert not ground.bench.bot._connection._view_store._views, "nothing is remembered of it"
        assert "Only" not in (await ground.use("mia", ground.arena, 3, data, message)).text
        assert looked


async def opened(ground: Ground, asker: str, command: str) -> dict[str, Any]:
    """Let somebody use a command; return the message that answers it, as Discord sends it with a click."""
    root, sub = command.split()
    data = {"id": "1", "name": root, "type": 1, "options": [{"name": sub, "type": 1, "options": []}]}
    await ground.use(asker, ground.arena, 2, data)
    backend = ground.bench.env.backend
    stored = max(backend.messages[ground.lobby[ground.arena]].values(), key=lambda each: each.id)
    return dict(serializers.message_payload(backend, stored))


def parts_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a click on each part of a message sends."""
    parts = [part for row in message["components"] for part in row["components"] if not part.get("disabled")]
    values: dict[int, list[str]] = {3: ["strict"], 6: [], 8: []}
    return [
        {
            "custom_id": part["custom_id"],
            "component_type": part["type"],
            **({"values": values[part["type"]]} if part["type"] in values else {}),
            **({"resolved": {}} if part["type"] > 3 else {}),
        }
        for part in parts
    ]
