"""Buttons, selects, commands and forms, with the real discord.py."""

from collections.abc import AsyncIterator

import pytest

from tests.loopback.answers import text_of
from tests.loopback.bots import ProbeBot, running
from tests.loopback.exchange import Reply
from tests.loopback.snowflakes import Payload
from tests.loopback.world import World


@pytest.fixture
async def bot(discord_world: World) -> AsyncIterator[ProbeBot]:
    async with running(discord_world) as started:
        yield started


@pytest.fixture
async def card(discord_world: World, bot: ProbeBot) -> Payload:
    await discord_world.say("alice", "card")
    return await discord_world.message("general")


async def test_a_button_is_answered_for_one_person_alone(discord_world: World, card: Payload) -> None:
    moderator = await (await discord_world.click("mod", card, "Confirm")).final()
    member = await (await discord_world.click("alice", card, "card:confirm:7")).final()

    assert (moderator.text, member.text) == ("confirm 7 True", "confirm 7 False")
    assert moderator.ephemeral
    assert moderator.message not in discord_world.messages_in("general")


async def test_a_button_can_change_its_card(discord_world: World, card: Payload) -> None:
    answer = await (await discord_world.click("mod", card, "Edit")).final()

    assert answer.reply is Reply.UPDATE
    assert "Incident 8" in text_of(card)
    with pytest.raises(AssertionError, match="card:confirm:8"):
        await discord_world.click("mod", card, "card:confirm:7")


async def test_a_deferred_button_is_answered_by_a_follow_up(discord_world: World, card: Payload) -> None:
    clicked = await discord_world.click("mod", card, "Later")

    assert (await clicked.first()).reply is Reply.DEFERRED_UPDATE
    assert (await clicked.says("done later")).ephemeral


async def test_a_stale_button_can_be_pressed_on_purpose(discord_world: World, card: Payload) -> None:
    answer = await discord_world.click("mod", card, "card:confirm:99", stale=True)

    assert (await answer.final()).text == "confirm 99 True"


async def test_a_form_is_filled_in(discord_world: World, card: Payload) -> None:
    opened = await (await discord_world.click("mod", card, "Form")).first()
    sent = await discord_world.modal_submit("mod", opened, why="a reason", place=["mod-log"], kinds=["b"])

    assert opened.modal["title"] == "Relabel"
    assert (await sent.final()).text == "a reason in mod-log: ['b']"
    with pytest.raises(AssertionError, match="no field"):
        await discord_world.modal_submit("mod", opened, other="x")


async def test_a_select_of_members_names_one(discord_world: World, bot: ProbeBot) -> None:
    await discord_world.say("alice", "picker")
    message = await discord_world.message("general")

    answer = await (await discord_world.select("mod", message, "who", "bob")).final()

    assert (answer.text, answer.ephemeral) == ("picked Bob", False)
    assert answer.message in discord_world.messages_in("general")


async def test_a_subcommand_takes_every_kind_of_option(discord_world: World, bot: ProbeBot) -> None:
    answer = await discord_world.slash(
        "mod",
        "policy rule set",
        category="insult",
        mode="live",
        member="alice",
        room="mod-log",
        rank="Moderator",
        clip=discord_world.upload("clip.ogg", b"12345", "audio/ogg"),
        after=3,
    )

    assert (await answer.first()).reply is Reply.DEFERRED
    assert answer.ephemeral
    assert (await answer.final()).text == "insult live Alice mod-log Moderator 5 3"


@pytest.mark.parametrize(
    ("path", "options", "complaint"),
    [
        ("nothing", {}, "no command"),
        ("policy", {}, "wants a subcommand"),
        ("policy rule drop", {}, "no subcommand"),
        ("policy rule set", {"category": "insult"}, "needs"),
        ("policy rule set", {"colour": "red"}, "no option"),
    ],
)
async def test_a_command_that_cannot_be_typed_fails_the_test(
    discord_world: World, bot: ProbeBot, path: str, options: dict[str, str], complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        await discord_world.slash("mod", path, **options)


async def test_typing_is_completed(discord_world: World, bot: ProbeBot) -> None:
    answer = await discord_world.autocomplete("mod", "policy rule set", "category", "ha", mode="live")

    assert (await answer.first()).choices == ["hate"]


async def test_the_menu_of_a_message_carries_it(discord_world: World, bot: ProbeBot) -> None:
    said = await discord_world.say("alice", "you clown")

    answer = await (await discord_world.message_menu("bob", "Check", said)).final()

    assert (answer.text, answer.ephemeral) == ("checked you clown", True)


async def test_a_card_works_after_a_restart(discord_world: World) -> None:
    async with running(discord_world):
        await discord_world.say("alice", "card")
        card = await discord_world.message("general")
    await discord_world.offline()
    async with running(discord_world):
        answer = await discord_world.click("mod", card, "Confirm")

        assert (await answer.final()).text == "confirm 7 True"
    assert len(discord_world.gateway.identifies) == 2


async def test_an_unanswered_interaction_fails_with_the_calls_so_far(discord_world: World, card: Payload) -> None:
    answer = await discord_world.click("mod", card, "nobody:listens", stale=True)

    with pytest.raises(AssertionError, match=r"(?s)a callback.*POST /channels/\d+/messages"):
        await answer.first(within=0.05)
