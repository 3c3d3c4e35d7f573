"""How the bot that runs is, as it tells on REFEREE_STATUS_PORT: in words."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.console.findings import Finding, Level

if TYPE_CHECKING:
    from bot.app.probing import Answered, Probe
    from bot.settings import Settings

_PASSING = ("model:", "watch:", "messages:")
"""What is missing for a while only, and mends itself."""

_LONG_SILENCE_S, _LONG_WAIT_S, _LONG_LAG_S = 900.0, 5.0, 0.1
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - nothing is bound here
_MOST_SHOWN = 5

Counts = dict[tuple[str, tuple[tuple[str, str], ...]], float]
"""The value of each metric, by its name and labels."""


async def running(settings: "Settings") -> list[Finding]:
    """Return how the bot is that runs with these settings."""
    from bot.app.health import is_loopback
    from bot.app.probing import Probe

    if settings.status_port is None:
        text = "REFEREE_STATUS_PORT is not set, so that a bot that runs cannot be asked"
        return [Finding("bot", Level.OK, text, "set it, as to 9464, and restart `referee run`")]
    found = []
    if not is_loopback(settings.status_host):
        text = f"REFEREE_STATUS_HOST is {settings.status_host}: whoever reaches it may read the counts"
        found.append(Finding("status", Level.WARNING, text, "use 127.0.0.1, or let a firewall stand before it"))
    host = _LOCAL.get(settings.status_host, settings.status_host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.status_port}"
    async with Probe() as probe:
        return [*found, *await _asked(probe, address)]


async def _asked(probe: "Probe", address: str) -> list[Finding]:
    from bot.app.probing import Unanswered

    health = await probe.get(f"{address}/healthz")
    if isinstance(health, Unanswered):
        text = f"no bot answers at {address}: {health.why}"
        return [Finding("bot", Level.PROBLEM, text, "start it with `referee run` and the same settings")]
    if "alive" not in health.told:
        text = f"{address} is not answered by Referee"
        return [Finding("bot", Level.PROBLEM, text, "choose another REFEREE_STATUS_PORT")]
    if not health.told["alive"]:
        text = "it runs, but its event loop stands still"
        return [Finding("bot", Level.PROBLEM, text, "restart it, and report what the log says")]
    ready, metrics = await probe.get(f"{address}/readyz"), await probe.get(f"{address}/metrics")
    if isinstance(ready, Unanswered) or isinstance(metrics, Unanswered) or metrics.status != 200:
        return [Finding("bot", Level.PROBLEM, "it is alive, but does not say how it is", "look into its log")]
    return [*_readiness(ready), *told(counts_of(metrics.text))]


def _readiness(ready: "Answered") -> Iterator[Finding]:
    if ready.told.get("ready") is True:
        yield Finding("bot", Level.OK, "it is connected, has caught up, and judges messages")
        return
    missing = ready.told.get("missing")
    for line in missing if isinstance(missing, list) and missing else ["it does not say why"]:
        passes = str(line).startswith(_PASSING)
        advice = "wait a moment and ask again" if passes else "look into its log"
        yield Finding("bot", Level.WARNING if passes else Level.PROBLEM, f"not ready: {line}"[:300], advice)


def counts_of(text: str) -> Counts:
    """Return the metrics of a page; nothing where it cannot be read."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except ValueError:
        return {}
    return {(sample.name, tuple(sorted(sample.labels.items()))): float(sample.value) for sample in samples}


def told(counts: Counts) -> Iterator[Finding]:
    """Yield what the metrics of a bot say, in words."""
    if ("referee_messages_seen_total", ()) not in counts:
        return
    yield _judging(counts)
    yield _waiting(counts)
    yield _database(counts)
    yield from _troubles(counts)
    yield Finding("backup", Level.OK, "when the last one was made is not known here", "`referee db backup` makes one")


