"""A scorer that follows a script."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from classifier import NotScored, Verdict, WordWeight
from tests.fakes.chat import verdict


class ScriptedScorer:
    """Answer as the script says, and "clean" to everything else; texts in `held` wait until their event is set."""

    def __init__(self, script: Mapping[str, Verdict | NotScored] | None = None) -> None:
        self.script = dict(script or {})
        self.held: dict[str, asyncio.Event] = {}
        self.arrived: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.scored: list[str] = []
        self.explained: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    def hold(self, text: str) -> asyncio.Event:
        """Keep a text waiting; return the event that lets it go."""
        return self.held.setdefault(text, asyncio.Event())

    async def score(self, text: str, *, turn: str = "") -> Verdict | NotScored:
        """Return what the script says."""
        self.scored.append(text)
        self.arrived[text].set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if text in self.held:
                await self.held[text].wait()
        finally:
            self.at_once -= 1
        return self.script.get(text, verdict())

    async def explain(self, text: str) -> tuple[WordWeight, ...]:
        """Return the text's last word."""
        self.explained.append(text)
        start = text.rstrip().rfind(" ") + 1
        return (WordWeight(text[start:], start, len(text), 0.5),)
