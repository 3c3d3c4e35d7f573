"""What must hold after any number of kills, read from what Discord saw and what the database holds."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.domain import Action, Incident, IncidentQuery, Outcome, ReviewState
from bot.enforce.notice import TAKEN_BACK
from bot.store import Stores
from tests.loopback.answers import components
from tests.loopback.calls import Call
from tests.loopback.snowflakes import Payload
from tests.loopback.world import World

_REASON = re.compile(r"Referee incident (\d+): ")
_TOLD = re.compile(r"\(Incident (\d+)\)$")
_CARD = re.compile(r"referee:card:[a-z]+:(\d+)")
_PUNISHING = {
    Action.TIMEOUT: ("PATCH", re.compile(r"/guilds/\d+/members/\d+")),
    Action.KICK: ("DELETE", re.compile(r"/guilds/\d+/members/\d+")),
    Action.BAN: ("PUT", re.compile(r"/guilds/\d+/bans/\d+")),
}
_SETTLED = (Outcome.DONE, Outcome.REFUSED, Outcome.NOT_NEEDED, Outcome.UNDONE)


@dataclass(frozen=True, slots=True)
class Kept:
    """Hold what the database has: incidents, by incident the card and the message that shows it, and stale cards."""

    incidents: tuple[Incident, ...]
    cards: Mapping[int, tuple[int, str | None]]
    behind: int


async def kept_in(stores: Stores) -> Kept:
    """Read what a database has."""
    incidents = tuple([each async for each in stores.incidents.stream(IncidentQuery(limit=None))])
    cards: dict[int, tuple[int, str | None]] = {}
    for incident in incidents:
        if incident.id not in cards and (card := await stores.cards.of_incident(incident.id)) is not None:
            cards |= {each.id: (card.id, card.message) for each in await stores.cards.incidents(card.id)}
    return Kept(incidents, cards, len(await stores.cards.behind()) + len(await stores.cards.unsent()))


def broken(world: World, kept: Kept, toxic: Iterable[str]) -> list[str]:
    """Return every law that does not hold; `toxic` are the ids of the messages that had to be flagged."""
    return [
        *_once_each(world, kept, toxic),
        *_all_decided(kept),
        *_punished_once(world, kept),
        *_told_once(world, kept),
        *_shown_once(world, kept),
        *_dismissals(kept),
    ]


def _once_each(world: World, kept: Kept, toxic: Iterable[str]) -> Iterator[str]:
    found = Counter(incident.key.message for incident in kept.incidents)
    for message in toxic:
        if not found[message]:
            place = world.messages.get(message, {}).get("channel_id", "a channel, since deleted")
            yield f"message {message} in {place} has no incident"
    yield from (f"message {message} has {number} incidents" for message, number in found.items() if number > 1)


def _all_decided(kept: Kept) -> Iterator[str]:
    for incident in kept.incidents:
        if incident.outcome not in _SETTLED:
            yield f"incident {incident.id} ({incident.decision.action}) is {incident.outcome}: {_said(incident)}"


def _punished_once(world: World, kept: Kept) -> Iterator[str]:
    by_incident: defaultdict[int, list[Call]] = defaultdict(list)
    for call in world.log.calls:
        named = _REASON.match(call.reason or "")
        lifts = call.body.get("communication_disabled_until", "") is None
        if named and not lifts:
            by_incident[int(named[1])].append(call)
    for incident in kept.incidents:
        action = incident.decision.action
        for kind, (method, path) in _PUNISHING.items():
            made = [each for each in by_incident[incident.id] if each.method == method and path.fullmatch(each.path)]
            # The same end set twice punishes nobody twice.
            different = {str(each.body) for each in made} if kind is Action.TIMEOUT else made
            if len(different) > 1 or (made and kind is not action):
                yield f"incident {incident.id} ({action}): {kind} was asked for {len(made)} times: {made}"
            if kind is action and incident.outcome is Outcome.DONE and not made and "already" not in _said(incident):
                yield f"incident {incident.id}: {action} counts as done, but was never asked for: {_said(incident)}"
        if "deleted" in _said(incident) and incident.key.message in world.messages:
            yield f"incident {incident.id}: message {incident.key.message} counts as deleted, but is there"


def _told_once(world: World, kept: Kept) -> Iterator[str]:
    told: Counter[tuple[int, bool]] = Counter()
    for message in world.sent:
        named = _TOLD.search(message["content"].rstrip())
        if named:
            told[int(named[1]), TAKEN_BACK in message["content"]] += 1
    yield from (
        f"incident {number}: its author was told {times} times" for (number, _), times in told.items() if times > 1
    )
    for incident in kept.incidents:
        warned = incident.decision.action is Action.WARN and incident.outcome in (Outcome.DONE, Outcome.UNDONE)
        if warned and not told[incident.id, False]:
            yield f"incident {incident.id} counts as warned, but nobody was told"


def _shown_once(world: World, kept: Kept) -> Iterator[str]:
    shown: defaultdict[int, list[str]] = defaultdict(list)
    for message in world.sent:
        for card in {int(found[1]) for name in _names(message) if (found := _CARD.fullmatch(name))}:
            shown[card].append(message["id"])
    for card, messages in shown.items():
        if len(messages) > 1:
            yield f"card {card} was sent {len(messages)} times"
    for incident in kept.incidents:
        number, message = kept.cards.get(incident.id, (0, None))
        if message is None or message not in shown[number]:
            yield f"incident {incident.id} is on card {number}, which message {message} does not show"
    if kept.behind:
        yield f"{kept.behind} cards do not show what they should"


def _dismissals(kept: Kept) -> Iterator[str]:
    for incident in kept.incidents:
        can_be_undone = incident.decision.action in (Action.WARN, Action.TIMEOUT, Action.BAN)
        if incident.state is ReviewState.DISMISSED and can_be_undone and incident.outcome is Outcome.DONE:
            yield f"incident {incident.id} was dismissed, and its {incident.decision.action} not taken back"


def _said(incident: Incident) -> str:
    return incident.outcome_detail


def _names(message: Payload) -> Iterator[str]:
    yield from (component["custom_id"] for component in components(message) if "custom_id" in component)
