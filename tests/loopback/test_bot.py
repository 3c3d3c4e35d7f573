"""The loopback Discord, proved with the real discord.py: login, events, messages, history and files."""

from collections.abc import AsyncIterator
from datetime import timedelta

import discord
import pytest

from tests.loopback.answers import text_of
from tests.loopback.bots import ProbeBot, pointed_at, running
from tests.loopback.faults import Feature
from tests.loopback.intents import Intent
from tests.loopback.people import AutoModAction
from tests.loopback.permissions import Permission
from tests.loopback.world import World


@pytest.fixture
async def bot(discord_world: World) -> AsyncIterator[ProbeBot]:
    async with running(discord_world) as started:
        yield started


async def heard(world: World, bot: ProbeBot, number: int = 1) -> discord.Message:
    await world.until(lambda: len(bot.heard) >= number)
    return bot.heard[number - 1]


async def test_a_bot_logs_in_with_the_intents_it_asked_for(discord_world: World, bot: ProbeBot) -> None:
    assert discord_world.gateway.identifies[0]["intents"] == bot.intents.value
    assert discord_world.gateway.identifies[0]["intents"] & Intent.MESSAGE_CONTENT
    assert [guild.name for guild in bot.guilds] == ["Arena"]
    assert bot.guilds[0].me.guild_permissions.manage_messages
    assert not bot.guilds[0].me.guild_permissions.administrator


async def test_a_bad_token_is_a_login_failure(discord_world: World) -> None:
    with pointed_at(discord_world):
        bot = ProbeBot(discord_world)
        with pytest.raises(discord.LoginFailure):
            await bot.start("wrong")
        await bot.close()


async def test_a_forbidden_intent_is_refused(discord_world: World) -> None:
    discord_world.forbidden_intents = Intent.MESSAGE_CONTENT
    with pointed_at(discord_world):
        bot = ProbeBot(discord_world)
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await bot.start(discord_world.token)
        await bot.close()


async def test_a_message_is_answered(discord_world: World, bot: ProbeBot) -> None:
    said = await discord_world.say("alice", "ping")

    call = await discord_world.call("POST", r"/channels/\d+/messages")
    answer = await discord_world.message("general")

    assert call.body["content"] == answer["content"] == "pong"
    assert answer["message_reference"]["message_id"] == int(said["id"])
    assert isinstance(bot.heard[0].author, discord.Member)


async def test_without_the_intent_the_content_is_empty(discord_world: World) -> None:
    async with running(discord_world, intents=discord.Intents(guilds=True, messages=True)) as bot:
        await discord_world.say("alice", "you clown", embeds=[{"title": "x"}])
        await discord_world.change_nick("alice", "clown")

        assert (await heard(discord_world, bot)).content == ""
        assert not bot.heard[0].embeds
        assert not bot.names


async def test_every_kind_of_message_arrives(discord_world: World, bot: ProbeBot) -> None:
    world = discord_world
    said = await world.say("alice", "hello")
    await world.forward("bob", said)
    await world.poll("alice", "who is best", ["ann", "bob"])
    await world.sticker("alice", "wave")
    await world.voice_message("alice", b"OggS")
    await world.webhook_say("Hook", "hi")
    await world.say("alice", "in voice", channel="voice")
    await world.say("alice", "by letter", channel=world.dm("alice"))
    await heard(world, bot, 8)
    by_number = dict(enumerate(bot.heard))

    assert by_number[1].message_snapshots[0].content == "hello"
    assert by_number[2].poll is not None
    assert [answer.text for answer in by_number[2].poll.answers] == ["ann", "bob"]
    assert by_number[3].stickers[0].name == "wave"
    assert by_number[4].flags.voice
    assert by_number[4].attachments[0].is_voice_message()
    assert await by_number[4].attachments[0].read() == b"OggS"
    assert by_number[5].webhook_id is not None
    assert isinstance(by_number[6].channel, discord.VoiceChannel)


