"""Rows as texts in PostgreSQL, each with its line, and the rejects that were found among them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sqlalchemy import BigInteger, Column, Connection, Table, Text, func, select, text
from sqlalchemy.schema import CreateTable

from rowhouse import opening
from rowhouse.copying import copy_from
from rowhouse.datafile import DataFile
from rowhouse.opening import Record
from rowhouse.rejects import Reject, Rejects, reject_table, temporary

# What is kept of a reject, and how many are shown: a message is read in a log's last lines.
KEPT_BYTES = 1000
_EXAMPLES = 10


class Staging:
    """The tables sieve_row and sieve_reject, inside the caller's transaction.

    sieve_row has the columns of the dataset as texts, and before them the row's line (_line), the row itself (_raw) and
    what is wrong with it as a whole (_reason). No column of a dataset begins like these.
    """

    def __init__(self, connection: Connection, table: Table, file: DataFile) -> None:
        """Take what rows are of which file; `table` is where the good ones belong."""
        self._connection = connection
        self._file = file
        dialect = connection.dialect
        self._quote = dialect.identifier_preparer.quote
        self._types = {column.name: column.type.compile(dialect) for column in table.columns}
        texts = [Column(name, Text) for name in ("_raw", "_reason", *file.columns())]
        self._rows = temporary("sieve_row", Column("_line", BigInteger), *texts)
        self._rejects = reject_table()

    def create(self) -> None:
        """Create the tables, which end with the transaction."""
        for table in (self._rows, self._rejects):
            self._connection.execute(CreateTable(table))

    def add(self, records: Iterable[Record]) -> None:
        """Bring rows in, and reject those of which the fields cannot be told."""
        lines: list[bytes] = []
        size = 0
        for record in records:
            lines.append(self._line(record))
            size += len(lines[-1])
            if size >= opening.CHUNK_BYTES:
                self._copy(lines)
                lines = []
                size = 0
        if lines:
            self._copy(lines)
        self.reject("SELECT _line, NULL, NULL, _reason, _raw FROM sieve_row WHERE _reason IS NOT NULL")

    def reject(self, found: str, values: Mapping[str, object] = MappingProxyType({})) -> None:
        """Move rows to the rejects; `found` selects line, column, value, reason and raw row."""
        self._connection.execute(text(f"INSERT INTO sieve_reject {found}"), values)
        self._connection.exec_driver_sql(
            "DELETE FROM sieve_row USING sieve_reject WHERE sieve_row._line = sieve_reject.line"
        )

    def move(self, table_name: str) -> int:
        """Move all rows into a table that keeps lines; returns how many."""
        names = ", ".join(self._quote(name) for name in self._types)
        values = ", ".join(f"{self._quote(name)}::{sql_type}" for name, sql_type in self._types.items())
        # Names that dataset.yml may have.
        statement = f"INSERT INTO {table_name} (_line, {names}) SELECT _line, {values} FROM sieve_row"  # noqa: S608
        moved = self._connection.exec_driver_sql(statement).rowcount
        self._connection.exec_driver_sql("DELETE FROM sieve_row")
        return moved

    def rejects(self) -> Rejects:
        """Count the rejects, and return the first ones."""
        count = self._connection.scalars(select(func.count()).select_from(self._rejects)).one()
        first = self._connection.execute(select(self._rejects).order_by(self._rejects.c.line).limit(_EXAMPLES))
        return Rejects(count, [Reject(**row._mapping, unit=self._file.unit) for row in first])

    def _line(self, record: Record) -> bytes:
        """Return a row as CSV with line, raw row and what is wrong with it as a whole before its own fields."""
        raw = _kept(record.raw)
        if fault := record.fault or self._file.fault(record):
            return b'%d,"%s","%s",%s\n' % (record.line, raw, _kept(fault.encode()), b"," * (len(self._types) - 1))
        return b'%d,"%s",,%s\n' % (record.line, raw, record.fields)

    def _copy(self, lines: list[bytes]) -> None:
        names = ", ".join(self._quote(name) for name in self._rows.columns.keys())  # noqa: SIM118 - not a dict
        statement = f"COPY sieve_row ({names}) FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')"
        copy_from(self._connection, statement, (chunk for chunk in (b"".join(lines),)))


def _kept(record: bytes) -> bytes:
    """Return the row, or its beginning, for between quotes."""
    text = record[:KEPT_BYTES].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text.replace('"', '""').encode()
