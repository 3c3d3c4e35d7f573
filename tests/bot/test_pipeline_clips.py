import asyncio
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import UNCHECKED, Action, Mode, Outcome, Segment, Transcript
from bot.errors import SpeechError, StoreError
from bot.policy import CategoryRule, Rung
from classifier import NotScored, NotScoredReason
from tests.fakes.bench import CLIPS, INSULT, POLICY, SCRIPT, Bench, stream
from tests.fakes.chat import heard, line, spoken_line, verdict
from tests.fakes.scorer import ScriptedScorer

CLIP = spoken_line("m1", "long.ogg")
THREAT_LADDER = (Rung(Action.TIMEOUT, timedelta(hours=1)), Rung(Action.BAN))
WITH_THREATS = replace(
    POLICY,
    categories={**POLICY.categories, "threat": CategoryRule(Mode.LIVE, 0.5, 0.8, THREAT_LADDER)},
    severity={"insult": 1, "hate": 2, "threat": 3},
)
MORE = {
    **SCRIPT,
    "i will find you": verdict(threat=0.9),
    "go back to your country": verdict(hate=0.9),
    "you are an idiot": INSULT,
}
"""Insults are warned of, threats are answered with a timeout, hate is flagged for humans."""


async def test_each_sentence_of_a_clip_is_judged_on_its_own(bench: Bench) -> None:
    [handled] = await bench.say(spoken_line("m1", "rude.ogg"))
    [incident] = await bench.incidents()

    assert bench.scorer.scored == ["well played idiot", "well played", "idiot"]
    assert (incident.text, incident.clip_name, incident.transcript_doubt) == ("idiot", "rude.ogg", 0.1)
    assert incident.decision.action is Action.WARN
    assert (handled.transcript, handled.excerpt.text) == (CLIPS["rude.ogg"], "well played idiot")


async def test_nobody_is_punished_on_a_doubtful_transcript(bench: Bench) -> None:
    await bench.say(spoken_line("m1", "mumbled.ogg"))
    [incident] = await bench.incidents()

    assert (incident.decision.action, incident.decision.would) == (Action.FLAG, Action.WARN)
    assert (incident.outcome, incident.decision.strike) == (Outcome.NOT_NEEDED, False)
    assert bench.enforcer.seen == []


@pytest.mark.parametrize("name", ["clean.ogg", "silent.ogg"])
async def test_a_clip_with_nothing_bad_in_it_is_clean(bench: Bench, name: str) -> None:
    await bench.say(spoken_line("m1", name))

    assert await bench.incidents() == []
    assert bench.pipeline.tally.scored == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("broken.ogg", "no sound in it"),
        ("no decoder.ogg", "the decoder cannot be started"),
        ("no model.ogg", "no speech model is installed"),
        ("cut.ogg", "only the first 600 s were heard"),
    ],
)
async def test_a_clip_that_was_not_heard_whole_goes_to_a_human(bench: Bench, name: str, why: str) -> None:
    [handled] = await bench.say(spoken_line("m1", name))
    [incident] = await bench.incidents()

    assert (incident.category, incident.decision.action, incident.clip_name) == (UNCHECKED, Action.FLAG, name)
    assert incident.decision.reasons == (f"could not be checked: {why}",)
    assert [shown for _, shown in bench.notifier.seen] == [incident] == [handled.incident]
    assert bench.enforcer.seen == []


async def test_an_insult_in_the_heard_part_of_a_clip_is_treated_as_one(bench: Bench) -> None:
    await bench.say(spoken_line("m1", "cut and rude.ogg"))

    assert [incident.decision.action for incident in await bench.incidents()] == [Action.WARN]


async def test_with_speech_switched_off_a_clip_goes_to_a_human(bench: Bench) -> None:
    await bench.restarted(transcriber=None).handle(spoken_line("m1", "rude.ogg"))

    assert [incident.decision.reasons for incident in await bench.incidents()] == [
        ("could not be checked: speech is switched off",)
    ]


