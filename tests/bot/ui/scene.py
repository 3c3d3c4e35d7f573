"""What the tests of cards do again and again: flag something, look at the card, stand in for the enforcer."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.app.compose import compose
from bot.assembly import Parts, load_policy
from bot.domain import Action, Decision, Excerpt, Incident, Mode, Outcome, Platform, SourceKey, Surface
from bot.settings import Settings
from bot.ui import buttons
from tests.fakes.discord_bench import DiscordBench, SystemTime, open_discord, shipped

TIMEOUT = timedelta(minutes=10)


def on_bench(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Give a test a server that was set up, as `bench`, and with `acting` something that stands in for the enforcer.

    A fixture cannot: what simulates Discord has to be entered and left within the test itself.
    """
    wanted = inspect.signature(test).parameters

    @wraps(test)
    async def wrapped(tmp_path: Path, **rest: Any) -> None:
        async with open_discord(tmp_path, buttons.setup) as bench:
            await bench.set_up()
            await test(bench, **({"acting": StandIn(bench)} if "acting" in wanted else {}), **rest)

    given = [parameter for name, parameter in wanted.items() if name not in ("bench", "acting", "tmp_path")]
    place = inspect.Parameter("tmp_path", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wrapped.__signature__ = inspect.Signature([place, *given])
    return wrapped


def decision(action: Action = Action.FLAG, category: str = "insult", confidence: float = 0.97, **rest: Any) -> Decision:
    duration = TIMEOUT if action is Action.TIMEOUT else None
    values = {"would": action, "mode": Mode.LIVE, "reasons": ("a rule",), "duration": duration, **rest}
    return Decision(action, category=category, confidence=confidence, **values)


def incident_of(
    community: str, channel: str, message: str, author: str, text: str = "you idiot", **rest: Any
) -> Incident:
    values = {
        "key": SourceKey(Platform.DISCORD, community, channel, message),
        "author": author,
        "at": discord.utils.utcnow(),
        "text": text,
        "decision": decision(),
        "toxic": 0.98,
        "categories": {"insult": 0.97},
        "model_version": "test-1",
        "words": ("idiot",),
        "surface": Surface.TEXT,
        **rest,
    }
    return Incident(**values)


async def flag(
    bench: DiscordBench,
    text: str = "you idiot",
    *,
    by: simcord.MemberActor | None = None,
    show: bool = True,
    **rest: Any,
) -> Incident:
    """Let somebody write something, keep an incident of it, and show it to the moderators."""
    author = by or bench.ann
    message = await author.send(bench.lobby, text)
    new = incident_of(bench.community, str(bench.lobby.id), str(message.id), str(author.id), text, **rest)
    recorded = (await bench.stores.incidents.record(new)).incident
    if show:
        await bench.bot.cards.notify(Excerpt(recorded.key, recorded.author, recorded.at, text), recorded)
        await bench.env.settle()
    return recorded


async def flag_done(bench: DiscordBench, **rest: Any) -> Incident:
    """Flag something about which the bot timed its author out."""
    return await flag(bench, decision=decision(Action.TIMEOUT, strike=True), outcome=Outcome.DONE, **rest)


def texts(components: Any) -> Iterator[str]:
    for component in components:
        raw = component if isinstance(component, dict) else component.to_dict()
        if raw.get("type") == 10:
            yield raw["content"]
        yield from texts(raw.get("components") or ())


def labels(components: Any) -> Iterator[str]:
    for component in components:
        raw = component if isinstance(component, dict) else component.to_dict()
        if raw.get("type") == 2:
            yield raw["label"]
        yield from labels(raw.get("components") or ())


def cards(bench: DiscordBench) -> list[discord.Message]:
    """Return the messages in the review channel that are cards, oldest first."""
    return [message for message in bench.review.history() if list(labels(message.components))]


def card(bench: DiscordBench) -> discord.Message:
    """Return the only card."""
    (only,) = cards(bench)
    return only


def shown(message: Any) -> str:
    """Return everything that a message says."""
    return "\n".join([message.content, *texts(message.components)])


def said(result: simcord.InteractionResult) -> str:
    """Return what somebody who clicked was told, which nobody else may see."""
    assert all(each.ephemeral for each in result.followups)
    return "\n".join(each.content for each in result.followups)


def pinged(bench: DiscordBench, channel: simcord.ChannelHandle) -> tuple[object, object]:
    """Return whom the last message that was sent to a channel may ping: kinds, and roles by id."""
    sent = [r for r in bench.env.http_requests if (r.method, r.path) == ("POST", f"/channels/{channel.id}/messages")]
    allowed = sent[-1].json["allowed_mentions"]
    return allowed["parse"], allowed.get("roles", [])


class StandIn:
    """Stand in for what acts in Discord; note what is asked of it."""

    def __init__(self, bench: DiscordBench) -> None:
        self.undone: list[int] = []
        self.acted: list[tuple[int, Action, timedelta | None, int]] = []
        self.answer: tuple[Outcome, str] = (Outcome.DONE, "")
        self.undo_answer: tuple[Outcome, str] = (Outcome.UNDONE, "the timeout was lifted")
        bench.bot.enforcer.undo = self.undo
        bench.bot.enforcer.act = self.act

    async def undo(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        self.undone.append(incident.id)
        return self.undo_answer

    async def act(
        self, incident: Incident, action: Action, duration: timedelta | None, moderator: discord.Member
    ) -> tuple[Outcome, str]:
        self.acted.append((incident.id, action, duration, moderator.id))
        return self.answer


async def restart(bench: DiscordBench) -> None:
    """Put a fresh bot on the same store, as after a crash."""
    settings = Settings(_env_file=None)
    classifier = shipped()
    parts = Parts(classifier, load_policy(settings, classifier), bench.stores, bench.scorer, bench.transcriber)
    await bench.bot.services.fetcher.close()
    bench.bot = await compose(settings, parts, SystemTime(), [buttons.setup])
    await bench.env.restart_bot(bench.bot)


async def forget_review_channel(bench: DiscordBench) -> None:
    communities = bench.bot.services.communities
    known = replace(communities.get(bench.community), review_channel=None)
    await communities.save(known, "1", discord.utils.utcnow(), "test")
