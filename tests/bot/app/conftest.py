from tests.loopback.fixtures import discord_world

__all__ = ["discord_world"]