async def test_a_clip_that_fails_does_not_stop_the_stream(bench: Bench) -> None:
    lines = stream(spoken_line("m1", "no model.ogg"), line("m2", "idiot", author="ben"))

    handled = [each async for each in bench.pipeline.run(lines)]

    assert [each.decision.category for each in handled] == [UNCHECKED, "insult"]


async def test_a_clip_that_was_not_fetched_is_brought_up_once_with_its_name_and_the_reason(bench: Bench) -> None:
    lost = spoken_line("m1", "lost.ogg")

    for _ in range(2):
        handled = await bench.pipeline.unchecked(lost, "it has expired")
    [incident] = await bench.incidents()

    assert (incident.category, incident.clip_name) == (UNCHECKED, "lost.ogg")
    assert incident.decision.reasons == ("could not be checked: it has expired",)
    assert [shown for _, shown in bench.notifier.seen] == [incident] == [handled.incident]
    assert (bench.transcriber.asked, bench.enforcer.seen) == ([], [])
    assert (bench.pipeline.tally.unchecked, bench.pipeline.tally.clips) == (2, 2)


async def test_a_clip_that_was_not_fetched_is_left_alone_where_nothing_is_moderated(bench: Bench) -> None:
    handled = await bench.pipeline.unchecked(spoken_line("m1", "lost.ogg", channel="staff"), "it has expired")

    assert (handled.incident, await bench.incidents()) == (None, [])
    assert bench.pipeline.tally.exempt == 1


def hears(bench: Bench, *slices: Transcript | SpeechError | asyncio.Event) -> None:
    """Let the bench hear this in the clip, slice after slice, and know threats."""
    bench.transcriber.script["long.ogg"] = slices
    bench.scorer = ScriptedScorer(MORE)
    bench.restarted(WITH_THREATS)


async def test_the_first_abuse_in_a_clip_is_found_before_the_rest_was_listened_to(bench: Bench) -> None:
    gate = asyncio.Event()
    hears(bench, heard("well played"), heard("idiot", start=42.0), gate, heard("push left", start=60.0))

    async with asyncio.timeout(5), aclosing(bench.pipeline.hear(CLIP)) as found:
        first = await anext(found)
        [incident] = await bench.incidents()
        gate.set()
        *between, last = [each async for each in found]

    assert (first.incident, first.created) == (incident, True)
    assert (incident.text, incident.clip_at, incident.key.revision) == ("idiot", 42.0, "0")
    assert between == []
    assert (last.created, last.incident, last.excerpt.text) == (False, incident, "well played idiot push left")
    assert (bench.pipeline.tally.seen, bench.pipeline.tally.clips, bench.pipeline.tally.scored) == (1, 1, 1)


async def test_hearing_a_clip_is_told_for_whom_and_with_which_words(bench: Bench) -> None:
    bench.restarted(replace(POLICY, clip_words=("Zephyra",)))

    await bench.hear(spoken_line("m1", "clean.ogg", community="arena"))

    assert bench.transcriber.expected == [("arena", ("Zephyra",))]


async def test_something_graver_later_in_a_clip_is_a_second_incident_of_the_same_offence(bench: Bench) -> None:
    hears(bench, heard("idiot"), heard("i will find you", start=80.0))

    handled = await bench.hear(CLIP)
    first, second = await bench.incidents()

    assert [each.created for each in handled] == [True, True, False]
    assert (first.key.revision, second.key.revision) == ("0", "0/2")
    assert (first.decision.action, second.decision.action) == (Action.WARN, Action.TIMEOUT)
    assert (first.clip_at, second.clip_at) == (0.0, 80.0)
    # What was said first is no strike against what was said next: else this would be a ban.
    assert "0.0 recent strikes" in second.decision.reasons[1]
    assert [each.id for each in bench.enforcer.seen] == [first.id, second.id]


