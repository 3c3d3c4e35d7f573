"""Ending the own process at a chosen step, as `kill -9` does; the product knows nothing of it."""

import functools
import os
import re
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

STORES = (
    ("bot.store.incidents", "SqlIncidentStore", ("record", "set_words", "finish", "review", "decide_first")),
    ("bot.store.cards", "SqlCardStore", ("attach", "sent", "outdate", "caught_up")),
    ("bot.store.communities", "SqlCommunityStore", ("note_seen", "note_all_seen", "remember")),
    ("bot.pipeline", "Pipeline", ("decide", "act", "recover")),
)
"""What is wrapped: each call is a step before it and a step after it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Say at which step to die: `name` is a pattern for "record before" or "PATCH /guilds/1/members/2 after".

    The step is the `number`th that matches, counted from 1; where it waits, from when the process gets SIGUSR1 on.
    """

    name: str
    number: int = 1
    waits: bool = False


class Killer:
    """Die at the step of a plan; without one, only count."""

    def __init__(self, plan: Plan | None) -> None:
        self._pattern = re.compile(plan.name) if plan else None
        self._left = plan.number if plan else 0
        self._is_armed = plan is not None and not plan.waits
        signal.signal(signal.SIGUSR1, self._arm)

    def pass_by(self, step: str) -> None:
        """End the process here where the plan says so."""
        if not self._is_armed or self._pattern is None or not self._pattern.fullmatch(step):
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _arm(self, *_: object) -> None:
        self._is_armed = True

    def watch_over(self, call: Callable[..., Awaitable[Any]], name: str) -> Callable[..., Awaitable[Any]]:
        """Return the call with a step before and after it."""

        @functools.wraps(call)
        async def watched(*given: Any, **named: Any) -> Any:
            self.pass_by(f"{name} before")
            result = await call(*given, **named)
            self.pass_by(f"{name} after")
            return result

        return watched


def arm(plan: Plan | None) -> None:
    """Watch over the stores, the pipeline and every call to Discord of this process."""
    import importlib

    from discord.http import HTTPClient

    killer = Killer(plan)
    for module, owner, names in STORES:
        found = getattr(importlib.import_module(module), owner)
        for name in names:
            setattr(found, name, killer.watch_over(getattr(found, name), name))
    asked = HTTPClient.request

    async def request(self: HTTPClient, route: Any, **rest: Any) -> Any:
        name = f"{route.method} {route.url.removeprefix(route.BASE)}"
        killer.pass_by(f"{name} before")
        answer = await asked(self, route, **rest)
        killer.pass_by(f"{name} after")
        return answer

    HTTPClient.request = request  # type: ignore[method-assign,assignment]
