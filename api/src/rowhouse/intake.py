"""Brings the rows of one file into one new table: COPY as it comes, then checks by sets, then key and statistics."""

import re
from collections.abc import Iterator
from typing import BinaryIO
from typing import cast as typed

import psycopg2
from sqlalchemy import Connection, Table, Text, cast, func, literal_column, or_, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.elements import ColumnElement

from rowhouse.datafile import CopySource, DataFile
from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.errors import LoadError

# How many rows that break one rule are named.
_EXAMPLES = 10
_COPY_CHUNK_BYTES = 1 << 18

# Where a bad row is, in PostgreSQL's words: `COPY t, line 7, column pm10: "abc"`.
_COPY_CONTEXT = re.compile(r"COPY [^,]+, line (\d+)(?:, column (.+?))?(?:: (.*))?", re.DOTALL)


class Intake:
    """Fills one table, inside the caller's transaction."""

    def __init__(self, connection: Connection, dataset: Dataset, table: Table, file: DataFile) -> None:
        """Take the connection of the open transaction, and a table that is not there yet."""
        self._connection = connection
        self._dataset = dataset
        self._table = table
        self._file = file
        quote = connection.dialect.identifier_preparer
        self._quote = quote.quote
        self._table_name = quote.format_table(table)

    def run(self) -> int:
        """Create and fill the table; returns the number of rows.

        Raises:
            LoadError: Naming file, line, column, value and reason of the rows that cannot be taken.
        """
        self._connection.execute(CreateTable(self._table))
        rows = self._copy()
        if rows == 0:
            raise LoadError(
                f"{self._file.path}: has a header and no rows. Put the rows of dataset {self._dataset.name} there."
            )
        self._check()
        self._add_key()
        self._connection.execute(text(f"ANALYZE {self._table_name}"))
        return rows

    def _copy(self) -> int:
        columns = ", ".join(self._quote(name) for name in self._file.header())
        # FREEZE, as the table was made in this transaction: its rows never need a vacuum.
        statement = f"COPY {self._table_name} ({columns}) FROM STDIN WITH (FORMAT csv, HEADER, ENCODING 'UTF8', FREEZE)"
        connection = typed("psycopg2.extensions.connection", self._connection.connection.driver_connection)
        with self._file.open() as stream, connection.cursor() as cursor:
            source = CopySource(stream, self._file.path)
            try:
                cursor.copy_expert(statement, typed("BinaryIO", source), size=_COPY_CHUNK_BYTES)
            except psycopg2.errors.QueryCanceled:
                if source.error:
                    raise source.error from None
                raise
            except psycopg2.DataError as error:
                raise LoadError(f"{self._file.path}: {_explain(error)}") from error
            return cursor.rowcount

    def _check(self) -> None:
        """Refuse rows that PostgreSQL takes but that break a rule of dataset.yml, or cannot be said in JSON."""
        rules = [
            (column, reason, condition)
            for column in self._dataset.columns
            for reason, condition in _rules(column, self._table.c[column.name])
        ]
        # One walk over the table for all rules.
        counts = self._connection.execute(
            select(*(func.count().filter(condition) for _, _, condition in rules)).select_from(self._table)
        ).one()
        broken = [
            self._describe(column, reason, condition, count)
            for (column, reason, condition), count in zip(rules, counts, strict=True)
            if count
        ]
        if broken:
            raise LoadError("\n".join(broken))

    def _add_key(self) -> None:
        key = self._dataset.key
        try:
            with self._connection.begin_nested():
                self._connection.execute(
                    text(f"ALTER TABLE {self._table_name} ADD PRIMARY KEY ({self._quote(key.name)})")
                )
        except IntegrityError as error:
            cell = self._table.c[key.name]
            condition = cell.in_(select(cell).group_by(cell).having(func.count() > 1))
            count = self._connection.scalar(select(func.count()).select_from(self._table).where(condition)) or 0
            raise LoadError(self._describe(key, "is the key of more than one row", condition, count)) from error

    def _describe(self, column: Column, reason: str, condition: ColumnElement[bool], count: int) -> str:
        """Name the first rows for which the condition holds, a line each."""
        # Rows lie in the table as they came, so a row's place in the table is its place in the file.
        numbered = select(
            (func.row_number().over(order_by=literal_column("ctid")) - 1).label("row"),
            cast(self._table.c[column.name], Text).label("value"),
            condition.label("bad"),
        ).subquery()
        examples = self._connection.execute(
            select(numbered.c.row, numbered.c.value).where(numbered.c.bad).order_by(numbered.c.row).limit(_EXAMPLES)
        ).all()
        lines = self._file.lines_of_rows([row for row, _ in examples])
        described = [
            f"{self._file.path}: line {line}, column {column.name}: {_shown(value)} {reason}."
            for line, (_, value) in zip(lines, examples, strict=True)
        ]
        if count > len(examples):
            described.append(f"{self._file.path}: and {count - len(examples)} more like these.")
        return "\n".join(described)


def _rules(column: Column, cell: ColumnElement[object]) -> Iterator[tuple[str, ColumnElement[bool]]]:
    """Yield a reason and the condition under which a cell is refused for it."""
    if column.required:
        yield "is missing, but the column is required", cell.is_(None)
    if column.type is ColumnType.NUMBER:
        yield "is not a number that JSON can say", cell.in_([float("nan"), float("inf"), float("-inf")])
    if column.type in (ColumnType.DATE, ColumnType.TIMESTAMP):
        yield "lies outside the years 1 to 9999", or_(cell < text("'0001-01-01'"), cell >= text("'10000-01-01'"))


def _explain(error: psycopg2.DataError) -> str:
    """Say in one sentence where COPY stopped, and why."""
    reason = (error.diag.message_primary or str(error)).strip()
    place = _COPY_CONTEXT.fullmatch((error.diag.context or "").strip())
    if not place:
        return f"{reason}."
    line, column, value = place.groups()
    where = f"line {line}, column {column}" if column else f"line {line}"
    return f"{where}: {value or 'the row'} was refused: {reason}."


def _shown(value: str | None) -> str:
    return "the value" if value is None else repr(value)
