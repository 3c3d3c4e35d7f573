"""Everything that one database keeps, carried into another, of the same kind or not."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.errors import ContentKeyError, InputError, StoreDamaged
from bot.store.archive import ArchiveReader, ArchiveWriter
from bot.store.archive_file import archive_from, archive_to
from bot.store.cipher import ContentCipher
from bot.store.copying import Contents, Pages, contents_of, fill, pages_of
from bot.store.keys import load_keys
from bot.store.new_file import require_free, whole_file
from bot.store.plain import files_of, opened_plain, schema_of
from bot.store.raw import Rows, tables_of
from bot.store.rekey import CHECK_NAME
from bot.store.row_faults import RowFaults

Progress = Callable[[int, int], None]

_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Keys:
    """Say where the keys come from: those given, or else a file."""

    given: str | None
    file: Path


async def export_to(
    url: str, path: Path, progress: Progress, *, force: bool = False, kept: tuple[Path, ...] = ()
) -> Contents:
    """Write everything that a database holds to an export, as of one moment; the database is only read.

    `kept` are files that are never written over. Raise StoreError, or InputError where that file must not be written.
    """
    require_free(path, force=force, kept=(*kept, *files_of(url)))
    async with opened_plain(url) as database:
        schema = await schema_of(database)
        tables, done = tables_of(schema), 0
        async with database.reading() as connection:
            contents = await contents_of(connection, schema, tables)
            with whole_file(path, force=force) as draft, archive_to(draft, path) as stream:
                writer = ArchiveWriter(stream, contents, tables)
                async for name, rows in pages_of(connection, tables):
                    writer.add(name, rows)
                    done += len(rows)
                    progress(done, contents.total)
                writer.finish()
    return contents


async def import_from(path: Path, url: str, keys: Keys, progress: Progress) -> Contents:
    """Write an export or a backup into a database that is empty or not there yet: all of it, or nothing.

    The file is read through and its key tried before anything is written. Raise InputError where it makes no sense or
    the database holds something, ContentKeyError where the keys are not those that it was sealed with.
    """
    async with _source(path, progress) as source:
        await _require_key(source, keys, path)
        with _made_with(files_of(url)):
            async with opened_plain(url, may_create=True) as target:
                await fill(target, source.contents, source.pages(), source.told)
    return source.contents


class _Source:
    """Hold what is to be imported; `pages` can be asked for twice, to look first and to write then."""

    def __init__(self, contents: Contents, pages: Callable[[], Pages], progress: Progress) -> None:
        self.contents = contents
        self.pages = pages
        self._progress = progress

    def looked(self, done: int, _total: int) -> None:
        """Tell that so many rows were looked at."""
        self._progress(done, 2 * self.contents.total)

    def told(self, done: int, total: int) -> None:
        """Tell that so many rows were written."""
        self._progress(total + done, 2 * total)


@asynccontextmanager
async def _source(path: Path, progress: Progress) -> AsyncIterator[_Source]:
    with path.open("rb") as file:
        is_database = file.read(len(_SQLITE)) == _SQLITE
    if not is_database:
        yield _Source(_contents(path), lambda: _archived(path), progress)
        return
    async with opened_plain(f"sqlite+aiosqlite:///{path}") as database:
        schema = await schema_of(database)
        if (said := await database.check()) != "ok":
            raise StoreDamaged(f"{path} is damaged ({said}). Nothing was changed; take another backup.")
        tables = tables_of(schema)
        async with database.reading() as connection:
            contents = await contents_of(connection, schema, tables)

            async def pages() -> Pages:
                faults = {name: RowFaults(table, contents.numbers.get(name)) for name, table in tables.items()}
                async for name, rows in pages_of(connection, tables):
                    _require_sound(name, rows, faults[name], path)
                    yield name, rows

            yield _Source(contents, pages, progress)


def _contents(path: Path) -> Contents:
    with archive_from(path) as stream:
        return ArchiveReader(stream, str(path)).contents


async def _archived(path: Path) -> Pages:
    with archive_from(path) as stream:
        for page in ArchiveReader(stream, str(path)).pages():
            yield page
            # Long work that never waits would not notice that it is to stop.
            await asyncio.sleep(0)


def _require_sound(name: str, rows: Rows, faults: RowFaults, path: Path) -> None:
    for row in rows:
        if (fault := faults.of(row)) is not None:
            raise StoreDamaged(
                f"{path}: a row of {name} is damaged: {fault}. Nothing was changed; take another backup."
            )


async def _require_key(source: _Source, keys: Keys, path: Path) -> None:
    """Look at every row before one is written; raise ContentKeyError where no key fits what is sealed in them."""
    check, done = None, 0
    async for name, rows in source.pages():
        done += len(rows)
        source.looked(done, done)
        if name == "meta":
            check = next((value for label, value in rows if label == CHECK_NAME), check)
    if check is None:
        raise InputError(f"{path} does not say which key it was sealed with, so it is not whole. Nothing was changed.")
    try:
        ContentCipher(load_keys(keys.given, keys.file, may_create=False)).decrypt(check, "the check value")
    except ContentKeyError as error:
        raise ContentKeyError(
            f"{path} needs the key that it was sealed with: put its key file at {keys.file}, or name it in "
            f"REFEREE_CONTENT_KEYS. Nothing was changed."
        ) from error


@contextmanager
def _made_with(files: tuple[Path, ...]) -> Iterator[None]:
    """Remove what was made where there was nothing, if what is done with it fails."""
    made = bool(files) and not files[0].exists()
    try:
        yield
    except BaseException:
        for file in files if made else ():
            file.unlink(missing_ok=True)
        raise
