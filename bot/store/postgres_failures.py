"""Say what went wrong with a PostgreSQL database in the words of `bot.errors`.

What the server says is repeated only where it cannot hold a password or what somebody wrote.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreReadOnly, StoreUnreachable

_Told = tuple[type[StoreError], str]

_BUSY: _Told = (StoreBusy, "The {label} is held by another process or task. Stop it, or try again in a moment.")
_SLOW: _Told = (StoreBusy, "The {label} took too long ({why}). Try again, or see what keeps the server busy.")
_CROWDED: _Told = (
    StoreBusy,
    "The {label} takes no more connections ({why}). Stop what else uses it, or raise its limit.",
)
_READ_ONLY: _Told = (StoreReadOnly, "The {label} cannot be written ({why}). Name the main server, or grant the rights.")
_FULL: _Told = (StoreFull, "No room is left to write the {label} ({why}). Free some disk space on its server.")
_DAMAGED: _Told = (StoreDamaged, "The {label} is damaged ({why}). Put a backup in its place.")
_AWAY: _Told = (StoreUnreachable, "The {label} does not answer ({why}). Start the server, or check the network.")
_REFUSED: _Told = (
    StoreUnreachable,
    "The {label} refuses us ({why}). Correct user and password in REFEREE_DATABASE_URL.",
)
_MISSING: _Told = (StoreUnreachable, "There is no {label}. Make it on the server (createdb), or name another.")
_TOO_LONG: _Told = (
    StoreError,
    "The {label} cannot hold so long a name ({why}): a community, channel, message or author has about 2,000 bytes "
    "at most there. Shorten it, or use SQLite.",
)
_OTHER: _Told = (StoreError, "The {label} cannot be used ({why}).")

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_STATE: dict[str, _Told] = {
    "55P03": _BUSY,
    "40001": _BUSY,
    "40P01": _BUSY,
    "57014": _SLOW,
    "25P03": _SLOW,
    "53300": _CROWDED,
    "25006": _READ_ONLY,
    "42501": _READ_ONLY,
    "53100": _FULL,
    "28000": _REFUSED,
    "28P01": _REFUSED,
    "3D000": _MISSING,
    "54000": _TOO_LONG,
}
_BY_CLASS: dict[str, _Told] = {
    "08": _AWAY,
    "57": _AWAY,
    "58": (StoreDamaged, "The server of the {label} cannot use its files ({why}). See its log."),
    "XX": _DAMAGED,
}


_PRIVATE = ("22", "23", "P0")
"""Classes of errors whose text may repeat a value: only what they are is told, and nothing is chained to them."""


@contextmanager
def failures_of_server(label: str) -> Iterator[None]:
    """Turn what the driver, SQLAlchemy or the network raises into a StoreError that names the database."""
    try:
        yield
    except PoolTimeoutError as error:
        raise _told(_BUSY, label, error) from error
    except DBAPIError as error:
        # SQLAlchemy wraps its own copy of the driver's error around it.
        _raise_of_driver((error.orig and error.orig.__cause__) or error, label)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        _raise_of_driver(error, label)
    except SQLAlchemyError as error:
        raise _told(_OTHER, label, error) from error
    except TimeoutError as error:
        raise _told(_AWAY, label, "no answer in time") from error
    except OSError as error:
        raise _told(_AWAY, label, error.strerror or type(error).__name__) from error


def _raise_of_driver(error: BaseException, label: str) -> NoReturn:
    state = getattr(error, "sqlstate", None)
    if state is None:
        # The driver's own: the connection broke, or was closed by the other side.
        lost = isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError | OSError | TimeoutError)
        raise _told(_AWAY if lost else _OTHER, label, _first_line(error)) from error
    if state.startswith(_PRIVATE):
        raise _told(_OTHER, label, f"{type(error).__name__}, {state}") from None
    raise _told(_BY_STATE.get(state) or _BY_CLASS.get(state[:2], _OTHER), label, _first_line(error)) from error


def _told(told: _Told, label: str, why: object) -> StoreError:
    kind, words = told
    return kind(words.format(label=label, why=why))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
