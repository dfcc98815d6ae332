"""The datasets' versions as PostgreSQL last told them; a watch hears of new ones."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy import Dialect, func, select, true, union_all

from rowhouse.catalog import Catalog
from rowhouse.dataset import Dataset
from rowhouse.errors import DatabaseUnavailableError, NotLoadedError, VersionGoneError
from rowhouse.link import Link, Rows
from rowhouse.watch import Watch

# A new version is announced; this is for what goes unannounced, such as PostgreSQL's silence.
_POLL_SECONDS = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """One loaded version of a dataset; of a writable one the revision, and when it was written."""

    number: int
    rows: int
    loaded_at: datetime

    def describe(self, dataset: Dataset) -> dict[str, object]:
        """Return what every answer out of this version tells of it."""
        return {"dataset": dataset.name, "version": self.number, "loaded_at": self.loaded_at}


@dataclass(frozen=True)
class _Known:
    """What PostgreSQL last said of one dataset."""

    current: Version | None
    kept: Mapping[int, Version]


class Reader(Protocol):
    """What is kept current along with the versions."""

    def read(self, execute: Callable[[str], Rows]) -> None:
        """Ask for what is to be known; for the thread that asks PostgreSQL."""


class Versions:
    """The versions of each dataset, known here at any time; looking one up costs no query.

    While PostgreSQL is away the last known versions stay, so that cached answers can be given.
    """

    def __init__(
        self, link: Link, catalog: Catalog, datasets: Iterable[Dataset], dialect: Dialect, beside: Iterable[Reader]
    ) -> None:
        """Take a link with a connection to spare, and what is read along; nothing is connected yet."""
        self._link = link
        self._datasets = tuple(datasets)
        has_written = any(dataset.writable for dataset in self._datasets)
        self._statement = _statement(catalog, dialect, has_written=has_written)
        self._beside = tuple(beside)
        self._watch = Watch(link, catalog.channel, self._read)
        self._watching: asyncio.Task[None]
        self._refreshing = asyncio.Lock()
        self._known: Mapping[str, _Known] = MappingProxyType({})

    async def open(self) -> None:
        """Start the watch."""
        await self.refresh()
        self._watching = asyncio.create_task(self._keep_watching())

    async def close(self) -> None:
        """Stop the watch, even one that waits for a silent PostgreSQL."""
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        self._link.cut()
        await self._watch.close()

    def find(self, dataset: Dataset, number: int | None = None) -> Version:
        """Return the current version, or the kept one with this number.

        Raises:
            NotLoadedError: There is none yet.
            VersionGoneError: The one asked for is not kept.
        """
        known = self._known.get(dataset.name)
        if number is not None:
            if known and number in known.kept:
                return known.kept[number]
            raise VersionGoneError(f"version {number} of {dataset.name}")
        if known and known.current:
            return known.current
        raise NotLoadedError(f"no version of {dataset.name} is loaded yet")

    async def refresh(self) -> None:
        """Ask PostgreSQL now; when it is away, the last known versions stay."""
        try:
            # One at a time: there is one connection for it.
            async with self._refreshing:
                rows = await self._link.heartbeat(self._watch.ask)
        except (DatabaseUnavailableError, VersionGoneError):
            # The link has said so, or the first load has not made the tables yet.
            return
        self._known = MappingProxyType({dataset.name: _known(dataset, rows) for dataset in self._datasets})

    def _read(self, execute: Callable[[str], Rows]) -> Rows:
        for reader in self._beside:
            reader.read(execute)
        return execute(self._statement)

    async def _keep_watching(self) -> None:
        while True:
            await self._watch.news(_POLL_SECONDS)
            try:
                await self.refresh()
            except Exception:
                # The watch must outlive what nobody thought of, or this process would serve an old version for ever.
                log.exception("Asking for versions failed")


def _statement(catalog: Catalog, dialect: Dialect, *, has_written: bool) -> str:
    versions, pointers = catalog.versions, catalog.pointers
    statement = select(
        versions.c.dataset,
        versions.c.schema_hash,
        versions.c.version,
        versions.c.rows,
        versions.c.loaded_at,
        pointers.c.version.is_not(None),
    ).select_from(versions.outerjoin(pointers, pointers.c.version == versions.c.version))
    if not has_written:
        return str(statement.compile(dialect=dialect))
    states = catalog.states
    # What a writable dataset has in place of a version. Requests ask for it anew; this is for who can be a poll late.
    written = select(
        states.c.dataset,
        func.unnest(states.c.schema_hashes),
        states.c.revision,
        states.c.rows,
        states.c.changed_at,
        true(),
    )
    return str(union_all(statement, written).compile(dialect=dialect))


def _known(dataset: Dataset, rows: Sequence[tuple[Any, ...]]) -> _Known:
    kept = {}
    current = None
    for name, schema_hash, number, count, loaded_at, is_current in rows:
        if (name, schema_hash) == (dataset.name, dataset.schema_hash):
            kept[number] = Version(number, count, loaded_at)
            current = kept[number] if is_current else current
    return _Known(current, MappingProxyType(kept))
