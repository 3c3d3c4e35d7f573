"""An export: the rows of a whole database as lines of JSON, between a header and a trailer that prove it whole.

The first line says what follows: the version of the format, the schema, and of each table its columns, how many rows it
has and the last number that it gave. Then each row is a list: the name of its table and its values, bytes as base64.
The last line has the number of rows and the SHA-256 of every byte before it. What is sealed in the database is sealed
in the file, and needs the same key. With a name that ends in .gz the file is packed.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from sqlalchemy import LargeBinary, Table

from bot.errors import InputError, StoreDamaged
from bot.store.archive_file import Source, Target
from bot.store.copying import Contents
from bot.store.migrate import known_schemas
from bot.store.raw import AT_ONCE, Rows, is_numbered, tables_of
from bot.store.row_faults import RowFaults

FORMAT = 1
_LONGEST_LINE = 8 << 20
_MOST_AT_ONCE = 8 << 20


class ArchiveWriter:
    """Write an export, whole or not at all: the trailer comes with `finish`."""

    def __init__(self, stream: Target, contents: Contents, tables: Mapping[str, Table]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._rows = 0
        self._tables = tables
        self._faults = {name: RowFaults(table) for name, table in tables.items()}
        described = {name: _described(tables[name], contents) for name in tables}
        self._write({"referee_export": FORMAT, "schema": contents.schema, "tables": described})

    def add(self, name: str, rows: Rows) -> None:
        """Write some rows of a table; raise StoreDamaged where one makes no sense."""
        columns = list(self._tables[name].columns)
        sealed = [place for place, column in enumerate(columns) if isinstance(column.type, LargeBinary)]
        for row in rows:
            fault = self._faults[name].of(row)
            if fault is not None:
                raise StoreDamaged(f"A row of {name} is damaged: {fault}. Run `referee db check`.")
            values = list(row)
            for place in sealed:
                if values[place] is not None:
                    values[place] = base64.b64encode(values[place]).decode("ascii")
            self._write([name, *values])
        self._rows += len(rows)

    def finish(self) -> None:
        """Write the trailer."""
        self._write({"rows": self._rows, "sha256": self._digest.hexdigest()})

    def _write(self, value: object) -> None:
        # ASCII alone: nothing on the way can turn it into something else.
        line = json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
        self._digest.update(line)
        self._stream.write(line)


def _described(table: Table, contents: Contents) -> dict[str, object]:
    described: dict[str, object] = {"columns": [column.name for column in table.columns]}
    described["rows"] = contents.rows[table.name]
    if is_numbered(table):
        described["last_number"] = contents.numbers[table.name]
    return described


class ArchiveReader:
    """Read an export that may hold anything; what makes no sense is an InputError that names the line.

    Its contents are known once it is made; `pages` yields the rows, and raises at its end where the trailer does not
    prove them whole.
    """

    def __init__(self, stream: Source, name: str) -> None:
        self._stream = stream
        self._name = name
        self._line = self._read = 0
        self._digest = hashlib.sha256()
        self.contents, self._tables = self._header()

    def pages(self) -> Iterator[tuple[str, Rows]]:
        """Yield every row with the name of its table, some at a time, as the header announces them."""
        total = 0
        for name, table in self._tables.items():
            left = self.contents.rows[name]
            while left:
                rows = self._page(name, table, min(left, AT_ONCE))
                left -= len(rows)
                total += len(rows)
                yield name, rows
        self._trailer(total)

    def _page(self, name: str, table: Table, most: int) -> Rows:
        rows: list[tuple[Any, ...]] = []
        full = self._read + _MOST_AT_ONCE
        while len(rows) < most and self._read < full:
            rows.append(self._row(name, table))
        return rows

    def _header(self) -> tuple[Contents, Mapping[str, Table]]:
        found = self._value(self._next())
        if not isinstance(found, dict) or "referee_export" not in found:
            self._refuse("not an export of Referee; `referee db export` writes one")
        if found["referee_export"] != FORMAT:
            self._refuse(f"of format {found['referee_export']!r}, and this version reads {FORMAT}; upgrade Referee")
        schema = found.get("schema")
        if not isinstance(schema, str) or schema not in known_schemas():
            self._refuse(f"of schema {schema!r}, which this version does not know; upgrade Referee")
        tables = tables_of(schema)
        contents = _contents(schema, found.get("tables"), tables)
        if contents is None:
            self._refuse(f"its tables and columns are not those of schema {schema}")
        self._faults = {name: RowFaults(table, contents.numbers.get(name)) for name, table in tables.items()}
        return contents, tables

    def _row(self, name: str, table: Table) -> tuple[Any, ...]:
        found = self._value(self._next())
        if not isinstance(found, list) or not found or found[0] != name:
            self._refuse(f"not a row of {name}, of which the first line announces {self.contents.rows[name]}")
        if len(found) != len(table.columns) + 1:
            self._refuse(f"not as many values as {name} has columns")
        row = tuple(self._unpacked(value, column.type) for value, column in zip(found[1:], table.columns, strict=True))
        fault = self._faults[name].of(row)
        if fault is not None:
            self._refuse(f"a row of {name} in which {fault}")
        return row

    def _unpacked(self, value: object, kind: object) -> object:
        if not isinstance(kind, LargeBinary) or not isinstance(value, str):
            return value
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            self._refuse("not base64 where bytes belong")

    def _trailer(self, rows: int) -> None:
        proof = self._digest.hexdigest()
        found = self._value(self._next())
        if found != {"rows": rows, "sha256": proof}:
            self._refuse("the last line does not fit what comes before it: the file was changed or cut")
        if self._stream.read(1):
            self._refuse("something follows the last line")

    def _next(self) -> bytes:
        self._line += 1
        line = self._stream.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            self._refuse(f"longer than {_LONGEST_LINE >> 20} MB")
        if not line.endswith(b"\n"):
            self._refuse("the file ends here: it is cut, or no export")
        self._digest.update(line)
        self._read += len(line)
        return line

    def _value(self, line: bytes) -> Any:  # noqa: ANN401
        try:
            return json.loads(line.decode("ascii"), parse_constant=self._no_number)
        except (ValueError, RecursionError):
            self._refuse("not a line of JSON in ASCII")

    def _no_number(self, name: str) -> NoReturn:
        raise ValueError(name)

    def _refuse(self, why: str) -> NoReturn:
        raise InputError(f"{self._name}, line {self._line}: {why}. Nothing was changed; take a whole export.")


def _contents(schema: str, described: object, tables: Mapping[str, Table]) -> Contents | None:
    if not isinstance(described, dict) or list(described) != list(tables):
        return None
    rows: dict[str, Any] = {}
    numbers: dict[str, Any] = {}
    for name, table in tables.items():
        said = described[name]
        if not isinstance(said, dict) or said.get("columns") != [column.name for column in table.columns]:
            return None
        rows[name] = said.get("rows")
        if is_numbered(table):
            numbers[name] = said.get("last_number")
    sane = all(type(number) is int and 0 <= number < 2**62 for number in (*rows.values(), *numbers.values()))
    return Contents(schema, rows, numbers) if sane else None
