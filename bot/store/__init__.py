"""The incident store: SQLite in WAL mode, content encrypted, migrations run at open.

`schema` names the tables, `database` hands out transactions, `rows` turns values into rows and back, `keys` and
`cipher` keep content unreadable on the disk, `migrate` brings an older file up to date, and `failures` says what went
wrong in the words of `bot.errors`. Only this package knows the database driver.
"""

from bot.store.cards import SqlCardStore
from bot.store.communities import SqlCommunityStore
from bot.store.incidents import SqlIncidentStore
from bot.store.opening import Stores, database_path, open_store, open_stores

__all__ = [
    "SqlCardStore",
    "SqlCommunityStore",
    "SqlIncidentStore",
    "Stores",
    "database_path",
    "open_store",
    "open_stores",
]
