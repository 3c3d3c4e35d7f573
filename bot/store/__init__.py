"""The incident store: SQLite or PostgreSQL, content encrypted, migrations run at open.

`kind` is what it asks of a database, `sqlite` and `postgres` are the two that answer, `places` tells them apart by URL.
`sqlite_driver` spares SQLite trips between threads, `writers` has those who wait share a commit, and `turns` says who
is next.
`schema` names the tables, `database` hands out transactions, `watch` lets one process at a time watch, `rows` turns
values into rows and back, `keys` and `cipher` keep content unreadable on the disk, `migrate` brings an older database
up to date, and `failures` says what went wrong in the words of `bot.errors`. Only this package knows the drivers.
"""

from bot.store.cards import SqlCardStore
from bot.store.communities import SqlCommunityStore
from bot.store.incidents import SqlIncidentStore
from bot.store.kind import Description
from bot.store.opening import Stores, open_store, open_stores
from bot.store.places import default_key_file, file_of
from bot.store.watch import Watch

__all__ = [
    "Description",
    "SqlCardStore",
    "SqlCommunityStore",
    "SqlIncidentStore",
    "Stores",
    "Watch",
    "default_key_file",
    "file_of",
    "open_store",
    "open_stores",
]
