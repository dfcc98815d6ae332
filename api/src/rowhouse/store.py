"""Reads rows from PostgreSQL and hands them over as JSON bytes. Knows nothing of HTTP."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from rowhouse.access.keys import Keys
from rowhouse.catalog import Catalog
from rowhouse.cursor import Cursor
from rowhouse.dataset import Dataset
from rowhouse.errors import DatabaseUnavailableError
from rowhouse.formats import Row, objects
from rowhouse.jsontext import dump
from rowhouse.link import Link
from rowhouse.query import DEFAULT_LIMIT, Count, Query, order_text
from rowhouse.statements import Statement, Statements
from rowhouse.values import Value
from rowhouse.versions import Version, Versions


@dataclass(frozen=True)
class Page:
    """Some rows.

    Attributes:
        data: The rows in the form that was asked for.
        count: Rows in it.
        next: Where the page behind it starts; None on the last one.
        total: Rows on all pages; None where nobody asked.
    """

    data: bytes
    count: int
    next: Cursor | None
    total: int | None


class Store:
    """The datasets' versions and rows."""

    def __init__(
        self, engine: Engine, catalog: Catalog, datasets: Iterable[Dataset], threads: int, keys: Keys | None = None
    ) -> None:
        """Take an engine with one connection more than `threads`; nothing is connected yet.

        Args:
            engine: The way to PostgreSQL.
            catalog: The tables.
            datasets: What is read.
            threads: How many statements run at a time.
            keys: The API keys, kept current along with the versions.
        """
        self._link = Link(engine, threads)
        self._versions = Versions(self._link, catalog, datasets, engine.dialect, keys)
        self._statements = Statements(catalog, engine.dialect)

    async def open(self) -> None:
        """Start the threads and the watch; to be called in the process that serves."""
        self._link.open()
        await self._versions.open()

    async def close(self) -> None:
        """Stop the watch and close every connection."""
        await self._versions.close()
        self._link.close()

    @property
    def unavailable(self) -> str:
        """Why PostgreSQL cannot be asked; empty when it can."""
        return self._link.unavailable

    def version(self, dataset: Dataset, number: int | None = None) -> Version:
        """Return the current version, or the kept one with this number.

        Raises:
            NotLoadedError: There is none yet.
            VersionGoneError: The one asked for is not kept.
        """
        return self._versions.find(dataset, number)

    async def refresh(self) -> None:
        """Ask PostgreSQL now for the versions; when it is away, the last known ones stay."""
        await self._versions.refresh()

    async def catch_up(self) -> None:
        """Refresh for a request, which waits no longer than until PostgreSQL is known to be away.

        Raises:
            DatabaseUnavailableError: It is.
        """
        await self._link.until_away(asyncio.shield(self.refresh()))
        if self.unavailable:
            raise DatabaseUnavailableError(self.unavailable)

    async def page(self, version: Version, query: Query, write: Callable[[Sequence[Row]], bytes]) -> Page:
        """Read one page of a query, as long as its limit says.

        `write` turns rows into what the page holds, in the thread that has read them.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or gave up.
            OutOfRangeError: A sum or mean is too large.
            VersionGoneError: The version was dropped meanwhile.
        """
        return await self._link.ask(self._page, version, query, write)

    async def row(self, dataset: Dataset, version: Version, key: Value) -> bytes | None:
        """Read one row as a JSON object, None when there is none.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or gave up.
            VersionGoneError: The version was dropped meanwhile.
        """
        return await self._link.ask(self._row, dataset, self._statements.row(dataset, version.number, key))

    def _page(self, version: Version, query: Query, write: Callable[[Sequence[Row]], bytes]) -> Page:
        limit = query.limit or DEFAULT_LIMIT
        # One row more tells whether there is a next page.
        rows: list[Row] = []
        for statement in self._statements.page(version.number, query):
            left = limit + 1 - len(rows)
            rows += self._link.fetch(statement.text, {**statement.parameters, "limit": left})
            if len(rows) > limit:
                break
        following = None
        if len(rows) > limit:
            rows = rows[:-1]
            names = [column.name for column in query.columns]
            names += [item.column.name for item in query.order if item.column.name not in names]
            last = dict(zip(names, rows[-1], strict=True))
            values = tuple(last[item.column.name] for item in query.order)
            following = Cursor(version.number, order_text(query.order), values)
        return Page(write(rows), len(rows), following, self._total(version, query))

    def _total(self, version: Version, query: Query) -> int | None:
        if query.is_whole:
            return version.rows
        if query.count is Count.EXACT:
            ((total,),) = self._fetch(self._statements.count(version.number, query))
            return int(total)
        if query.count is Count.ESTIMATED:
            # What the planner expects, from its statistics: the rows are not read.
            (((plan,),),) = self._fetch(self._statements.plan(version.number, query))
            return int(plan["Plan"]["Plan Rows"])
        return None

    def _row(self, dataset: Dataset, statement: Statement) -> bytes | None:
        rows = self._fetch(statement)
        return dump(objects(dataset.columns, rows)[0]) if rows else None

    def _fetch(self, statement: Statement) -> list[Row]:
        return self._link.fetch(statement.text, statement.parameters)