def _judging(counts: Counts) -> Finding:
    missed = _by_label(counts, "referee_messages_not_scored_total")
    number = int(sum(missed.values()))
    text = (
        f"since its start {_whole(counts, 'messages_seen_total')} messages, {_whole(counts, 'messages_scored_total')} "
        f"scored, {number} not scored, {_whole(counts, 'messages_unchecked_total')} not to be checked, "
        f"{_whole(counts, 'incidents_total')} incidents"
    )
    if not number:
        return Finding("judging", Level.OK, text)
    reasons = ", ".join(f"{int(count)} {reason}" for reason, count in list(missed.items())[:_MOST_SHOWN] if count)
    advice = "a faster machine, or REFEREE_THREADS, loses less; docs/operating.md says more"
    return Finding("judging", Level.WARNING, f"{text} ({reasons})", advice)


def _waiting(counts: Counts) -> Finding:
    oldest, waiting = _value(counts, "texts_oldest_wait_seconds"), _whole(counts, "texts_waiting")
    silent = counts.get(("referee_gateway_last_event_age_seconds", ()))
    decided, number = _value(counts, "decision_latency_seconds_sum"), _value(counts, "decision_latency_seconds_count")
    text = f"{waiting} texts wait, the oldest for {oldest:.1f} s"
    text += f"; decided within {decided / number * 1000:.0f} ms on average" if number else ""
    text += f"; Discord was last heard of {silent:.0f} s ago" if silent is not None else ""
    if oldest > _LONG_WAIT_S:
        return Finding("queue", Level.WARNING, text, "it is behind: more is said than this machine can judge")
    if silent is not None and silent > _LONG_SILENCE_S:
        return Finding("queue", Level.WARNING, text, "quiet servers, or a connection that died: compare with Discord")
    return Finding("queue", Level.OK, text)


def _database(counts: Counts) -> Finding:
    size, errors = _value(counts, "database_size_bytes"), _whole(counts, "database_errors_total")
    kept = int(sum(_by_label(counts, "referee_incidents_stored").values()))
    text = f"{kept} incidents" + (f", {size / 1e6:.1f} MB" if size else "")
    text += f"; {_whole(counts, 'cards_unsent')} cards unsent, {_whole(counts, 'cards_behind')} behind"
    if not _value(counts, "database_up"):
        return Finding("store", Level.PROBLEM, f"it does not answer the bot; {text}", "look into the bot's log")
    if errors:
        return Finding("store", Level.WARNING, f"{errors} errors since the start; {text}", "look into the bot's log")
    return Finding("store", Level.OK, f"it answers the bot; {text}")


def _troubles(counts: Counts) -> Iterator[Finding]:
    if stopped := _whole(counts, "communities_stopped"):
        text = f"automatic actions are stopped in {stopped} servers"
        yield Finding("brake", Level.WARNING, text, "their moderators look at the cards, then use /referee resume")
    if lost := _whole(counts, "incidents_not_kept_total"):
        yield Finding("incidents", Level.PROBLEM, f"{lost} incidents were not kept", "look into the bot's log")
    if lost := _whole(counts, "gateway_disconnects_total"):
        yield Finding("gateway", Level.OK, f"the connection to Discord was lost {lost} times since the start")
    late = _value(counts, "event_loop_lag_seconds_count") - _value(
        counts, "event_loop_lag_seconds_bucket", le=str(_LONG_LAG_S)
    )
    if late:
        yield Finding("loop", Level.OK, f"{late:.0f} turns of the event loop were late by more than 100 ms")


def _value(counts: Counts, name: str, **labels: str) -> float:
    return counts.get((f"referee_{name}", tuple(sorted(labels.items()))), 0.0)


def _whole(counts: Counts, name: str) -> int:
    return int(_value(counts, name))


def _by_label(counts: Counts, name: str) -> dict[str, float]:
    return {labels[0][1]: value for (metric, labels), value in counts.items() if metric == name and labels}
