"""Exports: whole selections as streams, a few at a time, in constant memory.

An export runs in a thread of its own, on a connection of its own. It stands still while its client takes nothing, and
ends when the client goes away, or takes nothing for too long, by cutting that connection, which ends the statement.
What fails after the first piece was sent can only be told by leaving the response without its end.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from contextvars import copy_context
from dataclasses import dataclass
from threading import Lock
from typing import cast

import psycopg2
from falcon.asgi import Request
from psycopg2 import errors
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from rowhouse.catalog import Catalog
from rowhouse.channel import AbandonedError, Channel, StalledError
from rowhouse.compression import Coding
from rowhouse.errors import DatabaseAwayError, DatabaseUnavailableError, OutOfRangeError, VersionGoneError
from rowhouse.extraction import Pieces, extract
from rowhouse.failures import is_lost
from rowhouse.formats import Format, Selection
from rowhouse.problems import TooManyExportsProblem
from rowhouse.query import Query
from rowhouse.statements import Statement, Statements

# Of 256 KiB each, see extraction.py.
_PIECES = 4
# How long PostgreSQL may be away before an export that gets nothing from it ends.
_AWAY_SECONDS = 5.0

log = logging.getLogger(__name__)


class WatchedRequest(Request):
    """A request that tells when its client goes away, which falcon does not."""

    _departure: asyncio.Task[None] | None = None

    def watch(self) -> asyncio.Task[None]:
        """Return what is done when there is nobody left to answer to; what the client sends meanwhile is dropped.

        It is one and the same for the whole request: gunicorn takes a cancelled wait for the client's end.
        """
        if self._departure is None:
            self._departure = asyncio.create_task(self._receive_all())
        return self._departure

    def unwatch(self) -> None:
        """Look no more."""
        if self._departure:
            self._departure.cancel()

    async def _receive_all(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


@dataclass(frozen=True)
class Job:
    """What is exported, and how."""

    statement: Statement
    selection: Selection
    format: Format
    coding: Coding | None


class Exports:
    """Runs exports, and no more of them than there are places."""

    def __init__(
        self,
        engine: Engine,
        catalog: Catalog,
        places: int,
        patience_seconds: float,
        why_unavailable: Callable[[], str],
    ) -> None:
        """Take an engine that opens a connection for each export; nothing is connected yet.

        Args:
            engine: Whose statements may take their time.
            catalog: Where the rows are.
            places: How many exports run at once.
            patience_seconds: How long a client may take nothing.
            why_unavailable: Says why PostgreSQL cannot be asked; empty when it can.
        """
        self._engine = engine
        self._statements = Statements(catalog, engine.dialect)
        self._places = places
        self._patience_seconds = patience_seconds
        self._why_unavailable = why_unavailable
        self._executor: ThreadPoolExecutor
        self._running: set[Export] = set()

    def open(self) -> None:
        """Get the threads ready."""
        self._executor = ThreadPoolExecutor(self._places, thread_name_prefix="export")

    def close(self) -> None:
        """End every export at once."""
        for export in tuple(self._running):
            export.abandon()
        self._executor.shutdown()

    async def begin(
        self,
        req: WatchedRequest,
        version: int,
        query: Query,
        selection: Selection,
        form: Format,
        coding: Coding | None,
    ) -> "Export":
        """Begin an export of all rows of a query; when this returns there is something to send.

        Raises:
            TooManyExportsProblem: Every place is taken.
            DatabaseUnavailableError: PostgreSQL is away, or could not.
            VersionGoneError: The version was dropped meanwhile.
        """
        if reason := self._why_unavailable():
            raise DatabaseAwayError(reason)
        if len(self._running) >= self._places:
            raise TooManyExportsProblem(self._places)
        job = Job(self._statements.export(version, query), selection, form, coding)
        export = Export(self._engine, job, req, self._patience_seconds)
        self._running.add(export)
        # With its context, so that what the thread logs names the request.
        work = self._executor.submit(copy_context().run, export.run)
        loop = asyncio.get_running_loop()
        # A place is free when its thread is, which may be later than when the client is gone.
        work.add_done_callback(lambda _: loop.call_soon_threadsafe(self._running.discard, export))
        await export.begin(self._why_unavailable)
        return export


class Export:
    """One export, as the stream that falcon sends. `run` is for its thread, all else for the event loop's."""

    def __init__(self, engine: Engine, job: Job, request: WatchedRequest, patience_seconds: float) -> None:
        """Take what to export, and for whom."""
        self._engine = engine
        self._job = job
        self._request = request
        self._channel = Channel(_PIECES, patience_seconds)
        self._loop = asyncio.get_running_loop()
        self._sender = asyncio.current_task()
        self._watcher: asyncio.Task[None]
        self._first: bytes | None = None
        self._got_at = time.monotonic()
        self._lock = Lock()
        self._line: socket.socket | None = None
        self._is_cut = False

    async def begin(self, why_unavailable: Callable[[], str]) -> None:
        """Wait for the first piece, and watch client and database from now on."""
        self._watcher = asyncio.create_task(self._watch(why_unavailable))
        try:
            self._first = await self._get()
        except BaseException:
            self.abandon()
            raise

    def __aiter__(self) -> "Export":
        return self

    async def __anext__(self) -> bytes:
        piece, self._first = self._first, None
        if piece is None:
            piece = await self._get()
        if not piece:
            raise StopAsyncIteration
        return piece

    async def close(self) -> None:
        """Let go of everything; falcon calls this whatever the end."""
        self._request.unwatch()
        self.abandon()

    def abandon(self) -> None:
        """End the statement, if it is still under way, and the thread."""
        self._watcher.cancel()
        self._channel.abandon()
        self._cut()

    def run(self) -> None:
        """Export; whatever happens, the channel tells."""
        job, started = self._job, time.monotonic()
        pieces = Pieces(self._channel.put, job.coding.stream() if job.coding else None)
        outcome, failure = "complete", None
        try:
            self._extract(pieces)
            pieces.finish()
        except AbandonedError:
            outcome = "abandoned"
        except StalledError:
            outcome = "stalled"
            # Its sender waits for room in the client's socket, and would for ever.
            self._loop.call_soon_threadsafe(self._give_up)
        except Exception as error:
            outcome, failure = ("abandoned", None) if self._is_cut else ("failed", _explain(error))
        log.log(
            logging.WARNING if failure else logging.INFO,
            "Export ended",
            extra={
                "dataset": job.selection.dataset.name,
                "format": job.format.name,
                "outcome": outcome,
                "reason": str(failure) if failure else None,
                "bytes": pieces.bytes_passed,
                "milliseconds": round((time.monotonic() - started) * 1000),
            },
        )
        if failure or outcome == "complete":
            self._channel.end(failure)

    def _extract(self, pieces: Pieces) -> None:
        with closing(self._engine.raw_connection()) as connection:
            # A duplicate is ours to close, whatever libpq does to its own. Shutting down does not ask for the family.
            descriptor = os.dup(connection.fileno())
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor) as line:
                with self._lock:
                    self._line = line
                    if self._is_cut:
                        raise AbandonedError
                try:
                    driver = cast("psycopg2.extensions.connection", connection.driver_connection)
                    extract(driver, self._job.statement, self._job.selection, self._job.format, pieces)
                except BaseException:
                    # Else it would be reset politely, which a statement under way does not let happen.
                    connection.invalidate()
                    raise
                finally:
                    with self._lock:
                        self._line = None

    def _cut(self) -> None:
        with self._lock:
            self._is_cut = True
            if self._line:
                with suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)

    def _give_up(self) -> None:
        self.abandon()
        if self._sender:
            self._sender.cancel()

    async def _get(self) -> bytes:
        piece = await self._channel.get()
        self._got_at = time.monotonic()
        return piece

    async def _watch(self, why_unavailable: Callable[[], str]) -> None:
        departure = self._request.watch()
        while not departure.done():
            await asyncio.wait({departure}, timeout=1)
            if why_unavailable() and time.monotonic() - self._got_at > _AWAY_SECONDS:
                break
        self._channel.abandon()
        self._cut()
        # Nobody hears of it when the client is gone.
        self._channel.end(None if departure.done() else DatabaseAwayError("PostgreSQL fell silent during an export"))


def _explain(error: Exception) -> Exception:
    match error:
        case errors.UndefinedTable():
            return VersionGoneError(str(error))
        case errors.NumericValueOutOfRange():
            return OutOfRangeError(str(error))
        case psycopg2.Error() as failure:
            kind = DatabaseAwayError if is_lost(failure) else DatabaseUnavailableError
            return kind(" ".join(str(failure).split()))
        case SQLAlchemyError():
            return DatabaseAwayError(" ".join(str(error).split()))
        case _:
            return error