async def test_a_clip_after_another_counts_the_strikes_of_the_other(bench: Bench) -> None:
    hears(bench, heard("i will find you"))

    await bench.hear(CLIP)
    await bench.hear(spoken_line("m2", "long.ogg", after=60.0))

    assert [each.decision.action for each in await bench.incidents()] == [Action.TIMEOUT, Action.BAN]


@pytest.mark.parametrize("later", ["idiot", "you clown", "go back to your country", "buy gold"])
async def test_nothing_milder_later_in_a_clip_becomes_an_incident(bench: Bench, later: str) -> None:
    hears(bench, heard("idiot"), heard(later, start=80.0))

    *_, last = await bench.hear(CLIP)
    [incident] = await bench.incidents()

    assert incident.text == "idiot"
    assert last.incident is not None
    assert last.incident.id == incident.id
    assert len(bench.enforcer.seen) == 1


async def test_a_graver_category_is_brought_up_where_both_are_only_flagged(bench: Bench) -> None:
    hears(bench, heard("buy gold"), heard("go back to your country", start=80.0), heard("buy gold", start=90.0))

    await bench.hear(CLIP)

    assert [(each.category, each.decision.action) for each in await bench.incidents()] == [
        ("spam", Action.FLAG),
        ("hate", Action.FLAG),
    ]


async def test_a_sentence_that_two_slices_share_is_found(bench: Bench) -> None:
    hears(bench, heard("push left", "you are an", start=16.0), heard("idiot", "push", start=18.0))
    bench.restarted(WITH_THREATS, scorer=ScriptedScorer({"you are an idiot": INSULT}))

    await bench.hear(CLIP)
    [incident] = await bench.incidents()

    assert incident.text == "you are an idiot"
    assert 17.0 <= incident.clip_at <= 18.0


async def test_sentences_far_apart_are_not_read_as_one(bench: Bench) -> None:
    hears(bench, heard("you are an"), heard("idiot", start=300.0))
    bench.restarted(WITH_THREATS, scorer=ScriptedScorer({"you are an idiot": INSULT}))

    await bench.hear(CLIP)

    assert await bench.incidents() == []


async def test_an_incident_tells_when_the_worst_of_several_sentences_was_said(bench: Bench) -> None:
    hears(bench, heard("push left", "idiot", "well played", start=600.0))
    scorer = ScriptedScorer({"push left idiot well played": INSULT, "idiot": verdict(insult=0.4)})
    bench.restarted(WITH_THREATS, scorer=scorer)

    await bench.hear(CLIP)

    assert [each.clip_at for each in await bench.incidents()] == [601.0]


async def test_the_doubt_is_that_of_the_flagged_words_not_of_a_mumble_elsewhere(bench: Bench) -> None:
    clear, mumbled = Segment(0, 1, "idiot", 0.1), Segment(9, 10, "well played", 0.95)
    hears(bench, Transcript((clear, mumbled), 10.0, 0.95), heard("push left", doubt=0.99, start=10.0))

    await bench.hear(CLIP)
    [incident] = await bench.incidents()

    assert (incident.decision.action, incident.transcript_doubt) == (Action.WARN, 0.1)


async def test_abuse_that_was_mumbled_in_a_clear_clip_is_only_flagged(bench: Bench) -> None:
    mumbled, clear = Segment(0, 1, "idiot", 0.95), Segment(9, 10, "well played", 0.1)
    hears(bench, Transcript((mumbled, clear), 10.0, 0.95))

    await bench.hear(CLIP)
    [incident] = await bench.incidents()

    assert (incident.decision.action, incident.transcript_doubt) == (Action.FLAG, 0.95)


async def test_what_was_mumbled_first_and_said_clearly_later_is_acted_on(bench: Bench) -> None:
    hears(bench, heard("idiot", doubt=0.95), heard("idiot", start=20.0))

    await bench.hear(CLIP)

    assert [each.decision.action for each in await bench.incidents()] == [Action.FLAG, Action.WARN]


