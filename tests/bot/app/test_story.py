"""One story, played over the wire: a server from its first minute with Referee to its first undone mistake."""

from pathlib import Path

from bot.domain import Surface
from tests.bot.app.played import CLIPS, RUDE, WORSE, Played, play
from tests.loopback.answers import text_of
from tests.loopback.world import World


async def timed_out(world: World, who: str) -> object:
    return world.guild.members[world.users[who]["id"]]["communication_disabled_until"]


async def test_a_server_is_set_up_watched_moderated_and_survives_a_crash(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        await is_set_up(played)
        await abuse_on_four_surfaces_is_flagged_and_one_member_timed_out(played)
        await a_moderator_confirms_one_and_dismisses_one(played)
        await a_crash_between_flag_and_card_loses_nothing(played)
        await the_incident_list_is_right(played)
        await played.referee.stop()
        assert "Traceback" not in played.referee.stderr
        assert not any(words in played.referee.stderr for words in (RUDE, WORSE)), "a log holds no content"


async def is_set_up(played: Played) -> None:
    """A server without settings is told how to start; the admin does, and lets Referee act."""
    world = played.world
    fresh = await world.add_guild("Castle")
    welcome = await world.message(fresh.channel("general"), lambda message: "/referee setup" in text_of(message))
    assert "@everyone" not in text_of(welcome)

    assert "standard" in await played.set_up("standard", moderators="Moderator")
    answer = await (await world.slash("admin", "policy set", category="insult", ladder="timeout:10m")).final()
    assert "timeout" in answer.text
    refused = await (await world.slash("bob", "policy set", category="insult", ladder="ban")).final()
    assert refused.ephemeral
    assert "ban" not in (await (await world.slash("admin", "policy show")).final()).text.split("insult", 1)[1][:200]


async def abuse_on_four_surfaces_is_flagged_and_one_member_timed_out(played: Played) -> None:
    world = played.world
    await world.say("alice", "well played everyone")
    said = await world.say("alice", RUDE)
    call = await world.call("PATCH", rf"/guilds/\d+/members/{world.users['alice']['id']}")
    assert call.body["communication_disabled_until"]
    assert "incident 1" in (call.reason or "")
    await world.until(lambda: said["id"] not in world.messages, what="the message's deletion")
    await played.card("insult", "worthless")

    bob = world.users["bob"]["id"]
    edited = await world.say("bob", "hello there")
    await world.edit(edited, WORSE)
    await world.forward("bob", await world.say("owner", "what a pathetic stupid loser"))
    await world.voice_message("bob", (CLIPS / "worthless.ogg").read_bytes())
    await played.kept(
        lambda: {Surface.TEXT, Surface.FORWARD, Surface.CLIP} <= {Surface(row[0]) for row in of(played, bob)},
        "the edit, the forward and the voice message",
    )
    await played.kept(lambda: len(cards_of(played, bob)) == 1, "one card for all of them")


def of(played: Played, author: str) -> list[tuple[str]]:
    return [row[:1] for row in played.rows("surface, opened(author)") if row[1] == author]


def cards_of(played: Played, author: str) -> set[object]:
    return {row[0] for row in played.rows("card, opened(author)") if row[1] == author}


async def a_moderator_confirms_one_and_dismisses_one(played: Played) -> None:
    world = played.world
    bobs = await played.card(played.mention("bob"))
    both = [await world.click(who, bobs, "Confirm") for who in ("mod", "admin")]
    told = await world.until(
        lambda: next((each for each in both if "was first: confirmed" in each.text), None), what="word of who was first"
    )
    assert told is not None
    assert told.ephemeral
    await played.kept(lambda: {"confirmed"} == states_of(played, world.users["bob"]["id"]), "the confirmation")

    alices = await played.card(played.mention("alice"))
    assert await timed_out(world, "alice")
    await (await world.click("mod", alices, "False alarm")).first()
    await world.until(lambda: lifted(world), what="the timeout's end")
    await played.card(played.mention("alice"), "cannot be restored")


def states_of(played: Played, author: str) -> set[str]:
    return {row[0] for row in played.rows("state, opened(author)") if row[1] == author}


def lifted(world: World) -> bool:
    return world.guild.members[world.users["alice"]["id"]]["communication_disabled_until"] is None


async def a_crash_between_flag_and_card_loses_nothing(played: Played) -> None:
    world = played.world
    before = len(played.cards())
    held = world.hold("POST", rf"/channels/{world.place('mod-review')['id']}/messages")
    await world.say("admin", RUDE)
    await world.call("POST", rf"/channels/{world.place('mod-review')['id']}/messages", since=len(world.calls) - 1)
    await played.referee.kill()
    held.drop()
    missed = await world.say("admin", WORSE)
    await played.referee.start()
    await played.ready()

    await played.card(played.mention("admin"), "worthless")
    await world.until(
        lambda: missed["id"] in [row[0] for row in played.rows("message")], within=60, what="the catch-up"
    )
    assert len(played.cards()) == before + 1


async def the_incident_list_is_right(played: Played) -> None:
    world = played.world
    states = played.rows("opened(author), state, category")
    names = {person["id"]: name for name, person in world.users.items()}
    by_name = [(names[author], state) for author, state, _ in states]
    assert by_name.count(("alice", "dismissed")) == 1
    assert {state for name, state in by_name if name == "bob"} == {"confirmed"}
    assert (by_name.count(("owner", "open")), by_name.count(("admin", "open"))) == (1, 2)

    listed = (await (await world.slash("mod", "incidents list")).final()).text
    assert all(f"{number}" in listed for number in range(1, len(states) + 1))
    mine = (await (await world.slash("mod", "incidents mine")).final()).text
    assert played.mention("owner") not in mine
    refused = await (await world.slash("bob", "incidents list")).final()
    assert "worthless" not in refused.text
