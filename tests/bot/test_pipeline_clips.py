import pytest

from bot.domain import UNCHECKED, Action, Outcome
from tests.fakes.bench import CLIPS, Bench, stream
from tests.fakes.chat import line, spoken_line


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
