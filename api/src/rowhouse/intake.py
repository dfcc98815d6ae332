"""Brings the rows of one file into one new table, then adds key, indexes and statistics.

The quick way is COPY of the file as it is. A file that it does not fit goes through the sieve.
"""

import logging
import time

import psycopg2
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DataError, IntegrityError

from rowhouse.copying import copy_from, savepoint
from rowhouse.datafile import DataFile
from rowhouse.dataset import FILE_NAME, Dataset
from rowhouse.errors import LoadError
from rowhouse.opening import NotPlainError
from rowhouse.rejects import Rejects
from rowhouse.rules import unique_columns, whole
from rowhouse.shaping import Shape
from rowhouse.sieve import Sieve

log = logging.getLogger(__name__)


class Intake:
    """Fills one table, inside the caller's transaction."""

    def __init__(self, connection: Connection, dataset: Dataset, table: Table, file: DataFile) -> None:
        """Take the connection of the open transaction, and a table that is not there yet."""
        self._connection = connection
        self._dataset = dataset
        self._table = table
        self._file = file
        self._shape = Shape(connection, dataset, table)

    def run(self) -> tuple[int, Rejects]:
        """Create and fill the table; returns the number of rows in it, and those that were left out.

        Raises:
            LoadError: Naming file, line, column, value and reason of the rows that cannot be taken, when they are more
                than the dataset allows.
        """
        self._refuse_patterns()
        rejects = Rejects(0, ())
        try:
            # What COPY or a check refuses is undone to here.
            with savepoint(self._connection):
                rows = self._take_as_it_is()
        except (NotPlainError, psycopg2.DataError, psycopg2.IntegrityError, IntegrityError):
            log.info("%s: not every row can be taken, looking for those that cannot", self._file.path)
            self._shape.create()
            rows, rejects = Sieve(self._connection, self._dataset, self._table, self._file, self._shape).run()
        if rows == 0:
            raise LoadError(f"{self._file.path}: has no rows. Put the rows of dataset {self._dataset.name} there.")
        self._shape.drop_rules()
        self._add_indexes()
        self._shape.analyze()
        return rows, rejects

    def _take_as_it_is(self) -> int:
        self._shape.create()
        quote = self._connection.dialect.identifier_preparer.quote
        columns = ", ".join(quote(name) for name in self._file.columns())
        # FREEZE, as the table was made in this transaction: its rows never need a vacuum.
        rows = copy_from(
            self._connection,
            f"COPY {self._shape.name} ({columns}) FROM STDIN WITH "
            f"(FORMAT csv, HEADER {self._file.has_header}, ENCODING 'UTF8', FREEZE)",
            self._file.chunks(),
            until_it_speaks=True,
        )
        for column, _ in unique_columns(self._dataset):
            if column != self._dataset.key and self._repeats(quote(column.name)):
                raise NotPlainError("a value that is there twice")
        self._shape.add_key()
        return rows

    def _repeats(self, cell: str) -> bool:
        repeated = f"SELECT FROM {self._shape.name} WHERE {cell} IS NOT NULL GROUP BY {cell} HAVING count(*) > 1"
        return bool(self._connection.scalar(text(f"SELECT EXISTS ({repeated})")))

    def _refuse_patterns(self) -> None:
        """Ask PostgreSQL whether it understands each regular expression, before it is asked of a million values."""
        for column in [column for column in self._dataset.columns if column.pattern]:
            try:
                with savepoint(self._connection):
                    self._connection.execute(text("SELECT '' ~ :pattern"), {"pattern": whole(column.pattern)})
            except DataError as error:
                raise LoadError(
                    f"{FILE_NAME} of dataset {self._dataset.name}: columns.{column.name}.pattern: PostgreSQL does not "
                    f"understand {column.pattern!r} ({str(error.orig).strip()})."
                ) from error

    def _add_indexes(self) -> None:
        for column in self._dataset.filters:
            if column == self._dataset.key:
                continue
            started = time.monotonic()
            self._shape.add_index(column)
            log.info("%s: indexed %s, %.1f s", self._dataset.name, column.name, time.monotonic() - started)
