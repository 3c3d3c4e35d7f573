"""What a network does to a bot: lost connections, refusals, silence, crashes, and servers that are not Discord."""

from pathlib import Path

from tests.bot.app.played import CLEAN, CLIPS, RUDE, WORSE, Played, play
from tests.loopback.answers import text_of
from tests.loopback.faults import Feature
from tests.loopback.world import World

MESSAGES = r"/channels/\d+/messages"


def review(world: World) -> str:
    """Return the route by which cards are sent."""
    return rf"/channels/{world.place('mod-review')['id']}/messages"


async def flagged(played: Played, *messages: object) -> None:
    """Wait until these messages, and no others since, are incidents, each once."""
    wanted = sorted(message["id"] for message in messages)

    def found() -> bool:
        return sorted(row[0] for row in played.rows("message")) == wanted

    await played.kept(found, f"incidents for {wanted}")


async def test_what_is_said_while_a_connection_is_resumed_is_judged_once(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        before = await discord_world.say("alice", RUDE)
        await flagged(played, before)
        await discord_world.gateway.reconnect()
        during = await discord_world.say("bob", WORSE)
        await discord_world.online()

        await flagged(played, before, during)
        assert len(discord_world.gateway.sessions) == 1, "it was resumed"


async def test_what_was_missed_between_two_sessions_is_caught_up_with_once(
    discord_world: World, tmp_path: Path
) -> None:
    async with play(discord_world, tmp_path) as played:
        first = await discord_world.say("alice", RUDE)
        await flagged(played, first)
        await played.referee.stop()
        missed = await discord_world.say("bob", WORSE)
        await discord_world.say("bob", CLEAN)
        await played.referee.start()

        await flagged(played, first, missed)


async def test_the_catching_up_is_bounded(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path, catch_up_messages="2") as played:
        first = await discord_world.say("alice", RUDE)
        await flagged(played, first)
        await played.referee.stop()
        missed = [await discord_world.say("bob", WORSE) for _ in range(4)]
        await played.referee.start()

        await flagged(played, first, *missed[-2:])


async def test_a_card_that_is_refused_for_a_while_is_shown_once_it_can_be(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        await played.set_up()
        discord_world.fail("POST", review(discord_world), 403, {"message": "Missing Permissions", "code": 50013})
        await discord_world.say("alice", RUDE)
        await played.kept(lambda: unsent(played), "a card with trouble")
        told = (await (await discord_world.slash("admin", "referee status")).final()).text
        assert "Cards not shown yet: 1" in told
        await played.referee.stop()
        await played.referee.start()

        assert "worthless" in text_of(await played.card("worthless"))
        await played.kept(lambda: not unsent(played), "that it was shown")


def unsent(played: Played) -> list[object]:
    return [row for row in played.rows("trouble, message", "cards") if row[1] is None and row[0]]


async def test_a_rate_limit_delays_a_card_and_loses_nothing(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        await played.set_up()
        limited = {"message": "You are being rate limited.", "retry_after": 0.3, "global": False}
        discord_world.fail("POST", review(discord_world), 429, limited, {"Via": "1.1 loopback"})
        await discord_world.say("alice", RUDE)

        await played.card("worthless")
        assert len(discord_world.made("POST", review(discord_world))) == 2


async def test_a_server_that_fails_once_gets_the_card_again(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        await played.set_up()
        discord_world.fail("POST", review(discord_world), 500, {"message": "500: Internal Server Error", "code": 0})
        await discord_world.say("alice", RUDE)

        await played.card("worthless")
        assert len(played.cards()) == 1


async def test_slow_answers_hold_up_no_other_message(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        await played.set_up()
        slow = discord_world.hold("POST", review(discord_world), times=None)
        first = await discord_world.say("alice", RUDE)
        second = await discord_world.say("bob", WORSE)

        await flagged(played, first, second)
        assert played.cards() == []
        slow.release()
        await played.card(played.mention("alice"))
        await played.card(played.mention("bob"))


async def test_a_card_whose_answer_breaks_off_is_not_lost(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        await played.set_up()
        discord_world.cut("POST", review(discord_world))
        await discord_world.say("alice", RUDE)
        await played.card("worthless")
        await discord_world.say("bob", WORSE)

        await played.card(played.mention("bob"))


async def test_a_server_that_knows_no_layouts_gets_plain_cards_that_work(discord_world: World, tmp_path: Path) -> None:
    discord_world.missing_routes.add(Feature.COMPONENTS_V2)
    async with play(discord_world, tmp_path) as played:
        await played.set_up()
        await discord_world.say("alice", RUDE)
        card = await played.card("worthless")
        assert not card["flags"] & 1 << 15
        await (await discord_world.click("admin", card, "Confirm")).final()

        assert played.rows("state") == [("confirmed",)]


async def test_a_voice_message_that_expired_is_put_before_a_moderator(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        await played.set_up()
        discord_world.fail("GET", r"/attachments/.*", 404, times=None)
        await discord_world.voice_message("alice", (CLIPS / "worthless.ogg").read_bytes())

        card = await played.card("could not be checked")
        assert "expired" in text_of(card)


async def test_a_file_that_breaks_off_once_is_fetched_again(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        discord_world.cut("GET", r"/attachments/.*")
        said = await discord_world.voice_message("alice", (CLIPS / "worthless.ogg").read_bytes())

        await flagged(played, said)
        assert played.rows("category") == [("insult",)]


async def test_a_server_with_fields_too_many_and_too_few_is_watched(discord_world: World, tmp_path: Path) -> None:
    discord_world.odd = True
    async with play(discord_world, tmp_path) as played:
        first = await discord_world.say("alice", RUDE)
        second = await discord_world.say("bob", "hello")
        await discord_world.edit(second, WORSE)

        await flagged(played, first, second)


async def test_an_event_without_what_it_should_have_is_no_end_and_its_message_is_asked_for(
    discord_world: World, tmp_path: Path
) -> None:
    async with play(discord_world, tmp_path) as played:
        said = await discord_world.say("alice", CLEAN)
        said["content"] = RUDE
        place = {"id": said["id"], "channel_id": said["channel_id"], "guild_id": discord_world.guild.id}
        for event in ("MESSAGE_UPDATE", "GUILD_ROLE_UPDATE", "CHANNEL_UPDATE", "SOMETHING_NEW"):
            await discord_world.gateway.dispatch(event, dict(place))
        await discord_world.gateway.dispatch("MESSAGE_CREATE", {"id": "x"})

        await flagged(played, said)
        assert played.referee.running
        assert "MESSAGE_UPDATE could not be read" in played.referee.stderr


async def test_a_server_that_fails_while_acting_is_told_and_not_asked_again(
    discord_world: World, tmp_path: Path
) -> None:
    async with play(discord_world, tmp_path) as played:
        await played.set_up("standard")
        await (await discord_world.slash("admin", "policy set", category="insult", ladder="timeout:10m")).final()
        member = rf"/guilds/\d+/members/{discord_world.users['alice']['id']}"
        discord_world.fail("PATCH", member, 403, {"message": "Missing Permissions", "code": 50013}, times=None)
        await discord_world.say("alice", RUDE)

        await played.card("worthless")
        await played.kept(lambda: played.rows("outcome") == [("refused",)], "the refusal")
        assert len(discord_world.made("PATCH", member)) == 1


async def test_a_kill_before_the_action_is_made_good_for_at_the_next_start(
    discord_world: World, tmp_path: Path
) -> None:
    async with play(discord_world, tmp_path) as played:
        await played.set_up("standard")
        await (await discord_world.slash("admin", "policy set", category="insult", ladder="delete")).final()
        held = discord_world.hold("DELETE", MESSAGES + r"/\d+")
        said = await discord_world.say("alice", RUDE)
        await discord_world.call("DELETE", MESSAGES + r"/\d+")
        await played.referee.kill()
        held.drop()
        assert (said["id"] in discord_world.messages, played.rows("outcome")) == (True, [("pending",)])
        await played.referee.start()

        await discord_world.until(lambda: said["id"] not in discord_world.messages, within=60, what="the deletion")
        await played.kept(lambda: played.rows("outcome") == [("done",)], "its outcome")
        await played.card("worthless")
