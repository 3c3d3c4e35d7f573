import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import UNCHECKED, Action, Outcome, Platform, Review, ReviewVerdict
from bot.errors import RefereeError
from tests.fakes.bench import INSULT, LATE, POLICY, Bench, actions, insults
from tests.fakes.chat import LATER, START, line, spoken_line, verdict

# One message.


async def test_a_clean_line_leaves_no_incident(bench: Bench) -> None:
    [handled] = await bench.say(line("m1", "well played"))

    assert handled.decision.action is Action.NONE
    assert handled.verdict == verdict()
    assert (handled.incident, await bench.incidents(), bench.notifier.seen) == (None, [], [])


async def test_an_insult_is_written_acted_on_and_shown(bench: Bench) -> None:
    said = line("m1", "idiot")
    [handled] = await bench.say(said)
    [incident] = await bench.incidents()

    assert (incident.decision.action, incident.outcome) == (Action.WARN, Outcome.DONE)
    assert (incident.text, incident.words, incident.toxic) == ("idiot", ("idiot",), 0.9)
    assert (incident.key, incident.author, incident.at) == (said.key, "ann", START)
    assert (incident.model_version, incident.transcript_doubt) == ("test-1", None)
    assert (handled.incident, handled.created, handled.decision) == (incident, True, incident.decision)
    assert [shown for _, shown in bench.notifier.seen] == [incident]


async def test_an_incident_is_written_before_anything_is_done(bench: Bench) -> None:
    await bench.say(line("m1", "idiot"))

    assert bench.enforcer.stored == bench.enforcer.seen
    assert bench.enforcer.stored[0].outcome is Outcome.PENDING


@pytest.mark.parametrize(("text", "category"), [("you clown", "insult"), ("buy gold", "spam")])
async def test_what_is_only_flagged_is_shown_and_not_acted_on(bench: Bench, text: str, category: str) -> None:
    await bench.say(line("m1", text))
    [incident] = await bench.incidents()

    assert (incident.category, incident.outcome) == (category, Outcome.NOT_NEEDED)
    assert len(bench.notifier.seen) == 1
    assert bench.enforcer.seen == []


async def test_an_exempt_line_is_not_even_scored(bench: Bench) -> None:
    said = line("m1", "idiot", channel="staff"), spoken_line("m2", "rude.ogg", channel="staff")
    handled = await bench.say(*said)

    assert [each.decision.reasons for each in handled] == [("the author or the channel is exempt",)] * 2
    assert [each.verdict for each in handled] == [None, None]
    assert (bench.scorer.scored, bench.transcriber.asked) == ([], [])


async def test_a_line_that_got_no_score_is_no_clean_one(bench: Bench) -> None:
    [handled] = await bench.say(line("m1", "late"))

    assert handled.verdict == LATE
    assert handled.decision.reasons == ("not scored: late",)
    assert await bench.incidents() == []
    assert bench.pipeline.tally.not_scored == {"late": 1}


async def test_an_insult_is_not_lost_with_a_joined_reading_that_got_no_score(bench: Bench) -> None:
    bench.scorer.script["hello idiot"] = LATE
    await bench.say(line("m1", "hello"), line("m2", "idiot", after=1))

    assert [incident.text for incident in await bench.incidents()] == ["idiot"]
    assert bench.pipeline.tally.not_scored == {"late": 1}


async def test_the_part_of_a_long_line_that_was_not_read_goes_to_a_human(bench: Bench) -> None:
    await bench.say(line("m1", "too long to read"))
    [incident] = await bench.incidents()

    assert (incident.category, incident.decision.action) == (UNCHECKED, Action.FLAG)
    assert incident.decision.reasons == ("could not be checked: the text is longer than what is read of one message",)
    assert (incident.text, incident.toxic, incident.words) == ("too long to read", 0.1, ())
    assert bench.pipeline.tally.scored == 1


async def test_a_long_line_that_is_an_insult_is_treated_as_one(bench: Bench) -> None:
    await bench.say(line("m1", "idiot, and too long to read"))

    assert [incident.category for incident in await bench.incidents()] == ["insult"]


# Twice, and after a crash.


async def test_a_second_delivery_changes_nothing(bench: Bench) -> None:
    first, second = await bench.say(line("m1", "idiot"), line("m1", "idiot"))

    assert (second.incident, second.created) == (first.incident, False)
    assert second.decision == first.decision
    assert [len(x) for x in (await bench.incidents(), bench.enforcer.seen, bench.notifier.seen)] == [1, 1, 1]
    assert (bench.pipeline.tally.incidents, bench.pipeline.tally.known) == (1, 1)


async def test_a_second_delivery_after_a_restart_changes_nothing(bench: Bench) -> None:
    await bench.say(line("m1", "idiot"))
    await bench.restarted().handle(line("m1", "idiot"))

    assert [len(x) for x in (await bench.incidents(), bench.enforcer.seen, bench.notifier.seen)] == [1, 1, 1]


async def test_an_edit_is_judged_anew(bench: Bench) -> None:
    await bench.say(line("m1", "well played"), line("m1", "idiot", revision="1", after=1))

    assert [incident.key.revision for incident in await bench.incidents()] == ["1"]


async def test_an_action_cut_off_by_a_crash_is_done_once_at_the_next_start(bench: Bench) -> None:
    bench.enforcer.gate.clear()
    crashing = asyncio.create_task(bench.pipeline.handle(line("m1", "idiot")))
    await bench.enforcer.begun.wait()
    crashing.cancel()
    await asyncio.gather(crashing, return_exceptions=True)
    bench.enforcer.gate.set()
    bench.enforcer.seen.clear()

    recovered = await bench.restarted().recover(Platform.LOG, LATER)

    assert [incident.outcome for incident in recovered] == [Outcome.DONE]
    assert await bench.incidents() == recovered
    assert await bench.pipeline.recover(Platform.LOG, LATER) == []
    assert len(bench.enforcer.seen) == 1


