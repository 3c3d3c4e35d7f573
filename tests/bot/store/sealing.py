"""What tests of sealing look at and change in the rows themselves, on either kind of database."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete, event, insert, select, text, update
from sqlalchemy.engine import RowMapping

from bot.domain import Action, Decision, Incident, Mode, Platform, SourceKey
from bot.errors import StoreFull
from bot.store import SqlIncidentStore, Stores
from bot.store.cipher import ContentCipher, ContentKey
from bot.store.rekey import CHECK_NAME
from bot.store.schema import meta, metadata
from bot.store.sealed import SEALED

_AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
_FLAG = Decision(Action.FLAG, Action.FLAG, Mode.LIVE, "insult", 0.9, ("above 0.80",))


def a_flag(message: str, **changes: Any) -> Incident:
    """Return an incident that is not stored yet."""
    key = SourceKey(Platform.DISCORD, "arena", "lobby", message)
    return replace(Incident(key, "ann", _AT, "you are a sock", _FLAG, 0.9, {"insult": 0.9}, "v1"), **changes)


def cipher_of(*keys: str) -> ContentCipher:
    return ContentCipher([ContentKey.parse(key) for key in keys])


async def raw_rows(store: SqlIncidentStore, table: str) -> Sequence[RowMapping]:
    """Return the rows of a table as the database has them."""
    async with store._database.reading() as connection:
        return (
            (await connection.execute(select(text("*")).select_from(text(table)).order_by(text("1")))).mappings().all()
        )


async def everything_readable(store: SqlIncidentStore) -> str:
    """Return whatever can be read in any column of any table."""
    return "\n".join([repr(dict(row)) for name in metadata.tables for row in await raw_rows(store, name)])


async def put_back(stores: Stores, key: str, *numbers: int) -> None:
    """Leave the rows, or those of these numbers, as the version before names were sealed wrote them."""
    cipher, store = cipher_of(key), stores.incidents
    for sealed in SEALED:
        for row in await raw_rows(store, sealed.table.name):
            if not numbers or row[sealed.key.name] in numbers:
                name = {
                    column: store._cipher.open_name(row[column], at, "it")
                    for column, at in (sealed.names or {}).items()
                }
                told = {column: store._cipher.open_text(row[column], "it") for column in sealed.texts}
                token = {c: cipher.encrypt(store._cipher.decrypt(row[c], "it")) for c in sealed.tokens if row[c]}
                old: dict[str, Any] = {**{c: as_before(v) for c, v in {**name, **told}.items()}, **token}
                async with store._database.writing() as connection:
                    await connection.execute(update(sealed.table).where(sealed.key == row[sealed.key.name]).values(old))
    async with store._database.writing() as connection:
        await connection.execute(delete(meta))
        await connection.execute(insert(meta).values(name=CHECK_NAME, value=cipher.encrypt(CHECK_NAME)))


def as_before(value: str) -> str:
    """Return the form in which the columns of before stored a text."""
    return re.sub(r"[\\\ud800-\udfff]", lambda m: "\\\\" if m[0] == "\\" else f"\\u{ord(m[0]):04x}", value)


class after:  # noqa: N801
    """Let a kind of statement fail once it was carried out so many times, as a disk might."""

    def __init__(self, begins: str, times: int) -> None:
        self._begins, self._left = begins, times

    def __enter__(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._count)

    def __exit__(self, *_error: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._count)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(self._begins):
            self._left -= 1
            if self._left < 0:
                raise StoreFull("no room is left")
