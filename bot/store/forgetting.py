"""Everything about a community that is left goes, a few rows at a time."""

from sqlalchemy import Table, delete, func, select

from bot.domain import Platform
from bot.store.database import Database
from bot.store.dropping import CHUNK, drop, some
from bot.store.schema import cards, changes, communities, incidents, reviews, seen
from bot.store.scrubbing import owe, scrub


async def forget(database: Database, community: str) -> int:
    """Drop settings, incidents, verdicts and cards of a community; return the number of incidents.

    Its settings go last: where this is cut short, `traces` still names it, and the next call goes on.
    """
    dropped = done = await _drop_incidents(database, community)
    while done == CHUNK:
        done = await _drop_incidents(database, community)
        dropped += done
    for table in (cards, changes):
        await _drop_rows(database, table, community)
    async with database.writing() as connection:
        await connection.execute(delete(seen).where(seen.c.community == community))
        await connection.execute(delete(communities).where(communities.c.id == community))
        await owe(connection, database)
    await scrub(database)
    return dropped


async def traces(database: Database, platform: Platform) -> frozenset[str]:
    """Return the communities of a platform that anything is stored of."""
    found: set[str] = set()
    async with database.reading() as connection:
        for column in (communities.c.id, seen.c.community, cards.c.community, changes.c.community):
            found.update((await connection.execute(select(column).distinct())).scalars())
        # From one community to the next through the index: there are few of them, and maybe a million incidents.
        here, last = incidents.c.platform == platform.value, None
        while True:
            further = [here] if last is None else [here, incidents.c.community > last]
            last = await connection.scalar(select(func.min(incidents.c.community)).where(*further))
            if last is None:
                return frozenset(found)
            found.add(last)


async def _drop_incidents(database: Database, community: str) -> int:
    async with database.writing() as connection:
        found = await some(connection, incidents.c.community == community)
        if found:
            await connection.execute(delete(reviews).where(reviews.c.incident_id.in_([row.id for row in found])))
            await drop(connection, found)
    return len(found)


async def _drop_rows(database: Database, table: Table, community: str) -> None:
    done = CHUNK
    while done == CHUNK:
        some_rows = select(table.c.id).where(table.c.community == community).limit(CHUNK)
        async with database.writing() as connection:
            done = (await connection.execute(delete(table).where(table.c.id.in_(some_rows)))).rowcount
