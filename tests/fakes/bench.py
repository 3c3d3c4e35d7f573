"""A pipeline on a real store, with fakes at every other seam."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain import Action, Excerpt, Incident, IncidentQuery, Mode
from bot.errors import ClipRejected, NoSoundTrack, SpeechError, SpeechModelMissing
from bot.pipeline import Handled, Pipeline, Ports
from bot.policy import CategoryRule, Policy, Rung
from bot.store import SqlIncidentStore, open_store
from classifier import NotScored, NotScoredReason, Verdict
from tests.fakes.chat import heard, line, verdict
from tests.fakes.enforcer import ListingEnforcer
from tests.fakes.notifier import ListingNotifier
from tests.fakes.scorer import ScriptedScorer
from tests.fakes.transcriber import Heard, ScriptedTranscriber

LADDER = (Rung(Action.WARN), Rung(Action.DELETE), Rung(Action.TIMEOUT, timedelta(hours=1)), Rung(Action.BAN))
POLICY = Policy(
    categories={
        "insult": CategoryRule(Mode.LIVE, 0.5, 0.8, LADDER),
        "hate": CategoryRule(Mode.LIVE, 0.5, 0.8, ()),
        "spam": CategoryRule(Mode.SHADOW, 0.5, 0.8, LADDER),
    },
    severity={"insult": 1, "hate": 2},
    exempt_channels=frozenset({"staff"}),
)
INSULT = verdict(insult=0.9)
LATE = NotScored(NotScoredReason.LATE, "waited 5 s")
SCRIPT: dict[str, Verdict | NotScored] = {
    "idiot": INSULT,
    "kill yourself": INSULT,
    "you clown": verdict(insult=0.6),
    "late": LATE,
    "buy gold": verdict(spam=0.9),
    "too long to read": verdict(insult=0.1, partial=True),
    "idiot, and too long to read": verdict(insult=0.9, partial=True),
}
CLIPS: dict[str, Heard | Sequence[Heard]] = {
    "clean.ogg": heard("well played", "push left"),
    "rude.ogg": heard("well played", "idiot"),
    "mumbled.ogg": heard("well played", "idiot", doubt=0.9),
    "cut.ogg": heard("well played", complete=False, notes=("only the first 600 s were heard",)),
    "cut and rude.ogg": heard("idiot", complete=False, notes=("only the first 600 s were heard",)),
    "silent.ogg": heard(),
    "broken.ogg": ClipRejected("no sound in it"),
    "film.mp4": NoSoundTrack("no sound in it"),
    "no decoder.ogg": SpeechError("the decoder cannot be started"),
    "no model.ogg": SpeechModelMissing("no speech model is installed"),
}


@dataclass
class Bench:
    """Hold a pipeline and everything around it."""

    scorer: ScriptedScorer
    store: SqlIncidentStore
    enforcer: ListingEnforcer
    notifier: ListingNotifier
    transcriber: ScriptedTranscriber
    pipeline: Pipeline

    def restarted(self, policy: Policy = POLICY, **ports: Any) -> Pipeline:
        """Return a new pipeline on the same parts, as after a restart."""
        parts: dict[str, Any] = {
            "scorer": self.scorer,
            "store": self.store,
            "enforcer": self.enforcer,
            "notifier": self.notifier,
            "transcriber": self.transcriber,
        }
        self.pipeline = Pipeline(Ports(**{**parts, **ports}), policy)
        return self.pipeline

    async def say(self, *lines: Excerpt) -> list[Handled]:
        """Take the lines all the way, one after the other."""
        return [await self.pipeline.handle(each) for each in lines]

    async def hear(self, clip: Excerpt) -> list[Handled]:
        """Take a clip all the way while it is heard."""
        return [await self.pipeline.act(each) async for each in self.pipeline.hear(clip)]

    async def incidents(self) -> list[Incident]:
        """Return what is stored, oldest first."""
        return [incident async for incident in self.store.stream(IncidentQuery(limit=None))]


@asynccontextmanager
async def open_bench(folder: Path) -> AsyncIterator[Bench]:
    """Set a bench up with a database in the folder, and close it afterwards."""
    store = await open_store(f"sqlite+aiosqlite:///{folder / 'referee.db'}")
    parts = ScriptedScorer(SCRIPT), store, ListingEnforcer(store), ListingNotifier(), ScriptedTranscriber(CLIPS)
    yield Bench(*parts, Pipeline(Ports(*parts), POLICY))
    await store.close()


async def stream(*lines: Excerpt, error: Exception | None = None) -> AsyncIterator[Excerpt]:
    """Yield the lines, then raise the error where there is one."""
    for each in lines:
        yield each
    if error is not None:
        raise error


def insults(times: int, **rest: Any) -> list[Excerpt]:
    """Return so many insults by one author, two minutes apart."""
    return [line(f"m{n}", "idiot", after=120.0 * n, **rest) for n in range(times)]


def actions(handled: list[Handled]) -> list[Action]:
    """Return what was decided, line by line."""
    return [each.decision.action for each in handled]
