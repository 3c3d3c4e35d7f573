"""Which columns are sealed, and how the row of each table is sealed anew with the first key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, RowMapping, Table

from bot.store.cipher import ContentCipher
from bot.store.schema import cards, changes, communities, incidents, reviews

INCIDENT_AUTHOR = "incidents.author"
CARD_AUTHOR = "cards.author"
CHANGE_AUTHOR = "changes.author"
MODERATOR = "reviews.moderator"
REVISION = "incidents.revision"
"""Where names are sealed for: the same one looks different in another place."""


@dataclass(frozen=True, slots=True)
class SealedTable:
    """Name the columns of a table that are sealed: tokens, texts, and names with the place that they are sealed for."""

    table: Table
    key: Column[Any]
    tokens: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    names: Mapping[str, str] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every sealed column."""
        return (*self.tokens, *self.texts, *(self.names or ()))

    def fresh(self, row: RowMapping, cipher: ContentCipher) -> dict[str, Any] | None:
        """Return the sealed columns of a row under the first key, None where they are all under it already.

        Raise ContentKeyError where no key opens one of them.
        """
        name = f"row {row[self.key.name]} of {self.table.name}"
        values = {column: row[column] for column in self.columns}
        for column in self.tokens:
            if values[column] is not None and not cipher.is_newest(values[column]):
                values[column] = cipher.encrypt(cipher.decrypt(values[column], name))
        for column in self.texts:
            if not cipher.is_newest_text(values[column]):
                values[column] = cipher.seal_text(cipher.open_text(values[column], name))
        for column, place in (self.names or {}).items():
            if not cipher.is_newest_name(values[column], place):
                values[column] = cipher.seal_name(cipher.open_name(values[column], place, name), place)
        return values if any(values[column] != row[column] for column in values) else None


SEALED = (
    SealedTable(
        incidents,
        incidents.c.id,
        tokens=("content",),
        texts=("reasons", "outcome_detail"),
        names={"author": INCIDENT_AUTHOR, "revision": REVISION},
    ),
    SealedTable(reviews, reviews.c.id, tokens=("note",), names={"moderator": MODERATOR}),
    SealedTable(cards, cards.c.id, names={"author": CARD_AUTHOR}),
    SealedTable(changes, changes.c.id, texts=("what", "lines"), names={"author": CHANGE_AUTHOR}),
    SealedTable(communities, communities.c.id, texts=("policy",)),
)
"""Every sealed column of the database."""
