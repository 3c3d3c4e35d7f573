"""The settings of live communities, every change of them, and where watching stopped."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Executable, RowMapping, delete, insert, select

from bot.community import Change, Community
from bot.store.database import Database
from bot.store.rows import from_micros, to_micros
from bot.store.schema import cards, changes, communities, incidents, meta, reviews, seen

_CHANGES_SHOWN = 50


class SqlCommunityStore:
    """Keep communities in the database of the incidents; closed with them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Community]:
        """Return every community that has settings."""
        return [_community_of(row) for row in await self._rows(select(communities))]

    async def save(self, community: Community, change: Change | None = None) -> None:
        """Write a community's settings, and what changed in them, together."""
        values = _community_values(community)
        row = (
            self._database.insert(communities).values(values).on_conflict_do_update(index_elements=["id"], set_=values)
        )
        async with self._database.writing() as connection:
            await connection.execute(row)
            if change is not None:
                await connection.execute(insert(changes).values(_change_values(change)))

    async def changes(self, community: str, limit: int = _CHANGES_SHOWN) -> Sequence[Change]:
        """Return the last changes of a community's settings, newest first."""
        found = select(changes).where(changes.c.community == community).order_by(changes.c.id.desc()).limit(limit)
        return [_change_of(row) for row in await self._rows(found)]

    async def forget(self, community: str) -> int:
        """Drop everything about a community: settings, incidents, verdicts, cards; return the number of incidents."""
        own = select(incidents.c.id).where(incidents.c.community == community)
        async with self._database.writing() as connection:
            await connection.execute(delete(reviews).where(reviews.c.incident_id.in_(own)))
            dropped = (await connection.execute(delete(incidents).where(incidents.c.community == community))).rowcount
            for table in (cards, changes, seen):
                await connection.execute(delete(table).where(table.c.community == community))
            await connection.execute(delete(communities).where(communities.c.id == community))
        return int(dropped)

    async def note_seen(self, community: str, newest: Mapping[str, str]) -> None:
        """Note the newest message that was taken in, by channel."""
        if not newest:
            return
        rows = [{"community": community, "channel": channel, "message": m} for channel, m in newest.items()]
        row = self._database.insert(seen)
        row = row.on_conflict_do_update(index_elements=["community", "channel"], set_={"message": row.excluded.message})
        async with self._database.writing() as connection:
            await connection.execute(row, rows)

    async def seen(self, community: str) -> Mapping[str, str]:
        """Return the newest message that was taken in, by channel."""
        rows = await self._rows(select(seen).where(seen.c.community == community))
        return {row["channel"]: row["message"] for row in rows}

    async def forget_channel(self, community: str, channel: str) -> None:
        """Drop where watching stopped in a channel that is gone."""
        gone = delete(seen).where(seen.c.community == community, seen.c.channel == channel)
        async with self._database.writing() as connection:
            await connection.execute(gone)

    async def remember(self, name: str, value: str) -> None:
        """Keep a note of the front end about itself under a name."""
        values = {"name": f"note:{name}", "value": value.encode()}
        row = self._database.insert(meta).values(values).on_conflict_do_update(index_elements=["name"], set_=values)
        async with self._database.writing() as connection:
            await connection.execute(row)

    async def recall(self, name: str) -> str | None:
        """Return the note of that name, None where there is none."""
        rows = await self._rows(select(meta.c.value).where(meta.c.name == f"note:{name}"))
        return rows[0]["value"].decode() if rows else None

    async def _rows(self, statement: Executable) -> Sequence[RowMapping]:
        async with self._database.reading() as connection:
            return (await connection.execute(statement)).mappings().all()


def _community_values(community: Community) -> dict[str, object]:
    return {
        "id": community.id,
        "review_channel": community.review_channel,
        "log_channel": community.log_channel,
        "moderator_roles": json.dumps(sorted(community.moderator_roles)),
        "policy": community.policy,
        "is_set_up": community.is_set_up,
        "held_since": None if community.held_since is None else to_micros(community.held_since),
    }


def _community_of(row: RowMapping) -> Community:
    return Community(
        id=row["id"],
        review_channel=row["review_channel"],
        log_channel=row["log_channel"],
        moderator_roles=frozenset(json.loads(row["moderator_roles"])),
        policy=row["policy"],
        is_set_up=row["is_set_up"],
        held_since=None if row["held_since"] is None else from_micros(row["held_since"]),
    )


def _change_values(change: Change) -> dict[str, object]:
    return {
        "community": change.community,
        "author": change.author,
        "at": to_micros(change.at),
        "what": change.what,
        "lines": json.dumps(change.lines, ensure_ascii=False),
    }


def _change_of(row: RowMapping) -> Change:
    lines = tuple(json.loads(row["lines"]))
    return Change(row["community"], row["author"], from_micros(row["at"]), row["what"], lines)
