"""The parts of the Discord front end, put together."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bot.app.client import RefereeBot
from bot.assembly import Parts
from bot.brake import Brake
from bot.communities import Communities
from bot.desk import Desk
from bot.enforce.enforcer import DiscordEnforcer
from bot.fetch import ClipFetcher, parse_hosts
from bot.metered import MeteredEnforcer, MeteredNotifier, MeteredScorer, Meters
from bot.policy_community import Basis
from bot.ports import Clock
from bot.services import Services
from bot.settings import Settings
from bot.ui.cards import Cards
from bot.waiting_room import RoomLimits, WaitingRoom

Setup = Callable[[RefereeBot], Awaitable[None]]


async def compose(settings: Settings, parts: Parts, clock: Clock, setup: Sequence[Setup]) -> RefereeBot:
    """Return a client with everything attached, its communities loaded, not yet started; raise RefereeError."""
    basis = Basis(parts.policy, parts.classifier.labels, parts.classifier.manifest.curves)
    communities = Communities(parts.stores.communities, basis)
    await communities.load()
    brake = Brake(settings.actions_per_minute)
    for community, since in communities.held().items():
        brake.pull(community, since)
    bot = RefereeBot(settings)
    cards = Cards(bot)
    enforcer = DiscordEnforcer(bot, communities, brake, clock, cards.call_for_help)
    meters = Meters()
    metered = replace(parts, scorer=MeteredScorer(parts.scorer, meters))
    acting = MeteredEnforcer(enforcer, meters)
    pipeline = metered.pipeline(acting, MeteredNotifier(cards), communities)
    fetcher = ClipFetcher(parse_hosts(settings.attachment_hosts), max_bytes=settings.clip_megabytes << 20)
    services = Services(
        settings=settings,
        clock=clock,
        stores=parts.stores,
        communities=communities,
        pipeline=pipeline,
        desk=Desk(parts.stores, acting, clock),
        brake=brake,
        fetcher=fetcher,
        model_version=parts.classifier.version,
        waiting=parts.waiting,
        speech=parts.speech,
        room=WaitingRoom(RoomLimits(waiting=settings.waiting_texts, deadline_s=settings.deadline_s)),
        meters=meters,
    )
    bot.attach(services, enforcer, cards, setup)
    return bot
