"""Takes the rows of a file that cannot all be taken: tells the good from those that are rejected.

Most rows go into their table at once, each with its line. What COPY refuses goes into a table of texts, and what is
wrong with it is found by sets in PostgreSQL; then the values that are there twice, also by sets. So memory stays the
same for any number of rows and rejects.
"""

from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import BigInteger, Column, Connection, Table, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from rowhouse.copying import savepoint
from rowhouse.datafile import DataFile
from rowhouse.dataset import FILE_NAME, Dataset
from rowhouse.dataset import Column as DatasetColumn
from rowhouse.errors import LoadError
from rowhouse.judging import Judging
from rowhouse.opening import Record
from rowhouse.parting import Parting
from rowhouse.rejects import Rejects, temporary
from rowhouse.rules import unique_columns
from rowhouse.shaping import Shape
from rowhouse.staging import KEPT_BYTES, Staging

_LINES_AT_ONCE = 10_000


class Sieve:
    """Fills one table with those rows of a file that can be taken, inside the caller's transaction."""

    def __init__(self, connection: Connection, dataset: Dataset, table: Table, file: DataFile, shape: Shape) -> None:
        """Take the connection of the open transaction, and the table that is there, and empty."""
        self._connection = connection
        self._dataset = dataset
        self._table = table
        self._file = file
        self._shape = shape
        self._quote = connection.dialect.identifier_preparer.quote
        self._staging = Staging(connection, table, file)
        self._repeats = temporary("sieve_repeat", Column("_line", BigInteger), Column("_first", BigInteger))

    def run(self) -> tuple[int, Rejects]:
        """Fill the table and add its key; returns the number of rows in it, and the rejects.

        Raises:
            LoadError: There are more rejects than the dataset allows, or nothing else.
        """
        self._staging.create()
        self._connection.execute(CreateTable(self._repeats))
        self._shape.add_lines()
        parting = Parting(self._connection, self._table, self._file.columns())
        with closing(self._file.batches()) as batches:
            self._staging.add(parting.refused(batches))
        Judging(self._connection, self._dataset, self._table, self._staging).run()
        rows = parting.taken + self._staging.move(self._shape.name) - self._reject_repeats()
        rejects = self._staging.rejects()
        if rejects.count > self._dataset.max_rejects:
            raise LoadError(
                f"{self._file.path}: rejected rows: {rejects.count}, allowed by max_rejects in {FILE_NAME}: "
                f"{self._dataset.max_rejects}. Nothing was changed. Correct the rows, or raise max_rejects to load "
                f"without them:\n{rejects}"
            )
        if rejects.count and not rows:
            raise LoadError(f"{self._file.path}: every row was rejected. Nothing was changed. Correct them:\n{rejects}")
        self._shape.drop_lines()
        return rows, rejects

    def _reject_repeats(self) -> int:
        """Add the key, and reject every row that has it, or another unique value, of an earlier one; returns how many.

        The first one stays: that is what is left when somebody takes the repeated rows out of the file, and a key
        that the file has is then never missing from the answers.
        """
        rejected = 0
        for column, reason in unique_columns(self._dataset):
            is_key = column == self._dataset.key
            if is_key and self._has_unique_keys():
                continue
            if count := self._find_repeats(column):
                self._reject_found(column, reason)
                rejected += count
            if is_key:
                self._shape.add_key()
        return rejected

    def _has_unique_keys(self) -> bool:
        """Add the key, if that can be done."""
        try:
            with savepoint(self._connection):
                self._shape.add_key()
        except IntegrityError:
            return False
        return True

    def _find_repeats(self, column: DatasetColumn) -> int:
        cell = f"_row.{self._quote(column.name)}"
        found = self._connection.exec_driver_sql(
            f"""
            INSERT INTO sieve_repeat SELECT _line, _first
            FROM {self._shape.name} AS _row JOIN (
                SELECT {cell} AS _value, min(_line) AS _first
                FROM {self._shape.name} AS _row WHERE {cell} IS NOT NULL GROUP BY {cell} HAVING count(*) > 1
            ) AS _same ON {cell} = _value
            WHERE _line > _first
            """  # noqa: S608 - names that dataset.yml may have
        )
        return found.rowcount

    def _reject_found(self, column: DatasetColumn, reason: str) -> None:
        run = self._connection.exec_driver_sql
        same = "_row._line = sieve_repeat._line"
        run(f"DELETE FROM {self._shape.name} AS _row USING sieve_repeat WHERE {same}")  # noqa: S608 - as above
        # How they are written is in the file alone.
        self._staging.add(self._read_repeats())
        said = reason.format(f"{self._file.unit} ' || _first || '")
        value = f"left({self._quote(column.name)}, {KEPT_BYTES})"
        repeats = "sieve_row JOIN sieve_repeat USING (_line)"
        self._staging.reject(f"SELECT _line, '{column.name}', {value}, '{said}', _raw FROM {repeats}")  # noqa: S608 - as above
        run("DELETE FROM sieve_repeat")

    def _read_repeats(self) -> Iterator[Record]:
        """Yield the rows whose lines were found; only a few lines are known at a time."""
        ordered = select(self._repeats.c._line).order_by("_line")
        lines = self._connection.execute(ordered, execution_options={"yield_per": _LINES_AT_ONCE}).scalars()
        wanted = next(lines, None)
        with closing(self._file.batches()) as batches:
            for batch in batches:
                if wanted is None:
                    return
                if wanted > batch[-1].line:
                    continue
                for record in batch:
                    if record.line == wanted:
                        yield record
                        wanted = next(lines, None)
