"""People and announcements that the tests of commands need beside those of the bench."""

import discord
import simcord
from simcord.backend import serializers

from tests.fakes.discord_bench import DiscordBench


def outsider(bench: DiscordBench) -> simcord.MemberActor:
    """Add Hal, whom Discord shows the moderators' commands, but who is no moderator of the bench."""
    role = bench.guild.create_role("Helpers", permissions=discord.Permissions(manage_messages=True))
    return bench.guild.add_member(bench.env.create_user("hal"), roles=[role])


def show_commands(bench: DiscordBench, *names: str) -> None:
    """Show the moderators' role commands that Discord hides from it, as an admin would under Integrations."""
    for name in names:
        command = bench.env.backend.find_command(name, bench.guild.id, type=1)
        bench.guild.set_command_permissions(int(command["id"]), {bench.moderators: True})


async def announce(bench: DiscordBench, guild: simcord.GuildHandle) -> None:
    """Have Discord announce a server as one that the bot has just joined."""
    payload = dict(serializers.guild_create_payload(bench.env.backend, bench.env.backend.guilds[guild.id]))
    payload.pop("unavailable")
    bench.env.backend.emit("GUILD_CREATE", payload)
    await bench.env.settle()
