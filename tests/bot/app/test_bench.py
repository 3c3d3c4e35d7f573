"""The bench that the tests of the Discord parts stand on."""

from pathlib import Path

from bot.app.compose import compose
from bot.assembly import Parts
from bot.domain import Mode
from bot.policy_presets import Preset
from bot.settings import Settings
from bot.speech.line import SpeechLoad
from tests.fakes.discord_bench import SystemTime, open_discord, shipped


async def test_a_server_that_nobody_set_up_is_in_shadow_mode_and_one_that_was_follows_its_preset(tmp_path: Path):
    async with open_discord(tmp_path) as bench:
        communities = bench.bot.services.communities

        assert {rule.mode for rule in communities.of(bench.community).categories.values()} == {Mode.SHADOW}
        await bench.set_up(Preset.STANDARD)
        assert communities.of(bench.community).categories["insult"].mode is Mode.LIVE
        await bench.ann.send(bench.lobby, "hello")
        assert bench.lobby.last_message.content == "hello"


async def test_the_parts_of_the_bot_are_told_how_much_waits_to_be_scored_and_heard(tmp_path: Path):
    async with open_discord(tmp_path) as bench:
        load = SpeechLoad(waiting=7)
        rules = bench.bot.services.communities.basis.policy
        parts = Parts(shipped(), rules, bench.stores, bench.scorer, bench.transcriber, lambda: 3, lambda: load)

        other = await compose(Settings(_env_file=None), parts, SystemTime(), [])  # type: ignore[call-arg]

        assert (other.services.waiting(), other.services.speech()) == (3, load)
        await other.services.fetcher.close()
