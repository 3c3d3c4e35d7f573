"""What a moderator does by hand about something that nothing was done about."""

from datetime import timedelta

import discord

from bot.domain import Action, Outcome, ReviewVerdict
from bot.ui.acting import TimeoutSelect
from tests.bot.ui.scene import StandIn, card, decision, flag, flag_done, labels, on_bench, restart, said, shown
from tests.fakes.discord_bench import DiscordBench


async def question(bench: DiscordBench, who=None, label: str = "Confirm"):
    result = await (who or bench.ada).click(card(bench), label=label)
    (asked,) = result.followups
    assert asked.ephemeral
    assert "What should happen?" in asked.content
    return asked


@on_bench
async def test_whoever_may_do_everything_is_offered_everything(bench: DiscordBench, acting: StandIn):
    await flag(bench)
    asked = await question(bench)
    assert sorted(labels(asked.components)) == ["Ban", "Delete message", "Kick", "Nothing", "Warn"]
    options = [o["label"] for r in asked.components for c in r["components"] for o in c.get("options", ())]
    assert options == ["Time out for 10 minutes", "Time out for 1 hour", "Time out for 1 day"]


@on_bench
async def test_a_moderator_is_offered_what_their_permissions_allow(bench: DiscordBench, acting: StandIn):
    await flag(bench)
    asked = await question(bench, bench.mia)
    assert list(labels(asked.components)) == ["Warn", "Nothing"]


@on_bench
async def test_nothing_is_asked_where_referee_acted_or_it_was_a_false_alarm(bench: DiscordBench, acting: StandIn):
    await flag_done(bench)
    assert (await bench.ada.click(card(bench), label="Confirm")).followups == []
    await flag(bench)
    messages = [message for message in bench.review.history() if "Confirm" in labels(message.components)]
    assert (await bench.ada.click(messages[0], label="False alarm")).followups == []


@on_bench
async def test_a_refused_action_is_left_to_the_moderator(bench: DiscordBench, acting: StandIn):
    await flag(bench, decision=decision(Action.KICK), outcome=Outcome.REFUSED, outcome_detail="no")
    assert "Kick" in labels((await question(bench)).components)


@on_bench
async def test_what_is_done_is_told_kept_shown_and_logged(bench: DiscordBench, acting: StandIn):
    incident = await flag(bench)
    asked = await question(bench)
    result = await bench.ada.click(asked, label="Kick")
    assert acting.acted == [(incident.id, Action.KICK, None, bench.ada.id)]
    assert said(result) == "kicked"
    act = (await bench.stores.incidents.reviews(incident.id))[-1]
    assert (act.verdict, act.moderator, act.note) == (ReviewVerdict.ACT, str(bench.ada.id), "kicked")
    assert f"Done by hand by <@{bench.ada.id}>" in shown(card(bench))
    assert any(f"insult: kicked, by <@{bench.ada.id}>" in line.content for line in bench.log.history())


@on_bench
async def test_a_timeout_lasts_as_long_as_was_chosen(bench: DiscordBench, acting: StandIn):
    incident = await flag(bench)
    result = await bench.ada.select(await question(bench), ["3600"])
    assert acting.acted == [(incident.id, Action.TIMEOUT, timedelta(hours=1), bench.ada.id)]
    assert said(result) == "timed out for 1 hour"


@on_bench
async def test_deleting_takes_every_message_of_the_card_and_the_rest_acts_once(bench: DiscordBench, acting: StandIn):
    first = await flag(bench, decision=decision(category="threat", confidence=0.6))
    second = await flag(bench, "you clown")
    asked = await question(bench)
    await bench.ada.click(asked, label="Delete message")
    await bench.ada.click(asked, label="Warn")
    assert [(number, action) for number, action, _, _ in acting.acted] == [
        (first.id, Action.DELETE),
        (second.id, Action.DELETE),
        (first.id, Action.WARN),
    ]
    assert shown(card(bench)).count("message deleted") == 1


@on_bench
async def test_a_refusal_is_told_and_shown(bench: DiscordBench, acting: StandIn):
    await flag(bench)
    acting.answer = (Outcome.REFUSED, "Ann's role is above Referee's")
    result = await bench.ada.click(await question(bench), label="Ban")
    assert said(result) == "a ban did not work: Ann's role is above Referee's"
    assert "a ban did not work" in shown(card(bench))


@on_bench
async def test_nothing_means_nothing(bench: DiscordBench, acting: StandIn):
    await flag(bench)
    result = await bench.ada.click(await question(bench), label="Nothing")
    assert acting.acted == []
    assert result.followups == []
    assert "Nothing was done." in result.response.content


@on_bench
async def test_permissions_are_checked_when_the_button_is_pressed(bench: DiscordBench, acting: StandIn):
    await flag(bench)
    asked = await question(bench, bench.mia)
    stored = bench.env.backend.get_message(asked.channel_id, asked.id)
    stored.components[0]["components"][0]["custom_id"] = "referee:act:1:ban"
    assert "do not allow a ban" in said(await bench.mia.click(asked, custom_id="referee:act:1:ban"))
    bench.env.backend.guilds[bench.guild.id].members[bench.mia.id].role_ids.clear()
    assert "moderators" in said(await bench.mia.click(asked, custom_id="referee:act:1:ban"))
    assert acting.acted == []


@on_bench
async def test_acting_survives_a_restart_and_can_be_asked_for_again(bench: DiscordBench, acting: StandIn):
    await flag(bench)
    asked = await question(bench)
    await restart(bench)
    again = StandIn(bench)
    await bench.ada.click(asked, label="Warn")
    await bench.ada.click(await question(bench, label="Act"), label="Kick")
    assert [action for _, action, _, _ in again.acted] == [Action.WARN, Action.KICK]


@on_bench
async def test_nobody_can_be_punished_for_what_was_erased(bench: DiscordBench, acting: StandIn):
    await flag(bench)
    asked = await question(bench)
    await bench.stores.incidents.erase(bench.community, str(bench.ann.id))
    assert "Nothing is left" in said(await bench.ada.click(asked, label="Ban"))
    assert "Nothing is left" in said(await bench.ada.click(asked, label="Delete message"))
    assert acting.acted == []
    result = await bench.ada.click(card(bench), label="Act")
    assert "Nothing can be done" in said(result)


def test_the_timeouts_that_are_offered_are_ones_that_discord_takes():
    item = TimeoutSelect(1).item
    assert all(0 < int(option.value) <= 28 * 86400 for option in item.options)
    assert isinstance(item, discord.ui.Select)
