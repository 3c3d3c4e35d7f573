"""What would become of an excerpt: the worst of it, alone, and as the pipeline would decide."""

from pathlib import Path

import pytest

from bot.context import Context
from bot.domain import Action, Excerpt
from bot.judging import Judge
from bot.previewing import Preview, preview_of
from tests.fakes.bench import CLIPS, POLICY, SCRIPT, open_bench
from tests.fakes.chat import heard, line, spoken_line, verdict
from tests.fakes.scorer import ScriptedScorer
from tests.fakes.transcriber import ScriptedTranscriber

TWO_SLICES = [heard("well played", "push left"), heard("nearly you", "gg", start=120.0)]


async def preview(excerpt: Excerpt, scorer: ScriptedScorer | None = None) -> Preview:
    scorer = scorer or ScriptedScorer({**SCRIPT, "nearly you": verdict(insult=0.3), "so so": verdict(insult=0.2)})
    judge = Judge(scorer, ScriptedTranscriber({**CLIPS, "two.ogg": TWO_SLICES}), POLICY)
    judged = await judge.judge(excerpt, Context().readings(excerpt, POLICY.join_window))
    return await preview_of(judged, POLICY, scorer)


@pytest.mark.parametrize(
    "excerpt",
    [
        *(line("m", text) for text in ("idiot", "well played", "late", "buy gold", "too long to read", "")),
        *(spoken_line("m", name) for name in CLIPS),
        line("m", "idiot", channel="staff"),
    ],
    ids=repr,
)
async def test_the_pipeline_says_the_same(excerpt: Excerpt, tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        by_pipeline = await bench.pipeline.preview(excerpt)

    alone = await preview(excerpt)

    assert alone.decision == by_pipeline.decision
    assert (alone.verdict, alone.transcript) == (by_pipeline.verdict, by_pipeline.transcript)
    if alone.decision.action is not Action.NONE:
        assert alone == by_pipeline


async def test_of_a_clip_of_which_nothing_comes_the_worst_is_shown_with_its_time() -> None:
    found = await preview(spoken_line("m", "two.ogg"))

    assert found.decision.action is Action.NONE
    assert (found.text, found.at) == ("nearly you", 120.0)


@pytest.mark.parametrize(
    ("text", "explained"), [("idiot", ["idiot"]), ("so so", ["so so"]), ("well played", []), ("late", [])]
)
async def test_words_are_looked_for_only_where_there_is_a_score_to_speak_of(text: str, explained: list[str]) -> None:
    scorer = ScriptedScorer({**SCRIPT, "so so": verdict(insult=0.2)})

    await preview(line("m", text), scorer)

    assert scorer.explained == explained