@pytest.mark.parametrize("later", ["you clown", "i will find you", "well played"])
async def test_a_clip_that_is_delivered_again_changes_nothing(bench: Bench, later: str) -> None:
    hears(bench, heard("i will find you"), heard(later, start=80.0))
    await bench.hear(CLIP)
    before, acted = await bench.incidents(), list(bench.enforcer.seen)

    again = await bench.hear(CLIP)

    assert [each.created for each in again] == [False] * len(again)
    assert await bench.incidents() == before
    assert bench.enforcer.seen == acted


async def test_its_own_strikes_do_not_make_a_clip_worse_when_it_is_delivered_again(bench: Bench) -> None:
    # As a second offence, the threat is answered with a ban, and the insult with no more than the first time.
    ladder = (Rung(Action.TIMEOUT, timedelta(hours=1)),)
    hears(bench, heard("idiot"), heard("i will find you", start=80.0))
    same = replace(
        WITH_THREATS,
        severity={},
        categories={
            "insult": CategoryRule(Mode.LIVE, 0.5, 0.8, ladder),
            "threat": CategoryRule(Mode.LIVE, 0.5, 0.8, THREAT_LADDER),
        },
    )
    bench.restarted(same)

    await bench.hear(CLIP)
    await bench.hear(CLIP)

    assert [each.category for each in await bench.incidents()] == ["insult"]


async def test_a_clip_that_fails_midway_keeps_what_was_found_and_says_what_was_not_checked(bench: Bench) -> None:
    hears(bench, heard("idiot"), SpeechError("the speech model broke down"))

    await bench.hear(CLIP)
    found, rest = await bench.incidents()

    assert (found.text, found.decision.action) == ("idiot", Action.WARN)
    assert (rest.category, rest.key.revision, rest.outcome) == (UNCHECKED, "0/rest", Outcome.NOT_NEEDED)
    assert rest.decision.reasons == ("could not be checked: the speech model broke down",)
    assert [shown.id for _, shown in bench.notifier.seen] == [found.id, rest.id]
    assert [each.id for each in bench.enforcer.seen] == [found.id]


async def test_what_is_known_not_to_be_heard_is_said_with_what_was_found(bench: Bench) -> None:
    notes = ("only the first 600 s were heard",)
    cut = [heard(said, complete=False, notes=notes, start=n) for n, said in enumerate(("idiot", "well played"))]
    hears(bench, *cut)

    await bench.hear(CLIP)
    [incident] = await bench.incidents()

    assert incident.decision.reasons[-1] == "not all was checked: only the first 600 s were heard"


@pytest.mark.parametrize("slices", [(), (heard("well played"), heard("push left", start=20.0))])
async def test_a_clip_that_fails_without_findings_goes_to_a_human(bench: Bench, slices: tuple[Transcript, ...]) -> None:
    hears(bench, *slices, SpeechError("the speech model broke down"))

    [handled] = await bench.hear(CLIP)
    [incident] = await bench.incidents()

    assert (incident.category, incident.key.revision, handled.created) == (UNCHECKED, "0", True)
    assert incident.decision.reasons == ("could not be checked: the speech model broke down",)


async def test_a_clip_in_a_foreign_language_goes_to_a_human_with_the_language_named(bench: Bench) -> None:
    hears(bench, heard("das war nichts", foreign="German"))

    await bench.hear(CLIP)
    [incident] = await bench.incidents()

    assert incident.category == UNCHECKED
    assert incident.decision.reasons == ("could not be checked: spoken in German, which the classifier does not know",)


async def test_where_a_community_does_not_want_them_foreign_clips_are_left_alone(bench: Bench) -> None:
    hears(bench, heard("das war nichts", foreign="German"))
    bench.restarted(replace(WITH_THREATS, review_foreign_clips=False))

    [handled] = await bench.hear(CLIP)

    assert (handled.incident, await bench.incidents()) == (None, [])


