"""When a name is flagged: once for each time that it is taken, whoever was in memory."""

from pathlib import Path

import pytest

from bot.app import odd_events
from bot.cogs.watching import watch
from bot.cogs.watching.revisions import Revisions
from bot.domain import Outcome
from bot.errors import StoreBusy
from bot.policy_presets import Preset
from tests.fakes.discord_bench import DiscordBench, open_discord


async def rename(bench: DiscordBench, nick: str | None) -> None:
    bench.env.backend.edit_member(bench.guild.id, bench.ann.id, {"nick": nick})
    await bench.env.advance_time(2)


def forget_members(bench: DiscordBench) -> None:
    guild = bench.bot._connection._get_guild(bench.guild.id)
    assert guild is not None
    guild._remove_member(bench.ann)  # type: ignore[arg-type]


def forget_what_was_read(bench: DiscordBench) -> None:
    """Leave as much in memory as a restart does."""
    forget_members(bench)
    cog = bench.bot.get_cog("Watch")
    assert isinstance(cog, watch.Watch)
    cog.intake._revisions = Revisions()


async def test_a_nickname_of_somebody_who_was_not_in_memory_is_flagged(tmp_path: Path):
    async with open_discord(tmp_path, odd_events.setup, watch.setup, watch_names=True) as bench:
        forget_members(bench)
        await rename(bench, "you idiot")

        assert [incident.text for incident in await bench.incidents()] == ["you idiot"]


async def test_a_nickname_is_not_flagged_again_when_its_bearer_speaks_after_a_restart(tmp_path: Path):
    async with open_discord(tmp_path, odd_events.setup, watch.setup, watch_names=True) as bench:
        await bench.ann.send(bench.lobby, "hello")
        await rename(bench, "you idiot")
        forget_what_was_read(bench)
        await bench.ann.send(bench.lobby, "hello again")

        assert [incident.text for incident in await bench.incidents()] == ["you idiot"]


async def test_a_new_nickname_does_not_flag_the_rest_of_the_name_again(tmp_path: Path):
    async with open_discord(tmp_path, odd_events.setup, watch.setup, watch_names=True) as bench:
        bench.env.backend.users[bench.ann.id].global_name = "you idiot"
        for nick in ("anna", "annie"):
            await rename(bench, nick)

        assert [incident.text for incident in await bench.incidents()] == ["you idiot"]


async def test_a_nickname_that_was_reset_is_flagged_when_it_is_taken_again_after_a_restart(tmp_path: Path):
    async with open_discord(tmp_path, odd_events.setup, watch.setup, watch_names=True) as bench:
        await bench.set_up(Preset.STANDARD)
        nick = "go back to your country"
        await rename(bench, nick)
        [first] = await bench.incidents()
        assert first.outcome is Outcome.DONE
        assert bench.env.backend.guilds[bench.guild.id].members[bench.ann.id].nick == ""
        forget_what_was_read(bench)
        await rename(bench, nick)

        assert [incident.text for incident in await bench.incidents()] == [nick, nick]


async def test_a_nickname_that_was_only_flagged_stays_flagged_once_after_a_restart(tmp_path: Path):
    async with open_discord(tmp_path, odd_events.setup, watch.setup, watch_names=True) as bench:
        # A warning resets nothing.
        await bench.set_up(Preset.STANDARD)
        await rename(bench, "you idiot")
        forget_what_was_read(bench)
        await rename(bench, "you idiot")

        assert len(await bench.incidents()) == 1


async def test_a_name_that_the_database_did_not_take_is_flagged_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_discord(tmp_path, odd_events.setup, watch.setup, watch_names=True) as bench:
        with monkeypatch.context() as patch:

            async def busy(*_: object) -> None:
                raise StoreBusy("another process holds the database")

            patch.setattr(bench.stores.incidents, "record", busy)
            await rename(bench, "you idiot")
            assert await bench.incidents() == []
        await bench.env.advance_time(11)

        assert [incident.text for incident in await bench.incidents()] == ["you idiot"]
