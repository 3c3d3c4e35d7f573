"""What comes with a message, policies of several communities, and what is judged without being kept."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import Action, Excerpt, Mode, Outcome, Part, Surface
from bot.errors import StoreError, StoreFull
from bot.policy import CategoryRule, Policy
from classifier import NotScoredReason, WordWeight
from tests.fakes.bench import POLICY, SCRIPT, Bench
from tests.fakes.chat import line, spoken_line, verdict
from tests.fakes.scorer import ScriptedScorer

EMBED, POLL = Part(Surface.EMBED, "idiot"), Part(Surface.POLL, "you clown")


def unnumbered(message: str, text: str = "", **rest: object) -> Excerpt:
    """Return a line of a front end that cannot number revisions."""
    return line(message, text, revision="", **rest)


async def test_each_part_is_judged_alone_and_the_worst_makes_the_one_incident(bench: Bench) -> None:
    await bench.say(line("m1", "well played", parts=(POLL, EMBED)))

    [incident] = await bench.incidents()
    assert (incident.text, incident.surface, incident.decision.action) == ("idiot", Surface.EMBED, Action.WARN)
    assert bench.scorer.scored == ["well played", "you clown", "idiot"]


async def test_what_came_without_a_text_is_judged_by_its_parts_alone(bench: Bench) -> None:
    await bench.say(line("m1", " ", parts=(EMBED,)))

    assert (bench.scorer.scored, len(await bench.incidents())) == (["idiot"], 1)


async def test_text_that_nobody_typed_is_not_joined_to_lines_before_it(bench: Bench) -> None:
    await bench.say(line("m1", "kill"), line("m2", "yourself", after=1, surface=Surface.FORWARD))

    assert await bench.incidents() == []


async def test_a_message_whose_flagged_text_stays_is_flagged_once_whatever_else_changes(bench: Bench) -> None:
    await bench.say(
        unnumbered("m1", "idiot"),
        unnumbered("m1", "idiot", parts=(Part(Surface.EMBED, "a link's title"),)),
        unnumbered("m1", "well played"),
        unnumbered("m1", "idiot"),
    )

    assert (len(await bench.incidents()), len(bench.enforcer.seen)) == (1, 1)


async def test_a_message_that_is_edited_into_another_insult_is_flagged_again(bench: Bench) -> None:
    await bench.say(unnumbered("m1", "idiot"), unnumbered("m1", "kill yourself", after=60))

    first, second = await bench.incidents()
    assert first.key.message == second.key.message
    assert first.key.revision != second.key.revision


async def test_what_may_only_be_flagged_is_never_acted_on_nor_counted_as_a_strike(bench: Bench) -> None:
    [handled] = await bench.say(line("m1", "idiot", flag_only="AutoMod acted on it"))

    assert (handled.decision.action, handled.decision.strike) == (Action.FLAG, False)
    assert handled.decision.reasons[-1] == "AutoMod acted on it: flagged only"
    assert bench.enforcer.seen == []


async def test_each_community_has_its_own_policy(bench: Bench) -> None:
    class Two:
        def of(self, community: str) -> Policy:
            off = CategoryRule(Mode.OFF, 0.5, 0.8)
            return POLICY if community == "arena" else replace(POLICY, categories={"insult": off})

    bench.restarted(Two())
    await bench.say(line("m1", "idiot"), line("m2", "idiot", community="castle"))

    assert [incident.key.community for incident in await bench.incidents()] == ["arena"]


async def test_counts_are_kept_by_community_as_well(bench: Bench) -> None:
    await bench.say(line("m1", "idiot"), line("m2", "late"), line("m3", "hello", community="castle"))

    arena, castle = (bench.pipeline.tally_of(name) for name in ("arena", "castle"))
    assert (arena.seen, arena.incidents, dict(arena.not_scored)) == (2, 1, {NotScoredReason.LATE: 1})
    assert dict(arena.outcomes) == {Outcome.DONE: 1}
    assert (castle.seen, castle.incidents, bench.pipeline.tally.seen) == (1, 0, 3)


async def test_an_incident_that_the_database_refuses_is_counted(bench: Bench, tmp_path: Path) -> None:
    await bench.store.close()

    with pytest.raises(StoreError):
        await bench.pipeline.handle(line("m1", "you clown"))
    assert (bench.pipeline.tally.not_kept, bench.pipeline.tally_of("arena").not_kept) == (1, 1)


async def test_an_authors_next_line_is_decided_while_the_first_is_still_acted_on(bench: Bench) -> None:
    bench.enforcer.gate.clear()
    slow = asyncio.create_task(bench.pipeline.handle(line("m1", "idiot")))
    await bench.enforcer.begun.wait()
    second = asyncio.create_task(bench.pipeline.handle(line("m2", "well played", after=1)))

    assert (await second).decision.action is Action.NONE
    assert not slow.done()
    bench.enforcer.gate.set()
    assert (await slow).incident.outcome is Outcome.DONE


async def test_a_preview_says_what_would_happen_and_keeps_nothing(bench: Bench) -> None:
    for _ in range(2):
        preview = await bench.pipeline.preview(line("m1", "idiot"))

        assert (preview.decision.action, preview.decision.category) == (Action.WARN, "insult")
        assert ([word.word for word in preview.words], preview.verdict) == (["idiot"], verdict(insult=0.9))
    assert (await bench.incidents(), bench.enforcer.seen, bench.pipeline.tally.seen) == ([], [], 0)


async def test_a_preview_of_clean_late_and_spoken_content(bench: Bench) -> None:
    clean = await bench.pipeline.preview(line("m1", "well played"))
    late = await bench.pipeline.preview(line("m2", "late"))
    spoken = await bench.pipeline.preview(spoken_line("m3", "rude.ogg"))
    broken = await bench.pipeline.preview(spoken_line("m4", "broken.ogg"))

    assert (clean.decision.action, clean.verdict) == (Action.NONE, verdict())
    assert late.decision.reasons == ("not scored: late",)
    assert (spoken.text, spoken.decision.action) == ("idiot", Action.WARN)
    assert broken.decision.reasons == ("could not be checked: no sound in it",)


async def test_lines_are_joined_within_the_window_of_their_communitys_policy(bench: Bench) -> None:
    bench.restarted(replace(POLICY, join_window=timedelta(seconds=2)))
    await bench.say(line("m1", "kill"), line("m2", "yourself", after=5))
    assert await bench.incidents() == []

    await bench.say(line("m3", "kill", after=60), line("m4", "yourself", after=61))
    assert len(await bench.incidents()) == 1


async def test_deciding_writes_the_incident_and_acting_on_it_comes_after(bench: Bench) -> None:
    decided = await bench.pipeline.decide(line("m1", "idiot"))
    assert (bench.enforcer.seen, bench.notifier.seen) == ([], [])
    assert [incident.outcome for incident in await bench.incidents()] == [Outcome.PENDING]

    handled = await bench.pipeline.act(decided)
    assert (handled.incident.outcome, handled.incident.words) == (Outcome.DONE, ("idiot",))
    assert await bench.incidents() == [handled.incident]
    assert [incident.words for _, incident in bench.notifier.seen] == [("idiot",)]


async def test_a_message_is_acted_on_while_its_words_are_still_looked_for(bench: Bench) -> None:
    looked_for = asyncio.Event()

    class Slow(ScriptedScorer):
        async def explain(self, text: str) -> tuple[WordWeight, ...]:
            await looked_for.wait()
            return await super().explain(text)

    bench.restarted(scorer=Slow(SCRIPT))
    handling = asyncio.create_task(bench.pipeline.handle(line("m1", "idiot")))
    await bench.enforcer.begun.wait()
    assert bench.notifier.seen == []
    looked_for.set()
    assert (await handling).incident.words == ("idiot",)


async def test_words_that_the_database_refuses_cost_nothing_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise StoreFull("no room")

    monkeypatch.setattr(bench.store, "set_words", full)
    [handled] = await bench.say(line("m1", "idiot"))

    assert (handled.incident.outcome, len(bench.notifier.seen)) == (Outcome.DONE, 1)


async def test_a_film_without_sound_is_clean_and_a_broken_clip_is_not(bench: Bench) -> None:
    silent, broken = await bench.say(spoken_line("m1", "film.mp4"), spoken_line("m2", "broken.ogg"))

    assert (silent.decision.action, silent.transcript.notes) == (Action.NONE, ("no sound in it",))
    assert broken.decision.category == "unchecked"
