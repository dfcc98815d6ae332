"""Reads versions and rows from PostgreSQL and hands them over as JSON bytes. Knows nothing of HTTP."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine, Select, bindparam, select

from rowhouse.catalog import Catalog
from rowhouse.dataset import Dataset
from rowhouse.errors import DatabaseUnavailableError, NotLoadedError, VersionGoneError
from rowhouse.formats import Row, objects
from rowhouse.jsontext import dump
from rowhouse.link import Link
from rowhouse.query import Cursor, KeyValue
from rowhouse.watch import Watch
from rowhouse.wholes import selected

# A new version is announced; this is for what goes unannounced, such as PostgreSQL's silence.
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """One loaded version of a dataset."""

    number: int
    rows: int
    loaded_at: datetime

    def describe(self, dataset: Dataset) -> dict[str, object]:
        """Return what every answer out of this version tells of it."""
        return {"dataset": dataset.name, "version": self.number, "loaded_at": self.loaded_at}


@dataclass(frozen=True)
class Page:
    """Some rows.

    Attributes:
        data: The rows in the form that was asked for.
        count: Rows in it.
        next: Where the page behind it starts; None on the last one.
    """

    data: bytes
    count: int
    next: Cursor | None


@dataclass(frozen=True)
class _Versions:
    """What PostgreSQL last said of one dataset."""

    current: Version | None
    kept: Mapping[int, Version]


class Store:
    """The datasets' versions and rows.

    The current version of each dataset is known here at any time, by a watch that hears of new ones; reading it costs
    no query. While PostgreSQL is away the last known versions stay, so that cached answers can be given.
    """

    def __init__(self, engine: Engine, catalog: Catalog, datasets: Iterable[Dataset], threads: int) -> None:
        """Take an engine with one connection more than `threads`; nothing is connected yet."""
        self._engine = engine
        self._catalog = catalog
        self._datasets = tuple(datasets)
        self._link = Link(engine, threads)
        self._watch = Watch(self._link, catalog.channel, _compile(engine, self._select_versions()))
        self._watching: asyncio.Task[None]
        self._refreshing = asyncio.Lock()
        self._versions: Mapping[str, _Versions] = MappingProxyType({})
        self._statements = lru_cache(maxsize=256)(self._compile_statements)

    async def open(self) -> None:
        """Start the threads and the watch; to be called in the process that serves."""
        self._link.open()
        await self.refresh()
        self._watching = asyncio.create_task(self._keep_watching())

    async def close(self) -> None:
        """Stop the watch and close every connection."""
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        self._link.cut()
        await self._watch.close()
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
        versions = self._versions.get(dataset.name)
        if number is not None:
            if versions and number in versions.kept:
                return versions.kept[number]
            raise VersionGoneError(f"version {number} of {dataset.name}")
        if versions and versions.current:
            return versions.current
        raise NotLoadedError(f"no version of {dataset.name} is loaded yet")

    async def refresh(self) -> None:
        """Ask PostgreSQL now for the versions; when it is away, the last known ones stay."""
        try:
            # One at a time: there is one connection for it.
            async with self._refreshing:
                rows = await self._link.heartbeat(self._watch.ask)
        except (DatabaseUnavailableError, VersionGoneError):
            # The link has said so, or the first load has not made the tables yet.
            return
        self._versions = MappingProxyType({dataset.name: _versions_of(dataset, rows) for dataset in self._datasets})

    async def catch_up(self) -> None:
        """Refresh for a request, which waits no longer than until PostgreSQL is known to be away.

        Raises:
            DatabaseUnavailableError: It is.
        """
        await self._link.until_away(asyncio.shield(self.refresh()))
        if self.unavailable:
            raise DatabaseUnavailableError(self.unavailable)

    async def page(
        self,
        dataset: Dataset,
        version: Version,
        limit: int,
        after: KeyValue | None,
        write: Callable[[Sequence[Row]], bytes] | None = None,
    ) -> Page:
        """Read at most `limit` rows in the order of the key, from behind `after` or from the start.

        `write` turns rows into what the page holds, in the thread that has read them; without it that is JSON.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or gave up.
            VersionGoneError: The version was dropped meanwhile.
        """
        first, behind, _ = self._statements(dataset, version.number)
        # One row more tells whether there is a next page.
        parameters = {"limit": limit + 1, "key": after}
        statement = first if after is None else behind
        write = write or (lambda rows: dump(objects(dataset.columns, rows)))
        return await self._link.ask(self._page, dataset, version, statement, parameters, write)

    async def row(self, dataset: Dataset, version: Version, key: KeyValue) -> bytes | None:
        """Read one row as a JSON object, None when there is none.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or gave up.
            VersionGoneError: The version was dropped meanwhile.
        """
        _, _, one = self._statements(dataset, version.number)
        return await self._link.ask(self._row, dataset, one, {"key": key})

    def _page(
        self,
        dataset: Dataset,
        version: Version,
        statement: str,
        parameters: dict[str, Any],
        write: Callable[[Sequence[Row]], bytes],
    ) -> Page:
        rows = self._link.fetch(statement, parameters)
        names = [column.name for column in dataset.columns]
        following = None
        if len(rows) == parameters["limit"]:
            rows = rows[:-1]
            following = Cursor(version.number, rows[-1][names.index(dataset.key.name)])
        return Page(write(rows), len(rows), following)

    def _row(self, dataset: Dataset, statement: str, parameters: dict[str, Any]) -> bytes | None:
        rows = self._link.fetch(statement, parameters)
        return dump(objects(dataset.columns, rows)[0]) if rows else None

    def _select_versions(self) -> Select[Any]:
        versions, pointers = self._catalog.versions, self._catalog.pointers
        return select(
            versions.c.dataset,
            versions.c.schema_hash,
            versions.c.version,
            versions.c.rows,
            versions.c.loaded_at,
            pointers.c.version.is_not(None),
        ).select_from(versions.outerjoin(pointers, pointers.c.version == versions.c.version))

    def _compile_statements(self, dataset: Dataset, version: int) -> tuple[str, str, str]:
        """Return the statements for a first page, a page behind a key, and one row."""
        table = self._catalog.table(dataset, version)
        key = table.c[dataset.key.name]
        rows = selected(dataset, table)
        first = rows.order_by(key).limit(bindparam("limit"))
        statements = (first, first.where(key > bindparam("key")), rows.where(key == bindparam("key")))
        first_page, behind, one = (_compile(self._engine, statement) for statement in statements)
        return first_page, behind, one

    async def _keep_watching(self) -> None:
        while True:
            await self._watch.news(_POLL_SECONDS)
            try:
                await self.refresh()
            except Exception:
                # The watch must outlive what nobody thought of, or this process would serve an old version for ever.
                log.exception("Asking for versions failed")


def _versions_of(dataset: Dataset, rows: Sequence[tuple[Any, ...]]) -> _Versions:
    kept = {}
    current = None
    for name, schema_hash, number, count, loaded_at, is_current in rows:
        if (name, schema_hash) == (dataset.name, dataset.schema_hash):
            kept[number] = Version(number, count, loaded_at)
            current = kept[number] if is_current else current
    return _Versions(current, MappingProxyType(kept))


def _compile(engine: Engine, statement: Select[Any]) -> str:
    """Return the SQL with the driver's own placeholders."""
    return str(statement.compile(engine))