async def test_what_is_done_is_not_done_again_at_the_next_start(bench: Bench) -> None:
    await bench.say(line("m1", "idiot"), line("m2", "you clown", author="ben"))

    assert await bench.restarted().recover(Platform.LOG, LATER) == []
    assert len(bench.enforcer.seen) == 1


# The action.


async def test_an_action_that_fails_is_written_down_and_shown(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.enforcer.error = RefereeError("the gateway is gone")
    with caplog.at_level(logging.ERROR):
        [handled] = await bench.say(line("m1", "idiot"))
    [incident] = await bench.incidents()

    assert (incident.outcome, incident.outcome_detail) == (Outcome.FAILED, "the gateway is gone")
    assert (handled.incident, [shown for _, shown in bench.notifier.seen]) == (incident, [incident])
    assert caplog.messages == [f"acting on incident {incident.id} failed"]


async def test_an_action_that_is_refused_is_written_down(bench: Bench) -> None:
    bench.enforcer.outcome = (Outcome.REFUSED, "may not time out an admin")
    await bench.say(line("m1", "idiot"))
    [incident] = await bench.incidents()

    assert (incident.outcome, incident.outcome_detail) == (Outcome.REFUSED, "may not time out an admin")
    assert bench.pipeline.tally.outcomes == {"refused": 1}


# The ladder.


async def test_strikes_climb_the_ladder(bench: Bench) -> None:
    assert actions(await bench.say(*insults(5))) == [
        Action.WARN,
        Action.DELETE,
        Action.TIMEOUT,
        Action.BAN,
        Action.BAN,
    ]
    assert [incident.decision.duration for incident in await bench.incidents()][2] == timedelta(hours=1)


async def test_strikes_stay_in_their_community_and_with_their_author(bench: Bench) -> None:
    await bench.say(*insults(2))

    assert actions(await bench.say(*insults(1, community="other"), *insults(1, channel="other", author="ben"))) == [
        Action.WARN,
        Action.WARN,
    ]


async def test_a_dismissed_incident_is_no_strike(bench: Bench) -> None:
    [first] = await bench.say(line("m0", "idiot"))
    assert first.incident is not None
    await bench.store.review(Review(first.incident.id, ReviewVerdict.DISMISS, "mod", START))

    assert actions(await bench.say(line("m1", "idiot", after=60))) == [Action.WARN]


async def test_what_was_only_flagged_is_no_strike(bench: Bench) -> None:
    await bench.say(line("m0", "you clown"), line("m1", "buy gold", after=60))

    assert actions(await bench.say(line("m2", "idiot", after=120))) == [Action.WARN]


async def test_strikes_beyond_the_window_of_the_policy_are_not_asked_for(bench: Bench) -> None:
    bench.restarted(replace(POLICY, history_window=timedelta(seconds=200), strike_half_life=timedelta(days=999)))

    assert actions(await bench.say(*insults(4)))[-1] is Action.DELETE


async def test_messages_handled_at_the_same_time_do_not_share_a_rung(bench: Bench) -> None:
    handled = await asyncio.gather(*map(bench.pipeline.handle, insults(3)))

    assert sorted(actions(handled), key=lambda action: action.strictness) == [
        Action.WARN,
        Action.DELETE,
        Action.TIMEOUT,
    ]


async def test_a_slow_action_on_one_author_does_not_hold_up_another(bench: Bench) -> None:
    bench.enforcer.gate.clear()
    slow = asyncio.create_task(bench.pipeline.handle(line("m1", "idiot")))
    await bench.enforcer.begun.wait()

    [other] = await bench.say(line("m2", "you clown", author="ben"))

    assert other.created
    assert not slow.done()
    bench.enforcer.gate.set()
    assert (await slow).created


async def test_one_message_delivered_twice_at_the_same_time_is_acted_on_once(bench: Bench) -> None:
    handled = await asyncio.gather(*(bench.pipeline.handle(line("m1", "idiot")) for _ in range(3)))

    assert sorted(each.created for each in handled) == [False, False, True]
    assert len(bench.enforcer.seen) == 1


# Split words.


async def test_a_split_word_is_an_incident_of_the_line_that_completes_it(bench: Bench) -> None:
    await bench.say(line("m1", "id"), line("m2", "iot", after=1))
    [incident] = await bench.incidents()

    assert (incident.key.message, incident.text) == ("m2", "idiot")
    assert incident.decision.reasons[-1] == "read together with the lines before it"


async def test_a_joined_reading_is_not_flagged_again_by_the_next_line(bench: Bench) -> None:
    bench.scorer.script |= {"kill yourself now": INSULT, "yourself now": INSULT}
    await bench.say(line("m1", "kill"), line("m2", "yourself", after=1), line("m3", "now", after=2))

    assert [incident.text for incident in await bench.incidents()] == ["kill yourself"]


async def test_the_line_after_an_incident_is_still_judged_on_its_own(bench: Bench) -> None:
    await bench.say(line("m1", "idiot"), line("m2", "idiot", after=1))

    assert len(await bench.incidents()) == 2


async def test_a_word_that_several_authors_spell_is_flagged_and_nobody_is_punished(bench: Bench) -> None:
    letters = [line(f"m{n}", letter, author=f"a{n}", after=float(n)) for n, letter in enumerate("idiot")]

    handled = await bench.say(*letters)

    assert actions(handled) == [Action.NONE] * 4 + [Action.FLAG]
    assert not handled[-1].decision.strike
    assert handled[-1].decision.reasons[-1] == "several authors wrote it: flagged only"
