"""What was observed, as Prometheus reads it: totals of all communities, and no name, id or word of anybody."""

import math
import platform
import time
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot import __version__
from bot.app.observation import Observation
from bot.latency import BOUNDS_S, Latency


class Metrics:
    """Write observations in Prometheus's text format, with what the operating system says of this process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._current = _Current()
        self._registry.register(self._current)
        ProcessCollector(registry=self._registry)

    def text(self, seen: Observation | None) -> bytes:
        """Return everything as text; of what there is nothing to see of yet, nothing."""
        self._current.seen = seen
        return generate_latest(self._registry)


class _Current(Collector):
    """Hand out the metrics of one observation."""

    seen: Observation | None = None

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        seen = self.seen
        yield InfoMetricFamily(
            "referee_build", "The version that runs.", {"version": __version__, "python": platform.python_version()}
        )
        yield _gauge("ready", "Whether messages can be judged: 1 or 0.", seen is not None and not seen.missing)
        if seen is not None:
            yield InfoMetricFamily("referee_model", "The classifier.", {"version": _label(seen.model_version)})
            for part in (_messages, _incidents, _queues, _speech, _latencies, _database, _gateway):
                yield from part(seen)


def _messages(seen: Observation) -> Iterator[Metric]:
    tally = seen.tally
    yield _counter("messages_seen", "Texts and clips that arrived, each edit again.", tally.seen)
    yield _counter("messages_scored", "Of these, those that got a verdict.", tally.scored)
    yield _counter("messages_exempt", "Of these, those by authors or in channels that are exempt.", tally.exempt)
    yield _counter("messages_unchecked", "Of these, those that could not be read or heard.", tally.unchecked)
    why = "Of these, those that got no verdict, by reason."
    yield _counters("messages_not_scored", why, "reason", tally.not_scored)
    yield _counters("messages_flagged", "What was flagged, by category.", "category", tally.flagged)


def _incidents(seen: Observation) -> Iterator[Metric]:
    tally, meters = seen.tally, seen.meters
    yield _counter("incidents", "Incidents that were written.", tally.incidents)
    yield _counter("incidents_repeated", "Flagged messages whose incident was there already.", tally.known)
    yield _counter("incidents_not_kept", "Incidents that the database did not take.", tally.not_kept)
    done = CounterMetricFamily(
        "referee_actions", "Automatic actions, by action and outcome.", labels=["action", "outcome"]
    )
    for (action, outcome), number in sorted(meters.actions.items()):
        done.add_metric([_label(action), _label(outcome)], number)
    yield done
    yield _counters("actions_undone", "Actions that were taken back, by outcome.", "outcome", meters.undone)
    yield _gauge("actions_in_progress", "Automatic actions under way.", meters.acting_now)
    yield _gauge("communities", "Servers that the bot is in.", seen.communities)
    yield _gauge("communities_stopped", "Servers in which the brake stopped automatic actions.", seen.braked)


def _queues(seen: Observation) -> Iterator[Metric]:
    yield _gauge("texts_waiting", "Texts that wait to be judged.", seen.waiting)
    yield _gauge("texts_oldest_wait_seconds", "How long the oldest text without a verdict waits.", seen.oldest_wait_s)
    load = seen.speech
    if load is not None:
        yield _gauge("clips_waiting", "Clips in line or being heard.", load.waiting)
        yield _gauge("clips_oldest_wait_seconds", "How long the oldest of them has been.", load.oldest_s)


def _speech(seen: Observation) -> Iterator[Metric]:
    tally, load = seen.tally, seen.speech
    yield _counter("clips", "Clips that arrived.", tally.clips)
    yield _counter("clips_unchecked", "Of these, those not or not wholly checked.", tally.clips_unchecked)
    yield _gauge("speech_enabled", "Whether clips are transcribed: 1 or 0.", load is not None)
    if load is not None:
        yield _counter("clips_heard", "Clips that were heard to their end.", load.clips)
        yield _counter("speech_heard_seconds", "How long they were.", load.sound_s)
        yield _counter("speech_work_seconds", "How long decoding and transcribing took.", load.work_s)
        if load.sound_s:
            factor = load.work_s / load.sound_s
            yield _gauge("speech_real_time_factor_ratio", "Seconds of work for a second of sound.", factor)


def _latencies(seen: Observation) -> Iterator[Metric]:
    yield _histogram("decision_latency_seconds", "From a text's arrival to its decision.", seen.deciding)
    yield _histogram("scoring_latency_seconds", "From asking for a verdict to it.", seen.meters.scoring)
    yield _histogram("action_latency_seconds", "From a decision to the outcome of its action.", seen.meters.acting)
    yield _histogram("event_loop_lag_seconds", "By how much turns of the event loop were late.", seen.lag)


def _database(seen: Observation) -> Iterator[Metric]:
    yield _gauge("database_up", "Whether the database answers: 1 or 0.", seen.is_database_up)
    yield _counter("database_errors", "Incidents not taken, and questions not answered.", seen.database_failures)
    if seen.database_bytes is not None:
        yield _gauge("database_size_bytes", "How large the database is.", seen.database_bytes)
    if seen.kept is not None:
        stored = GaugeMetricFamily("referee_incidents_stored", "Incidents in the database, by state.", labels=["state"])
        for state, number in sorted(seen.kept.incidents.items()):
            stored.add_metric([_label(state)], number)
        yield stored
        yield _gauge("cards_unsent", "Cards that are still to be shown.", seen.kept.cards_unsent)
        yield _gauge("cards_behind", "Cards that do not show what they should.", seen.kept.cards_behind)


def _gateway(seen: Observation) -> Iterator[Metric]:
    gateway = seen.gateway
    yield _gauge("gateway_up", "Whether the bot is connected to Discord: 1 or 0.", gateway.is_connected)
    yield _counter("gateway_sessions", "Sessions that began.", gateway.sessions)
    yield _counter("gateway_resumes", "Times that a session was resumed.", gateway.resumes)
    yield _counter("gateway_disconnects", "Connections that were lost.", gateway.disconnects)
    yield _counter("gateway_events", "Events that came.", gateway.events)
    if gateway.latency_s is not None:
        yield _gauge("gateway_latency_seconds", "From a heartbeat to its answer.", gateway.latency_s)
    if gateway.silent_s is not None:
        age = time.time() - gateway.silent_s
        yield _gauge("gateway_last_event_timestamp_seconds", "When the last event came, in Unix time.", age)
        yield _gauge("gateway_last_event_age_seconds", "How long ago the last event came.", gateway.silent_s)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"referee_{name}", help_text, float(value))


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(f"referee_{name}", help_text, float(value))


def _counters(name: str, help_text: str, label: str, counted: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"referee_{name}", help_text, labels=[label])
    for value, number in sorted(counted.items()):
        family.add_metric([_label(value)], number)
    return family


def _histogram(name: str, help_text: str, latency: Latency) -> Metric:
    buckets, total = list[tuple[str, float]](), 0
    for bound, count in zip((*BOUNDS_S, float("inf")), latency.counts, strict=True):
        total += count
        buckets.append(("+Inf" if math.isinf(bound) else repr(bound), total))
    return HistogramMetricFamily(f"referee_{name}", help_text, buckets=buckets, sum_value=latency.sum)


def _label(value: str) -> str:
    """Return a label that can be written; the library escapes quotes and line ends, and trips over half characters."""
    return str(value).encode("utf-8", "replace").decode()[:100]
