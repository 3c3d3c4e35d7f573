"""What a test reads of the bot's answers, and incidents to answer about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
import simcord

from bot.domain import Action, Decision, Incident, Mode, Outcome, Platform, SourceKey
from tests.fakes.discord_bench import DiscordBench


def said(result: simcord.InteractionResult) -> str:
    """Return every text of every answer to an interaction, layouts included."""
    first = [result.response] if result.response is not None else []
    answers = {answer.id: answer for answer in [*first, *result.followups]}
    return "\n".join(text for answer in answers.values() for text in (answer.content, *texts_of(answer.components)))


def texts_of(components: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the texts of a layout, in order."""
    found = []
    for component in components:
        if "content" in component:
            found.append(component["content"])
        found += texts_of(component.get("components", ()))
    return found


async def put(
    bench: DiscordBench,
    message: str,
    text: str | None = "you idiot",
    *,
    community: str | None = None,
    author: str | None = None,
    category: str = "insult",
    action: Action = Action.FLAG,
    outcome: Outcome = Outcome.NOT_NEEDED,
    days_ago: float = 0,
    **rest: Any,
) -> Incident:
    """Keep an incident, as the pipeline would, of ann in the lobby unless it says otherwise."""
    key = SourceKey(Platform.DISCORD, community or bench.community, str(bench.lobby.id), message)
    decision = Decision(action, action, Mode.LIVE, category, 0.97, ("a reason",), strike=True)
    incident = Incident(
        key=rest.pop("key", key),
        author=author or str(bench.ann.id),
        at=discord.utils.utcnow() - timedelta(days=days_ago),
        text=text,
        decision=rest.pop("decision", decision),
        toxic=0.98,
        categories={category: 0.97},
        model_version="test-1",
        words=("idiot",),
        outcome=outcome,
    )
    return (await bench.stores.incidents.record(replace(incident, **rest))).incident