async def test_an_insult_that_is_heard_in_a_foreign_clip_is_treated_as_one(bench: Bench) -> None:
    hears(bench, heard("idiot", foreign="German"))

    await bench.hear(CLIP)
    [incident] = await bench.incidents()

    assert incident.decision.action is Action.WARN
    assert "spoken in German" in incident.decision.reasons[-1]


async def test_whoever_stops_listening_early_ends_the_hearing(bench: Bench) -> None:
    hears(bench, heard("idiot"), heard("push left"), heard("well played"))

    async with aclosing(bench.pipeline.hear(CLIP)) as found:
        await anext(found)

    assert bench.transcriber.left == ["long.ogg"]


async def test_an_incident_of_a_clip_that_cannot_be_kept_ends_the_hearing_and_is_counted(bench: Bench) -> None:
    hears(bench, heard("idiot"), heard("push left"))
    await bench.store.close()

    with pytest.raises(StoreError):
        await bench.hear(CLIP)

    assert bench.transcriber.left == ["long.ogg"]


async def test_a_clip_where_nothing_is_moderated_is_not_listened_to(bench: Bench) -> None:
    [handled] = await bench.hear(spoken_line("m1", "rude.ogg", channel="staff"))

    assert (handled.incident, bench.transcriber.asked) == (None, [])
    assert bench.pipeline.tally.exempt == 1


async def test_a_preview_of_a_clip_tells_where_in_it_the_worst_was_said(bench: Bench) -> None:
    hears(bench, heard("idiot"), heard("i will find you", start=80.0), heard("you clown", start=90.0))

    preview = await bench.pipeline.preview(CLIP)

    assert (preview.text, preview.at, preview.decision.action) == ("i will find you", 80.0, Action.TIMEOUT)
    assert preview.transcript is not None
    assert preview.transcript.text == "idiot i will find you you clown"


async def test_what_may_have_been_said_is_flagged_and_never_punished_however_much_doubt_a_policy_allows(
    bench: Bench,
) -> None:
    guess = Segment(3.0, 4.0, "idiot", 0.8)
    bench.transcriber.script["long.ogg"] = replace(heard("well played"), maybe=(guess,))
    trusting = replace(POLICY, most_doubt=1.0)

    [handled] = [each async for each in bench.restarted(policy=trusting).hear(CLIP) if each.created]
    [incident] = await bench.incidents()

    assert (incident.decision.action, incident.decision.would, incident.decision.strike) == (
        Action.FLAG,
        Action.WARN,
        False,
    )
    assert (incident.text, incident.clip_at, incident.transcript_doubt) == ("idiot", 3.0, 0.8)
    assert incident.decision.reasons[-2:] == (
        "this may have been said; it was heard otherwise",
        "what may have been said is flagged only",
    )
    assert handled.transcript is not None
    assert handled.transcript.text == "well played"


async def test_what_was_heard_counts_before_what_may_have_been_said(bench: Bench) -> None:
    guess = Segment(3.0, 4.0, "idiot", 0.8)
    bench.transcriber.script["long.ogg"] = replace(heard("you are an idiot"), maybe=(guess,))

    await anext(bench.restarted(scorer=ScriptedScorer(MORE)).hear(CLIP))
    [incident] = await bench.incidents()

    assert (incident.text, incident.decision.action) == ("you are an idiot", Action.WARN)


async def test_a_slice_that_came_too_late_for_a_score_makes_the_clip_unchecked(bench: Bench) -> None:
    hears(bench, heard("well played"), heard("push left", start=20.0))
    late = ScriptedScorer({**MORE, "push left": NotScored(NotScoredReason.LATE)})

    async for _ in bench.restarted(scorer=late).hear(CLIP):
        pass
    [incident] = await bench.incidents()

    assert incident.category == UNCHECKED
    assert incident.decision.reasons == ("could not be checked: part of it was not scored: late",)
