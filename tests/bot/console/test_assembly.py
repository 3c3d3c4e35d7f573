from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.assembly import SystemClock, assemble, open_incidents, with_database
from bot.console.chat_log import EPOCH
from bot.domain import Action, Decision, Excerpt, Incident, IncidentQuery, Mode, Outcome, Platform, SourceKey
from bot.enforce_log import LogEnforcer, SilentNotifier
from bot.settings import read_settings


def incident(message: str, *, created: datetime, outcome: Outcome = Outcome.NOT_NEEDED) -> Incident:
    return Incident(
        key=SourceKey(Platform.LOG, "c", "m", message),
        author="vex",
        at=EPOCH,
        text="you idiot",
        decision=Decision(Action.WARN, Action.WARN, Mode.LIVE, "insult", 0.9, ("because",)),
        toxic=0.9,
        categories={"insult": 0.9},
        model_version="tiny-1",
        outcome=outcome,
        created_at=created,
    )


async def test_what_has_expired_is_purged_at_the_start() -> None:
    settings = read_settings()
    now = SystemClock().now()
    async with open_incidents(settings) as store:
        for days in (1, settings.content_days + 1, settings.incident_days + 1):
            await store.record(incident(str(days), created=now - timedelta(days=days)))

    async with assemble(settings, LogEnforcer(), SilentNotifier()) as referee:
        found = await referee.store.find(IncidentQuery())

    assert [(entry.id, entry.text) for entry in found] == [(2, None), (1, "you idiot")]


async def test_what_a_stop_left_open_is_finished_at_the_start() -> None:
    settings = read_settings()
    async with open_incidents(settings) as store:
        await store.record(incident("1", created=SystemClock().now(), outcome=Outcome.PENDING))

    async with assemble(settings, LogEnforcer(), SilentNotifier()) as referee:
        (found,) = await referee.store.find(IncidentQuery())

    assert found.outcome is Outcome.SIMULATED


async def test_an_excerpt_goes_the_whole_way() -> None:
    async with assemble(read_settings(), LogEnforcer(), SilentNotifier()) as referee:
        key = SourceKey(Platform.LOG, "c", "m", "1")

        handled = await referee.pipeline.handle(Excerpt(key, "vex", datetime.now(UTC), "you idiot"))

    assert handled.incident is not None
    assert handled.incident.outcome is Outcome.SIMULATED


def test_a_named_database_goes_with_its_own_key_or_the_shared_one_beside_it(tmp_path: Path) -> None:
    settings = read_settings()
    database = tmp_path / "match.db"
    own, shared = tmp_path / "match.key", tmp_path / "referee.key"

    assert with_database(settings, None) is settings
    assert with_database(settings, database).content_key_file == own
    shared.touch()
    assert with_database(settings, database).content_key_file == shared
    own.touch()
    assert with_database(settings, database).content_key_file == own
    configured = settings.model_copy(update={"content_key_file": tmp_path / "mine.key"})
    assert with_database(configured, database).content_key_file == tmp_path / "mine.key"
