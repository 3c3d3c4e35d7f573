"""The real bot as a process, offered ten times what it can score."""

from benchmarks.overload.measurement import FLOOD, QUIET, Measured, Plan, Server, measure

MOST_WAITING = 256
MORE_MEMORY_MB = 150
"""2048 messages that wait take about 30 MB, and fewer may wait here."""
LATE_S = 5.0
"""On a machine of one's own heartbeats are late by 0.05 s (`python -m benchmarks.overload`); Discord waits for 40."""
WORK_S = 0.5
"""Five times the 100 ms that no turn of the event loop may take: a busy machine stretches processor time too."""


def _adds_up(server: Server) -> bool:
    counted = server.scored + server.exempt + server.unchecked + sum(server.not_scored.values())
    return server.said == server.seen == counted


def _holds(measured: Measured) -> None:
    flood, quiet = measured.servers[FLOOD], measured.servers[QUIET]
    assert all(_adds_up(server) for server in measured.servers.values()), measured.servers
    assert flood.not_scored["overloaded"] > 0
    assert flood.scored > 0
    assert "overloaded" not in quiet.not_scored, quiet
    assert quiet.scored > 0
    assert measured.memory_peak - measured.memory_before < MORE_MEMORY_MB
    assert measured.most_waiting <= MOST_WAITING
    # A message that waits is one task; the library makes another that ends at once, for each that has just come.
    assert measured.most_tasks < 10 * MOST_WAITING
    assert measured.reconnected == 0
    assert measured.beat_late_s < LATE_S
    assert measured.longest_work_s < WORK_S, measured.where


async def test_everything_is_scored_or_counted_as_shed_and_the_bot_stays_well():
    settings = {"REFEREE_WAITING_TEXTS": str(MOST_WAITING)}
    _holds(await measure(Plan(seconds=3.0, slow_ms=10.0, heartbeat_ms=500, warm_up_s=2.0, settings=settings)))
