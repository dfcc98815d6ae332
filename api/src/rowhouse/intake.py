"""Brings the rows of one file into one new table, then adds key, indexes and statistics.

The quick way is COPY of the file as it is, and checks by sets. A file that it does not fit goes through the sieve.
"""

import logging
import time

import psycopg2
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.schema import CreateTable

from rowhouse.copying import copy_from
from rowhouse.datafile import DataFile
from rowhouse.dataset import FILE_NAME, Dataset
from rowhouse.errors import LoadError
from rowhouse.opening import NotPlainError
from rowhouse.rejects import Rejects
from rowhouse.rules import Terms, rules, unique_columns, whole
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
        quote = connection.dialect.identifier_preparer
        self._quote = quote.quote
        self._table_name = quote.format_table(table)

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
            with self._connection.begin_nested():
                rows = self._take_as_it_is()
        except (NotPlainError, psycopg2.DataError, IntegrityError):
            log.info("%s: not every row can be taken, looking at each", self._file.path)
            self._connection.execute(CreateTable(self._table))
            rows, rejects = Sieve(self._connection, self._dataset, self._table, self._file).run()
            self._add_key()
        if rows == 0:
            raise LoadError(f"{self._file.path}: has no rows. Put the rows of dataset {self._dataset.name} there.")
        self._add_indexes()
        self._connection.execute(text(f"ANALYZE {self._table_name}"))
        return rows, rejects

    def _take_as_it_is(self) -> int:
        self._connection.execute(CreateTable(self._table))
        columns = ", ".join(self._quote(name) for name in self._file.columns())
        # FREEZE, as the table was made in this transaction: its rows never need a vacuum.
        rows = copy_from(
            self._connection,
            f"COPY {self._table_name} ({columns}) FROM STDIN WITH "
            f"(FORMAT csv, HEADER {self._file.has_header}, ENCODING 'UTF8', FREEZE)",
            self._file.chunks(),
        )
        self._check()
        self._add_key()
        return rows

    def _check(self) -> None:
        """Look whether all rows keep the rules.

        Raises:
            NotPlainError: They do not.
        """
        terms = Terms()
        broken = [
            terms.broken(rule, self._quote(column.name))
            for column in self._dataset.columns
            for rule in rules(self._dataset, column)
        ]
        questions = [f"SELECT FROM {self._table_name} WHERE {' OR '.join(broken)}"]
        for column, _ in unique_columns(self._dataset):
            cell = self._quote(column.name)
            if column != self._dataset.key:
                grouped = f"WHERE {cell} IS NOT NULL GROUP BY {cell} HAVING count(*) > 1"
                questions.append(f"SELECT FROM {self._table_name} {grouped}")
        for question in questions:
            if self._connection.scalar(text(f"SELECT EXISTS ({question})"), terms.values):
                raise NotPlainError("a broken rule")

    def _refuse_patterns(self) -> None:
        """Ask PostgreSQL whether it understands each regular expression, before it is asked of a million values."""
        for column in [column for column in self._dataset.columns if column.pattern]:
            try:
                with self._connection.begin_nested():
                    self._connection.execute(text("SELECT '' ~ :pattern"), {"pattern": whole(column.pattern)})
            except DataError as error:
                raise LoadError(
                    f"{FILE_NAME} of dataset {self._dataset.name}: columns.{column.name}.pattern: PostgreSQL does not "
                    f"understand {column.pattern!r} ({str(error.orig).strip()})."
                ) from error

    def _add_key(self) -> None:
        key = self._quote(self._dataset.key.name)
        self._connection.execute(text(f"ALTER TABLE {self._table_name} ADD PRIMARY KEY ({key})"))

    def _add_indexes(self) -> None:
        for column in self._dataset.filters:
            if column == self._dataset.key:
                continue
            started = time.monotonic()
            # PostgreSQL chooses a free name of at most 63 bytes. The key breaks ties in every order.
            columns = f"{self._quote(column.name)}, {self._quote(self._dataset.key.name)}"
            self._connection.execute(text(f"CREATE INDEX ON {self._table_name} ({columns})"))
            log.info("%s: indexed %s, %.1f s", self._dataset.name, column.name, time.monotonic() - started)
