"""The bench that the tests of the Discord parts stand on."""

from pathlib import Path

from bot.domain import Mode
from bot.policy_presets import Preset
from tests.fakes.discord_bench import open_discord


async def test_a_server_that_nobody_set_up_is_in_shadow_mode_and_one_that_was_follows_its_preset(tmp_path: Path):
    async with open_discord(tmp_path) as bench:
        communities = bench.bot.services.communities

        assert {rule.mode for rule in communities.of(bench.community).categories.values()} == {Mode.SHADOW}
        await bench.set_up(Preset.STANDARD)
        assert communities.of(bench.community).categories["insult"].mode is Mode.LIVE
        await bench.ann.send(bench.lobby, "hello")
        assert bench.lobby.last_message.content == "hello"
