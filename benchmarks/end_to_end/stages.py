"""How long the parts of a message's way take, by timing calls of the bot's own methods; the bot knows nothing of it."""

import functools
import importlib
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.figures import spread

_MOST = 20_000
_CALLS = {
    "a text's score": ("classifier.batcher", "Batcher", "score"),
    "a pass of the model": ("classifier.model", "Classifier", "score"),
    "a text's words found (explain)": ("classifier.model", "Classifier", "explain"),
    "an author's strikes read": ("bot.store.incidents", "SqlIncidentStore", "history"),
    "an incident written": ("bot.store.incidents", "SqlIncidentStore", "record"),
    "decided (score to incident)": ("bot.pipeline", "Pipeline", "decide"),
    "enforced": ("bot.enforce.enforcer", "DiscordEnforcer", "enforce"),
    "deleted": ("bot.enforce.deletes", "Deletes", "delete"),
    "shown (card)": ("bot.ui.cards", "Cards", "notify"),
}
_BLOCKS = {
    "a writing transaction, its turn awaited": ("bot.store.database", "Database", "writing"),
    "a reading transaction": ("bot.store.database", "Database", "reading"),
}


class Stages:
    """Time calls from the moment that this is made on."""

    def __init__(self) -> None:
        self._times: defaultdict[str, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=_MOST))
        for name, where in _CALLS.items():
            self._wrap(where, partial(self._timed, name))
        for name, where in _BLOCKS.items():
            self._wrap(where, partial(self._timed_block, name))

    def as_values(self) -> dict[str, list[tuple[float, float]]]:
        """Return when each call began, as a monotonic time, and how many seconds it took."""
        return {name: list(times) for name, times in self._times.items()}

    def _wrap(self, where: tuple[str, str, str], wrapped: Callable[[Any], Any]) -> None:
        module, owner, method = where
        found = getattr(importlib.import_module(module), owner, None)
        # A part that has another name by now is left out of the table.
        if found is not None and hasattr(found, method):
            setattr(found, method, wrapped(getattr(found, method)))

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        times = self._times[name]

        async def awaited(answer: Awaitable[Any], began: float) -> Any:  # noqa: ANN401 - whatever it is
            try:
                return await answer
            finally:
                times.append((began, time.monotonic() - began))

        @functools.wraps(call)
        def timed(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it takes
            began = time.monotonic()
            answer = call(*given, **named)
            if isinstance(answer, Awaitable):
                return awaited(answer, began)
            times.append((began, time.monotonic() - began))
            return answer

        return timed

    def _timed_block(
        self, name: str, block: Callable[..., AbstractAsyncContextManager[Any]]
    ) -> Callable[..., AbstractAsyncContextManager[Any]]:
        times = self._times[name]

        @asynccontextmanager
        async def timed(*given: Any, **named: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - whatever it takes
            began = time.monotonic()
            try:
                async with block(*given, **named) as opened:
                    yield opened
            finally:
                times.append((began, time.monotonic() - began))

        return timed


def stages_between(before: float, after: dict[str, list[tuple[float, float]]]) -> dict[str, dict[str, float]]:
    """Return how long calls took that began since then."""
    found = {name: spread(took for began, took in times if began >= before) for name, times in after.items()}
    return {name: asdict(times) for name, times in found.items() if times is not None}
