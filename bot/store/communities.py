"""The settings of live communities, every change of them, and where watching stopped."""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Executable, RowMapping, delete, insert, select

from bot.community import Change, Community
from bot.domain import Platform
from bot.store import forgetting
from bot.store.cipher import ContentCipher
from bot.store.database import Database
from bot.store.rows import from_micros, to_micros
from bot.store.schema import changes, communities, meta, seen
from bot.store.sealed import CHANGE_AUTHOR

_CHANGES_SHOWN = 50


class SqlCommunityStore:
    """Keep communities in the database of the incidents; closed with them."""

    def __init__(self, database: Database, cipher: ContentCipher) -> None:
        self._database = database
        self._cipher = cipher

    async def all(self) -> Sequence[Community]:
        """Return every community that has settings."""
        return [_community_of(row, self._cipher) for row in await self._rows(select(communities))]

    async def save(self, community: Community, change: Change | None = None) -> None:
        """Write a community's settings, and what changed in them, together."""
        values = _community_values(community, self._cipher)
        row = (
            self._database.insert(communities).values(values).on_conflict_do_update(index_elements=["id"], set_=values)
        )
        async with self._database.writing(sealing=True) as connection:
            await connection.execute(row)
            if change is not None:
                await connection.execute(insert(changes).values(_change_values(change, self._cipher)))

    async def changes(self, community: str, limit: int = _CHANGES_SHOWN) -> Sequence[Change]:
        """Return the last changes of a community's settings, newest first."""
        found = select(changes).where(changes.c.community == community).order_by(changes.c.id.desc()).limit(limit)
        return [_change_of(row, self._cipher) for row in await self._rows(found)]

    async def forget(self, community: str) -> int:
        """Drop everything about a community: settings, incidents, verdicts, cards; return the number of incidents.

        Works in small transactions; where it is cut short, `traces` still names the community.
        """
        return await forgetting.forget(self._database, community)

    async def traces(self, platform: Platform) -> frozenset[str]:
        """Return the communities of a platform that anything is stored of, those without settings included."""
        return await forgetting.traces(self._database, platform)

    async def note_seen(self, community: str, newest: Mapping[str, str]) -> None:
        """Note the newest message that was taken in, by channel."""
        await self.note_all_seen({community: newest})

    async def note_all_seen(self, newest: Mapping[str, Mapping[str, str]]) -> None:
        """Note the newest message that was taken in, by community and channel, all of them together."""
        rows = [
            {"community": community, "channel": channel, "message": message}
            for community, marks in newest.items()
            for channel, message in marks.items()
        ]
        if not rows:
            return
        row = self._database.insert(seen)
        row = row.on_conflict_do_update(index_elements=["community", "channel"], set_={"message": row.excluded.message})
        # A mark that a power cut takes is read again; what it points at is known by then.
        async with self._database.writing(lasting=False) as connection:
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


def _community_values(community: Community, cipher: ContentCipher) -> dict[str, object]:
    return {
        "id": community.id,
        "review_channel": community.review_channel,
        "log_channel": community.log_channel,
        "moderator_roles": json.dumps(sorted(community.moderator_roles)),
        "policy": cipher.seal_text(community.policy),
        "is_set_up": community.is_set_up,
        "held_since": None if community.held_since is None else to_micros(community.held_since),
    }


def _community_of(row: RowMapping, cipher: ContentCipher) -> Community:
    return Community(
        id=row["id"],
        review_channel=row["review_channel"],
        log_channel=row["log_channel"],
        moderator_roles=frozenset(json.loads(row["moderator_roles"])),
        policy=cipher.open_text(row["policy"], f"the policy of community {row['id']}"),
        is_set_up=row["is_set_up"],
        held_since=None if row["held_since"] is None else from_micros(row["held_since"]),
    )


def _change_values(change: Change, cipher: ContentCipher) -> dict[str, object]:
    return {
        "community": change.community,
        "author": cipher.seal_name(change.author, CHANGE_AUTHOR),
        "at": to_micros(change.at),
        "what": cipher.seal_text(change.what),
        "lines": cipher.seal_text(json.dumps(change.lines, ensure_ascii=False)),
    }


def _change_of(row: RowMapping, cipher: ContentCipher) -> Change:
    name = f"a change of community {row['community']}"
    return Change(
        community=row["community"],
        author=cipher.open_name(row["author"], CHANGE_AUTHOR, name),
        at=from_micros(row["at"]),
        what=cipher.open_text(row["what"], name),
        lines=tuple(json.loads(cipher.open_text(row["lines"], name))),
    )