async def test_edits_and_late_embeds_arrive(discord_world: World, bot: ProbeBot) -> None:
    said = await discord_world.say("alice", "hello")
    await discord_world.edit(said, "you clown")
    await discord_world.unfurl(said, [{"type": "link", "title": "late"}])
    await discord_world.until(lambda: len(bot.edits) == 2)

    assert bot.edits[0].message.content == "you clown"
    assert bot.edits[1].message.embeds[0].title == "late"
    assert bot.edits[1].message.edited_at == bot.edits[0].message.edited_at


async def test_names_threads_and_guilds_arrive(discord_world: World, bot: ProbeBot) -> None:
    world = discord_world
    await world.join_member("carol")
    await world.change_nick("carol", "clown")
    thread = await world.thread_create("alice", "a title", "first post")
    await world.until(lambda: bot.threads == ["a title"])
    await world.rename_thread(thread, "another title")
    await world.add_guild("Second")
    await world.until(lambda: bot.joined == ["Second"])

    assert bot.names == [("Carol", "clown")]
    assert bot.threads == ["a title", "another title"]
    assert bot.heard[0].id == bot.heard[0].channel.id == int(thread["id"])


async def test_what_automod_did_arrives(discord_world: World) -> None:
    intents = discord.Intents(guilds=True, messages=True, message_content=True, auto_moderation_execution=True)
    async with running(discord_world, intents=intents) as bot:
        blocked = discord_world.draft("alice", "you clown")
        await discord_world.automod(blocked, AutoModAction.BLOCK)
        await discord_world.automod(blocked, AutoModAction.ALERT, keyword="clown")
        await discord_world.until(lambda: len(bot.automod) == 2)

        assert bot.automod[0].content == "you clown"
        assert bot.automod[0].message_id is None
        assert bot.heard[0].type is discord.MessageType.auto_moderation_action
        assert bot.automod[1].alert_system_message_id == bot.heard[0].id


async def test_history_is_read_after_an_id(discord_world: World, bot: ProbeBot) -> None:
    first = await discord_world.say("alice", "1")
    for text in ("2", "3", "4"):
        await discord_world.say("bob", text)
    channel = bot.guilds[0].text_channels[0]

    after = [one.content async for one in channel.history(after=discord.Object(int(first["id"])), limit=2)]
    newest = [one.content async for one in channel.history(limit=2)]

    assert after == ["2", "3"]
    assert newest == ["4", "3"]


async def test_members_are_timed_out_banned_and_told_why(discord_world: World, bot: ProbeBot) -> None:
    world, guild = discord_world, bot.guilds[0]
    alice = await guild.fetch_member(int(world.users["alice"]["id"]))

    await alice.timeout(timedelta(minutes=5), reason="incident 4: über 50 %")
    await guild.ban(discord.Object(int(world.users["bob"]["id"])), reason="incident 5")

    assert world.guild.members[str(alice.id)]["communication_disabled_until"] is not None
    assert (await world.call("PATCH", r"/guilds/\d+/members/\d+")).reason == "incident 4: über 50 %"
    assert [ban.user.name async for ban in guild.bans()] == ["bob"]
    assert world.users["bob"]["id"] not in world.guild.members


async def test_deleting_twice_is_unknown_and_in_bulk_is_not(discord_world: World, bot: ProbeBot) -> None:
    for text in ("1", "2", "3"):
        await discord_world.say("alice", text)
    await heard(discord_world, bot, 3)
    first, second, third = bot.heard

    await first.delete()
    with pytest.raises(discord.NotFound) as error:
        await first.delete()
    await first.channel.delete_messages([second, third])

    assert error.value.code == 10008
    assert discord_world.messages_in("general") == []


async def test_bulk_delete_refuses_old_messages(discord_world: World, bot: ProbeBot) -> None:
    for days in (15, 16):
        await discord_world.say("alice", "old", age=timedelta(days=days))
    await heard(discord_world, bot, 2)

    with pytest.raises(discord.HTTPException) as error:
        await bot.heard[0].channel.delete_messages(bot.heard)

    assert error.value.code == 50034
    assert len(discord_world.messages_in("general")) == 2


