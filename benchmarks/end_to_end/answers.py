"""What the bot did about what was said: which requests took which message away, and how long after it was said."""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.end_to_end.saying import Said
from benchmarks.figures import Spread, spread
from tests.loopback.calls import Call

_DELETED = re.compile(r"/channels/(\d+)/messages/(\d+)")
_CLEARED = re.compile(r"/channels/(\d+)/messages/bulk-delete")
_MEMBER = re.compile(r"/guilds/(\d+)/members/(\d+)")
_PILE, _WITHIN_S, _GATHER_S = 4, 2.0, 0.75
"""When the bot waits for more to delete in a channel, and how long: those of `bot.enforce.deletes`."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """Hold when the request that takes a message away arrived, and whether the bot waited to gather several."""

    message: str
    at: float
    gathered: bool


@dataclass(frozen=True, slots=True)
class Acted:
    """Hold what was done: how many rude and how many other lines were acted on, and how long it took.

    `timeouts` are counted from the message to the request for its author's timeout, which follows the deletion.
    """

    rude: int
    others: int
    at_once: Spread | None
    gathered: Spread | None
    timeouts: Spread | None


def acted(said: Sequence[Said], calls: Sequence[Call]) -> Acted:
    """Return what became of what was said."""
    by_id = {each.message: each for each in said}
    first: dict[str, Deletion] = {}
    for deletion in deletions(calls, {each.message: each.at for each in said}):
        if deletion.message in by_id:
            first.setdefault(deletion.message, deletion)
    rude = sum(by_id[message].line.toxic for message in first)

    def times(*, gathered: bool) -> Spread | None:
        return spread(each.at - by_id[each.message].at for each in first.values() if each.gathered is gathered)

    return Acted(rude, len(first) - rude, times(gathered=False), times(gathered=True), spread(_timeouts(said, calls)))


def deletions(calls: Iterable[Call], said_at: dict[str, float]) -> Iterable[Deletion]:
    """Yield every deletion, and whether the bot had waited before it, as it does where deletions pile up."""
    lately: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_PILE))
    for call in sorted(calls, key=lambda call: call.at):
        channel, messages = _deleted(call)
        if not messages:
            continue
        times = lately[channel]
        # It asked itself before it waited, when the oldest of the last few was that much younger.
        is_piled = len(times) == _PILE and call.at - _GATHER_S - times[0] < _WITHIN_S
        for message in messages:
            waited = is_piled and call.at - said_at.get(message, call.at) >= _GATHER_S
            yield Deletion(message, call.at, waited or len(messages) > 1)
        times.extend([call.at] * min(len(messages), _PILE))


def _deleted(call: Call) -> tuple[str, list[str]]:
    if call.method == "DELETE" and (found := _DELETED.fullmatch(call.path)):
        return found[1], [found[2]]
    if call.method == "POST" and (found := _CLEARED.fullmatch(call.path)):
        return found[1], [str(each) for each in call.body.get("messages", ())]
    return "", []


def _timeouts(said: Sequence[Said], calls: Iterable[Call]) -> Iterable[float]:
    """Yield how long after the last words of each member the request for their timeout came."""
    last = {(each.line.place.guild.id, each.line.member["user"]["id"]): each.at for each in said}
    for call in calls:
        found = _MEMBER.fullmatch(call.path) if call.method == "PATCH" else None
        if found and call.body.get("communication_disabled_until") and (found[1], found[2]) in last:
            yield call.at - last[found[1], found[2]]
