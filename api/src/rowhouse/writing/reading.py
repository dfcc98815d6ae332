"""Reads the rows of writable datasets as they are now, each answer in one snapshot with the revision that it is of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Dialect, any_, bindparam, select

from rowhouse.catalog import Catalog
from rowhouse.dataset import Dataset
from rowhouse.errors import NotLoadedError, VersionGoneError
from rowhouse.formats import objects
from rowhouse.jsontext import dump
from rowhouse.link import Execute, Link, Rows
from rowhouse.statements import bind, shown
from rowhouse.values import Value
from rowhouse.versions import Version

_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


@dataclass(frozen=True)
class WrittenRow:
    """One row of a writable dataset.

    Attributes:
        key: Its key.
        data: It, as a JSON object.
        revision: The dataset's revision that wrote it last.
        changed_at: When that was.
    """

    key: Value
    data: bytes
    revision: int
    changed_at: datetime


class Written:
    """Looks at writable datasets. What PostgreSQL was not asked for this time is not known."""

    def __init__(self, link: Link, catalog: Catalog, dialect: Dialect) -> None:
        """Take the way to PostgreSQL, and where the tables are."""
        self._link = link
        self._catalog = catalog
        self._dialect = dialect
        self._row_text = lru_cache(maxsize=None)(self._write_row)
        states = catalog.states
        self._state = str(
            select(states.c.revision, states.c.rows, states.c.changed_at)
            .where(states.c.dataset == bindparam("dataset"), bindparam("schema_hash") == any_(states.c.schema_hashes))
            .compile(dialect=dialect)
        )

    async def revision(self, dataset: Dataset) -> Version:
        """Return the state of now.

        Raises:
            NotLoadedError: The table was not made yet, or not for this dataset.yml.
            DatabaseUnavailableError: PostgreSQL is away or gave up.
        """
        try:
            return _version(dataset, await self._link.ask(self._link.fetch, self._state, _facts(dataset)))
        except VersionGoneError as error:
            raise _not_loaded(dataset) from error

    async def look[T](self, dataset: Dataset, work: Callable[[Execute, Version], T]) -> T:
        """Do some work in a thread, all of whose statements see the same state, which it is given.

        Raises:
            NotLoadedError: The table was not made yet, or not for this dataset.yml.
            DatabaseUnavailableError: PostgreSQL is away or gave up.
        """

        def snapshot(execute: Execute) -> T:
            return work(execute, _version(dataset, execute(self._state, _facts(dataset))))

        try:
            return await self._link.ask(self._link.transact, _SNAPSHOT, snapshot)
        except VersionGoneError as error:
            raise _not_loaded(dataset) from error

    async def row(self, dataset: Dataset, key: Value) -> WrittenRow | None:
        """Return the row with this key, None when there is none; raises as `revision` does."""
        try:
            rows = await self._link.ask(self._link.fetch, self._row_text(dataset), {"key": key})
        except VersionGoneError as error:
            raise _not_loaded(dataset) from error
        return written_row(dataset, rows[0]) if rows else None

    def _write_row(self, dataset: Dataset) -> str:
        table = self._catalog.written(dataset)
        key = table.c[dataset.key.name]
        columns = [shown(column, table.c[column.name]) for column in dataset.columns]
        statement = select(*columns, table.c["_revision"], table.c["_changed_at"]).where(key == bind("key", key))
        return str(statement.compile(dialect=self._dialect))


def written_row(dataset: Dataset, row: tuple[object, ...]) -> WrittenRow:
    """Make the row of what PostgreSQL gives: the dataset's columns, revision, and time."""
    *_, revision, changed_at = row
    (item,) = objects(dataset.columns, [row])
    return WrittenRow(item[dataset.key.name], dump(item), revision, changed_at)  # type: ignore[arg-type]


def _facts(dataset: Dataset) -> dict[str, str]:
    return {"dataset": dataset.name, "schema_hash": dataset.schema_hash}


def _version(dataset: Dataset, rows: Rows) -> Version:
    if not rows:
        raise _not_loaded(dataset)
    return Version(*rows[0])


def _not_loaded(dataset: Dataset) -> NotLoadedError:
    return NotLoadedError(f"the table of {dataset.name} was not made yet")
