"""`kill -9` at every step of the way of a message: after the restart everything is there once."""

import asyncio
import re
from pathlib import Path

import pytest

from bot.domain import Action, Outcome
from tests.crash.herd import Herd
from tests.crash.killing import Plan
from tests.crash.scene import Scene, scene

_BEFORE_AND_AFTER = ("before", "after")
_KEEPING = ("record", "set_words", "finish", "attach", "outdate", "{card}", "sent", "caught_up", "note_all_seen")
_ALL = ("decide before", *(f"{step} {when}" for step in _KEEPING for when in _BEFORE_AND_AFTER))
_SHORT = ("decide before", "record after", "finish before", "finish after", "{card} after")
_MESSAGE = r"/channels/\d+/messages/\d+"
_MEMBER = r"/guilds/\d+/members/\d+"
_TOLD = (r"POST /users/@me/channels", r"POST /channels/(?!{review})\d+/messages")
_CALLS = {
    "warn": _TOLD,
    "delete": (f"DELETE {_MESSAGE}",),
    "timeout:10m": (f"PATCH {_MEMBER}", *_TOLD),
    "kick": (f"DELETE {_MEMBER}", *_TOLD),
    "ban": (r"PUT /guilds/\d+/bans/\d+", *_TOLD),
}


def steps(played: Scene, names: tuple[str, ...]) -> list[str]:
    review = played.world.guild.channel("mod-review")["id"]
    card = f"POST /channels/{review}/messages"
    return [name.replace("{card}", card).replace("{review}", review) for name in names]


async def killed_at(played: Scene, name: str, **settings: str) -> None:
    """Start a bot that finishes what the one before left, have it killed at a step of a new message's way."""
    bot = await played.start(Plan(name, waits=True))
    await played.online()
    await played.settled(f"before {name!r}")
    who = await played.newcomer()
    bot.arm()
    await played.rude(who)
    await played.bury()
    # As long as a restart may take, Discord does not remember them.
    played.world.forget_nonces()


@pytest.mark.parametrize("ladder", _CALLS)
async def test_killed_at_any_step_nothing_is_lost_and_nobody_is_punished_twice(
    ladder: str, herd: Herd, tmp_path: Path
) -> None:
    calls = tuple(f"{call} {when}" for call in _CALLS[ladder] for when in _BEFORE_AND_AFTER)
    names = (*(_ALL if ladder == "warn" else _SHORT), *calls)
    async with scene(herd, tmp_path, ladder) as played:
        for name in steps(played, names):
            await killed_at(played, name)
        await played.start()
        kept = await played.settled(f"after {names[-1]!r}")

    assert len(kept.incidents) == len(names)
    assert {incident.decision.action for incident in kept.incidents} == {Action(ladder.partition(":")[0])}
    # A kick whose note got lost can be told from somebody's leaving by nothing.
    done = [incident for incident in kept.incidents if incident.outcome is Outcome.DONE]
    assert len(done) >= len(names) - (2 if ladder == "kick" else 0), [i.outcome_detail for i in kept.incidents]


async def test_killed_at_any_step_what_is_only_flagged_is_shown_once(herd: Herd, tmp_path: Path) -> None:
    names = tuple(name for name in _ALL if not name.startswith("finish"))
    async with scene(herd, tmp_path) as played:
        for name in steps(played, names):
            await killed_at(played, name)
        await played.start()
        kept = await played.settled(f"after {names[-1]!r}")

    assert len(kept.incidents) == len(names)


async def test_killed_at_any_step_a_member_without_direct_messages_is_warned_once_in_the_channel(
    herd: Herd, tmp_path: Path
) -> None:
    async with scene(herd, tmp_path, "warn") as played:
        general = played.world.guild.channel("general")["id"]
        send = f"POST /channels/{general}/messages"
        for name in ("record after", f"{send} before", f"{send} after", "finish before"):
            bot = await played.start(Plan(name, waits=True))
            await played.online()
            await played.settled(f"before {name!r}")
            who = await played.newcomer()
            played.world.closed_dms.add(who)
            bot.arm()
            await played.rude(who)
            await played.bury()
            played.world.forget_nonces()
        await played.start()
        kept = await played.settled()

    assert {incident.outcome_detail for incident in kept.incidents} == {
        "warned in the channel: the member takes no direct messages"
    }


async def test_killed_at_any_step_a_clip_is_heard_again_and_flagged_once(herd: Herd, tmp_path: Path) -> None:
    names = ("record before", "record after", "finish before", "finish after", "attach before", "sent before")
    async with scene(herd, tmp_path, "timeout:10m", speech="true") as played:
        for name in names:
            bot = await played.start(Plan(name, waits=True))
            await played.online()
            await played.settled(f"before {name!r}")
            bot.arm()
            said = await played.world.voice_message(await played.newcomer(), b"OggS")
            played.toxic.append(said["id"])
            await played.bury()
            played.world.forget_nonces()
        await played.start()
        kept = await played.settled()

    assert [incident.outcome for incident in kept.incidents] == [Outcome.DONE] * len(names)


async def test_a_first_start_that_is_killed_before_any_mark_was_noted_loses_nothing(herd: Herd, tmp_path: Path) -> None:
    async with scene(herd, tmp_path, "warn") as played:
        await played.start(Plan("decide before", 3))
        await played.online()
        for place in ("general", "voice", "general"):
            await played.rude(await played.newcomer(), channel=place)
        await played.bury()
        await played.start()
        kept = await played.settled()

    assert len(kept.incidents) == 3


async def test_an_edit_and_a_thread_in_work_at_the_kill_are_found_again(herd: Herd, tmp_path: Path) -> None:
    async with scene(herd, tmp_path, "warn") as played:
        bot = await played.start(Plan("record before", waits=True))
        await played.online()
        thread = await played.world.thread_create("alice", "our next match", channel="general")
        said = await played.world.say("bob", "well played, good game")
        await played.world.say("alice", "see you tomorrow then", channel=thread)
        await noted(played, said["id"])
        bot.arm()
        await played.world.edit(said, "you worthless idiot")
        await played.bury()
        played.toxic.append(said["id"])

        bot = await played.start(Plan("record before", waits=True))
        await played.settled("an edit")
        bot.arm()
        await played.rude("alice", channel=thread)
        await played.bury()
        await played.start()
        kept = await played.settled("a thread")

    assert [re.fullmatch(r"\d+", incident.key.message) is not None for incident in kept.incidents] == [True, True]


async def noted(played: Scene, message: str) -> None:
    """Wait until the mark of the first channel has passed a message."""
    general = played.world.guild.channel("general")["id"]
    async with asyncio.timeout(30):
        while (await played.stores.communities.seen(played.world.guild.id)).get(general) != message:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
