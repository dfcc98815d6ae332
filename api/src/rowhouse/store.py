"""Reads rows from PostgreSQL and hands them over as JSON bytes. Knows nothing of HTTP."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from rowhouse.catalog import Catalog
from rowhouse.cursor import Cursor
from rowhouse.dataset import Dataset
from rowhouse.errors import DatabaseUnavailableError
from rowhouse.formats import Row
from rowhouse.link import Execute, Link, Rows
from rowhouse.query import DEFAULT_LIMIT, Count, Query, order_text
from rowhouse.statements import Statement, Statements, asked_columns
from rowhouse.values import Value
from rowhouse.versions import Reader, Version, Versions
from rowhouse.writing.reading import Written, WrittenRow
from rowhouse.writing.writer import Writer


@dataclass(frozen=True)
class Page:
    """Some rows.

    Attributes:
        data: The rows in the form that was asked for.
        count: Rows in it.
        next: Where the page behind it starts; None on the last one.
        total: Rows on all pages; None where nobody asked.
        version: What they are rows of.
    """

    data: bytes
    count: int
    next: Cursor | None
    total: int | None
    version: Version


class Store:
    """The datasets' versions and rows."""

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        datasets: Iterable[Dataset],
        threads: int,
        beside: Iterable[Reader] = (),
    ) -> None:
        """Take an engine with one connection more than `threads`; nothing is connected yet.

        Args:
            engine: The way to PostgreSQL.
            catalog: The tables.
            datasets: What is read.
            threads: How many statements run at a time.
            beside: What is kept current along with the versions, such as the API keys.
        """
        self._link = Link(engine, threads)
        self._versions = Versions(self._link, catalog, datasets, engine.dialect, beside)
        self._statements = Statements(catalog, engine.dialect)
        self._catalog = catalog
        self._dialect = engine.dialect
        self._written = Written(self._link, catalog, engine.dialect)

    def writer(self, dataset: Dataset) -> Writer:
        """Return what writes rows of a writable dataset."""
        return Writer(self._link, self._catalog, dataset, self._dialect)

    async def open(self) -> None:
        """Start the threads and the watch, and connect; to be called in the process that serves."""
        self._link.open()
        await self._versions.open()
        if not self.unavailable:
            await self._link.connect_all()

    async def close(self) -> None:
        """Stop the watch and close every connection."""
        await self._versions.close()
        self._link.close()

    @property
    def unavailable(self) -> str:
        """Why PostgreSQL cannot be asked; empty when it can."""
        return self._link.unavailable

    def version(self, dataset: Dataset, number: int | None = None) -> Version:
        """Return the current version, or the kept one with this number; of a writable dataset the last one polled.

        Raises:
            NotLoadedError: There is none yet.
            VersionGoneError: The one asked for is not kept.
        """
        return self._versions.find(dataset, number)

    async def revision(self, dataset: Dataset) -> Version:
        """Ask PostgreSQL for the state of a writable dataset now.

        Raises:
            NotLoadedError: Its table was not made yet.
            DatabaseUnavailableError: PostgreSQL is away or gave up.
        """
        return await self._written.revision(dataset)

    async def written_row(self, dataset: Dataset, key: Value) -> WrittenRow | None:
        """Read one row of a writable dataset as it is now, None when there is none; raises as `revision` does."""
        return await self._written.row(dataset, key)

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

        `write` turns rows into what the page holds, in the thread that has read them. Of a writable dataset the page
        is of the current revision, whatever `version` is, as the page says itself.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or gave up.
            OutOfRangeError: A sum or mean is too large.
            VersionGoneError: The version was dropped meanwhile.
        """

        def read(fetch: Execute, current: Version) -> Page:
            rows, following = self._read(fetch, self._statements.page(current.number, query), query)
            places = [asked_columns(query).index(item.column) for item in query.order]
            last = tuple(following[i] for i in places) if following else None
            return self._page(fetch, current, query, write(rows), len(rows), last)

        return await self._look(version, query, read)

    async def objects(self, version: Version, query: Query, join: Callable[[Sequence[str]], bytes]) -> Page:
        """Read one page like `page`, of JSON objects that PostgreSQL writes, in the text that `join` makes of them."""

        def read(fetch: Execute, current: Version) -> Page:
            rows, following = self._read(fetch, self._statements.objects(current.number, query), query)
            return self._page(
                fetch, current, query, join([row[0] for row in rows]), len(rows), following and following[1:]
            )

        return await self._look(version, query, read)

    async def row(self, dataset: Dataset, version: Version, key: Value) -> bytes | None:
        """Read one row as a JSON object, None when there is none.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or gave up.
            VersionGoneError: The version was dropped meanwhile.
        """
        return await self._link.ask(self._row, self._statements.row(dataset, version.number, key))

    async def _look(self, version: Version, query: Query, read: Callable[[Execute, Version], Page]) -> Page:
        if query.dataset.writable:
            return await self._written.look(query.dataset, read)
        return await self._link.ask(read, self._link.fetch, version)

    def _read(self, fetch: Execute, statements: Sequence[Statement], query: Query) -> tuple[Rows, Row | None]:
        """Return the rows of a page, and the last of them when there are more behind it."""
        limit = query.limit or DEFAULT_LIMIT
        # One row more tells whether there is a next page.
        rows: Rows = []
        for statement in statements:
            left = limit + 1 - len(rows)
            ask = self._link.fetch_prepared if statement.is_steady else fetch
            rows += ask(statement.text, {**statement.parameters, "limit": left})
            if len(rows) > limit:
                return rows[:limit], rows[limit - 1]
        return rows, None

    def _page(self, fetch: Execute, version: Version, query: Query, data: bytes, count: int, last: Row | None) -> Page:
        following = Cursor(version.number, order_text(query.order), last) if last else None
        return Page(data, count, following, self._total(fetch, version, query), version)

    def _total(self, fetch: Execute, version: Version, query: Query) -> int | None:
        if query.is_whole:
            return version.rows
        if query.count is Count.EXACT:
            statement = self._statements.count(version.number, query)
            ((total,),) = fetch(statement.text, statement.parameters)
            return int(total)
        if query.count is Count.ESTIMATED:
            # What the planner expects, from its statistics: the rows are not read.
            statement = self._statements.plan(version.number, query)
            (((plan,),),) = fetch(statement.text, statement.parameters)
            return int(plan["Plan"]["Plan Rows"])
        return None

    def _row(self, statement: Statement) -> bytes | None:
        rows = self._link.fetch_prepared(statement.text, statement.parameters)
        return str(rows[0][0]).encode() if rows else None
