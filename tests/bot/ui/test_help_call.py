"""The call for a human where Referee stopped acting, and the button that lets it act again."""

from dataclasses import replace

import discord
import pytest

from tests.bot.ui.scene import forget_review_channel, labels, on_bench, pinged, restart, said
from tests.fakes.discord_bench import DiscordBench

TEXT = "Referee stopped acting: more than 20 actions in a minute."


async def stop(bench: DiscordBench) -> None:
    now = discord.utils.utcnow()
    bench.bot.services.brake.pull(bench.community, now)
    await bench.bot.services.communities.hold(bench.community, now)
    await bench.bot.cards.call_for_help(bench.community, TEXT)
    await bench.env.settle()


@on_bench
async def test_the_moderators_are_pinged_in_the_review_channel_and_nobody_else(bench: DiscordBench):
    await stop(bench)
    call = bench.review.last_message
    assert TEXT in call.content
    assert bench.moderators.mention in call.content
    assert pinged(bench, bench.review) == ([], [bench.moderators.id])
    assert list(labels(call.components)) == ["Let Referee act again"]


@on_bench
async def test_a_moderator_lets_referee_act_again_also_after_a_restart(bench: DiscordBench):
    await stop(bench)
    await restart(bench)
    assert bench.bot.services.brake.is_on(bench.community)
    call = bench.review.last_message
    await bench.mia.click(call, label="Let Referee act again")
    assert not bench.bot.services.brake.is_on(bench.community)
    assert bench.bot.services.communities.get(bench.community).held_since is None
    assert f"<@{bench.mia.id}> let Referee act again." in [each.content for each in bench.review.history()]
    assert f"<@{bench.mia.id}> let Referee act again." in [each.content for each in bench.log.history()]
    (after,) = [each for each in bench.review.history() if each.id == call.id]
    assert list(labels(after.components)) == []


@on_bench
async def test_members_cannot_let_it_act_again(bench: DiscordBench):
    await stop(bench)
    result = await bench.ben.click(bench.review.last_message, label="Let Referee act again")
    assert "moderators" in said(result)
    assert bench.bot.services.brake.is_on(bench.community)


@on_bench
async def test_whoever_comes_second_is_told(bench: DiscordBench):
    await stop(bench)
    bench.bot.services.brake.release(bench.community)
    result = await bench.mia.click(bench.review.last_message, label="Let Referee act again")
    assert "somebody was first" in said(result)


@on_bench
async def test_without_a_review_channel_the_log_channel_and_then_the_servers_own_is_used(bench: DiscordBench):
    await forget_review_channel(bench)
    await stop(bench)
    assert TEXT in bench.log.last_message.content
    bench.env.inject_error("POST", f"/channels/{bench.log.id}/messages", status=403, code=50013)
    guild = bench.bot.get_guild(bench.guild.id)
    assert guild is not None
    guild._system_channel_id = bench.lobby.id
    await stop(bench)
    assert TEXT in bench.lobby.last_message.content


@on_bench
async def test_a_call_that_nobody_can_hear_is_logged_and_raises_nothing(
    bench: DiscordBench, caplog: pytest.LogCaptureFixture
):
    communities = bench.bot.services.communities
    nowhere = replace(communities.get(bench.community), review_channel=None, log_channel=None)
    await communities.save(nowhere, "1", discord.utils.utcnow(), "test")
    await stop(bench)
    await bench.bot.cards.call_for_help("not-a-server", TEXT)
    assert sum("could be told" in record.getMessage() for record in caplog.records) == 2
