"""`kill -9` between a moderator's verdict and what it takes back."""

from pathlib import Path

import pytest

from bot.domain import Outcome, ReviewState
from tests.crash.herd import Herd
from tests.crash.killing import Plan
from tests.crash.laws import TAKEN_BACK
from tests.crash.scene import scene

_TOLD = r"POST /channels/(?!{log}|{review})\d+/messages"
_STEPS = {
    "warn": ("decide_first after", f"{_TOLD} before", f"{_TOLD} after"),
    "timeout:10m": (
        "decide_first after",
        r"PATCH /guilds/\d+/members/\d+ before",
        r"PATCH /guilds/\d+/members/\d+ after",
    ),
    "ban": ("decide_first after", r"DELETE /guilds/\d+/bans/\d+ before", r"DELETE /guilds/\d+/bans/\d+ after"),
}


@pytest.mark.parametrize("ladder", _STEPS)
async def test_what_a_moderator_called_a_false_alarm_is_taken_back_once(
    ladder: str, herd: Herd, tmp_path: Path
) -> None:
    async with scene(herd, tmp_path, ladder) as played:
        places = {name: played.world.guild.channel(f"mod-{name}")["id"] for name in ("log", "review")}
        for step in (*_STEPS[ladder], "finish before", "finish after"):
            name = step.replace("{log}", places["log"]).replace("{review}", places["review"])
            bot = await played.start(Plan(name, waits=True))
            await played.online()
            await played.rude(await played.newcomer())
            kept = await played.settled(f"before {name!r}")
            _, card = kept.cards[kept.incidents[-1].id]
            assert card is not None
            bot.arm()
            await played.world.click("mod", played.world.messages[card], "False alarm")
            await played.bury()
            played.world.forget_nonces()
        await played.start()
        kept = await played.settled()

        assert {incident.state for incident in kept.incidents} == {ReviewState.DISMISSED}
        assert {incident.outcome for incident in kept.incidents} == {Outcome.UNDONE}
        assert played.world.guild.bans == {}
        members = played.world.guild.members.values()
        assert {member["communication_disabled_until"] for member in members} == {None}
        told = [message for message in played.world.sent if TAKEN_BACK in message["content"]]
        assert len(told) == (0 if ladder == "ban" else len(kept.incidents))
