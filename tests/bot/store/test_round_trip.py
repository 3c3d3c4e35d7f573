import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Action, Decision, Incident, Mode, Outcome, Platform, ReviewState, SourceKey
from bot.store import open_store

# Every character, lone surrogates and NUL included.
TEXT = st.text(st.characters(codec=None), max_size=30)
SHARE = st.floats(0, 1)
FIRST, LAST = (datetime(*day, tzinfo=UTC).replace(tzinfo=None) for day in ((1, 1, 2), (9999, 12, 30)))
MOMENT = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
INCIDENT = st.builds(
    Incident,
    key=st.builds(SourceKey, st.sampled_from(Platform), TEXT, TEXT, TEXT, TEXT),
    author=TEXT,
    at=MOMENT,
    text=st.none() | TEXT,
    decision=st.builds(
        Decision,
        action=st.sampled_from(Action),
        would=st.sampled_from(Action),
        mode=st.sampled_from(Mode),
        category=TEXT,
        confidence=SHARE,
        reasons=st.lists(TEXT, max_size=3).map(tuple),
        strike=st.booleans(),
        duration=st.none() | st.timedeltas(timedelta(0), timedelta(days=28)),
    ),
    toxic=SHARE,
    categories=st.dictionaries(TEXT, SHARE, max_size=3),
    model_version=TEXT,
    words=st.lists(TEXT, max_size=3).map(tuple),
    transcript_doubt=st.none() | SHARE,
    clip_name=st.none() | TEXT,
    clip_at=st.none() | st.floats(0, 1e6),
    id=st.just(1),
    created_at=MOMENT,
    outcome=st.sampled_from(Outcome),
    outcome_detail=TEXT,
    state=st.sampled_from(ReviewState),
    final_category=st.none() | TEXT,
)


@settings(max_examples=25, deadline=None)
@given(INCIDENT)
def test_any_incident_comes_back_as_it_was(incident):
    async def there_and_back(folder):
        store = await open_store(f"sqlite+aiosqlite:///{folder}/referee.db")
        try:
            assert (await store.record(incident)).incident == incident
            assert await store.get(1) == incident
            assert not (await store.record(incident)).created
        finally:
            await store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(there_and_back(Path(folder)))