async def test_a_member_can_close_their_direct_messages(discord_world: World, bot: ProbeBot) -> None:
    discord_world.closed_dms.add("alice")
    alice, bob = [await bot.fetch_user(int(discord_world.users[name]["id"])) for name in ("alice", "bob")]

    await bob.send("a word")
    with pytest.raises(discord.Forbidden) as error:
        await alice.send("a word")

    assert error.value.code == 50007
    assert [one["content"] for one in discord_world.messages_in(discord_world.dm("bob"))] == ["a word"]


async def test_files_of_the_bot_are_kept_and_served(discord_world: World, bot: ProbeBot) -> None:
    channel = bot.guilds[0].text_channels[0]

    sent = await channel.send("with a file", file=discord.File(__file__, "a.py", description="what it is"))

    call = await discord_world.call("POST", r"/channels/\d+/messages")
    assert call.files[0].filename == "a.py"
    assert await sent.attachments[0].read() == call.files[0].data
    assert sent.attachments[0].description == "what it is"


async def test_quoted_mentions_ping_only_whom_they_may(discord_world: World, bot: ProbeBot) -> None:
    channel, alice = bot.guilds[0].text_channels[0], discord_world.users["alice"]["id"]

    quiet = await channel.send(f"<@{alice}> @everyone", allowed_mentions=discord.AllowedMentions.none())
    loud = await channel.send(f"<@{alice}> @everyone")

    pings = [discord_world.messages[str(one.id)] for one in (quiet, loud)]
    assert [(len(one["mentions"]), one["mention_everyone"]) for one in pings] == [(0, False), (1, True)]


async def test_content_beside_components_v2_is_refused(discord_world: World, bot: ProbeBot) -> None:
    body = {"content": "no", "flags": 1 << 15, "components": [{"type": 10, "content": "yes"}]}
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=bot.guilds[0].text_channels[0].id)

    with pytest.raises(discord.HTTPException) as error:
        await bot.http.request(route, json=body)

    assert (error.value.status, error.value.code) == (400, 50035)


async def test_a_server_without_components_v2_refuses_the_card(discord_world: World, bot: ProbeBot) -> None:
    discord_world.missing_routes = {Feature.COMPONENTS_V2, Feature.AUTOMOD}
    await discord_world.say("alice", "card")
    await discord_world.call("POST", r"/channels/\d+/messages")

    with pytest.raises(discord.NotFound):
        await bot.guilds[0].fetch_automod_rules()
    assert len(discord_world.messages_in("general")) == 1


async def test_rights_follow_roles_and_overwrites(discord_world: World) -> None:
    world, guild = discord_world, discord_world.guild
    alice, mod, admin, owner = (world.users[name]["id"] for name in ("alice", "mod", "admin", "owner"))
    await world.change_channel(
        "mod-review", permission_overwrites=[{"id": guild.id, "type": 0, "allow": "0", "deny": str(1 << 10)}]
    )

    review = guild.channel("mod-review")
    seen = [bool(guild.permissions(one, review) & Permission.VIEW_CHANNEL) for one in (alice, mod, admin, owner)]
    assert seen == [False, False, True, True]
    assert not guild.permissions(alice) & Permission.MANAGE_MESSAGES


async def test_a_change_of_the_bots_role_arrives(discord_world: World, bot: ProbeBot) -> None:
    await discord_world.change_role(permissions=Permission.VIEW_CHANNEL)
    await discord_world.change_role("@everyone", permissions=0)
    await discord_world.say("alice", "hello")
    await heard(discord_world, bot)

    assert bot.guilds[0].me.guild_permissions == discord.Permissions(view_channel=True)


async def test_the_bot_gets_along_with_an_odd_server(discord_world: World) -> None:
    discord_world.odd = True
    async with running(discord_world) as bot:
        await discord_world.say("alice", "ping")
        answer = await discord_world.message("general")
        await discord_world.say("alice", "card")
        card = await discord_world.message("general", lambda one: "Incident" in text_of(one))
        clicked = await (await discord_world.click("mod", card, "card:confirm:7")).final()

        assert answer["content"] == "pong"
        assert clicked.text == "confirm 7 True"
        assert bot.heard[0].author.global_name is None
