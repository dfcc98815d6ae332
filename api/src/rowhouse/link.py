"""The link from asyncio to PostgreSQL: statements in a few threads, and whether there is a PostgreSQL to ask.

How long an answer is waited for:

- PostgreSQL is known to be away: not at all.
- It refuses or ends connections: until the first request or heartbeat meets that, which is at once. From then on it is
  away, and everybody who waits is told so.
- It, or the network, is silent: until a heartbeat has been unanswered for `_SILENCE_SECONDS`. With one each half second
  that is at most 1.5 s after the silence began. No time-out of libpq or TCP sees a server that hangs.
- It works on the statement: as long as PostgreSQL's own statement_timeout allows. That is slow, and not away. Nothing
  bounds the wait for one connection that hangs while the heartbeat's does not.
- Every thread is busy: until none of them has begun anything new for `_LINE_SECONDS`. A line that moves is stood in.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from functools import partial
from threading import Barrier, local
from typing import Any, cast

import psycopg2
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from rowhouse.crew import Crew, Work
from rowhouse.errors import DatabaseAwayError, DatabaseUnavailableError, VersionGoneError
from rowhouse.failures import explained, is_lost, one_line
from rowhouse.lines import Lines
from rowhouse.prepared import Prepared

_SILENCE_SECONDS = 1.0
_LINE_SECONDS = 0.2
_NOT_ASKED = "PostgreSQL was not asked yet"

type Rows = list[tuple[Any, ...]]
type Execute = Callable[[str, Mapping[str, Any]], Rows]

log = logging.getLogger(__name__)


class Link:
    """Runs statements on pooled connections. All but `fetch` is for the event loop's thread."""

    def __init__(self, engine: Engine, threads: int) -> None:
        """Take an engine with one connection more than `threads`, for the heartbeat; nothing is connected yet."""
        self._engine = engine
        self._threads = threads
        self._crew = Crew(threads, "link", self._let_go)
        self._own = local()
        self._unavailable = _NOT_ASKED
        self._waiting: set[asyncio.Future[Any]] = set()
        self._begun = 0.0
        self._lines = Lines(engine)
        self._prepared = Prepared(self.execute)

    def open(self) -> None:
        """Start the threads."""
        self._crew.open()

    async def connect_all(self) -> None:
        """Have every thread connect; what cannot will later.

        To be called before the first request: many at once would stand in a line that does not move meanwhile.
        """
        together = Barrier(self._threads, timeout=_SILENCE_SECONDS)

        def connect() -> None:
            # Each thread takes one of these, as none comes back before all are there.
            together.wait()
            self._of_thread()

        works = [self._crew.give(connect) for _ in range(self._threads)]
        await asyncio.gather(*(work.answer for work in works), return_exceptions=True)

    def close(self) -> None:
        """End the threads, even those that wait for a silent PostgreSQL, and close every connection."""
        self.cut()
        self._crew.close()
        self._engine.dispose()

    @property
    def unavailable(self) -> str:
        """Why PostgreSQL cannot be asked; empty when it can."""
        return self._unavailable

    async def ask[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that fetches in a thread.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away, gave up, or has no connection left to ask on.
            VersionGoneError: A table is not there.
        """
        if self._unavailable:
            raise DatabaseAwayError(self._unavailable)
        is_busy = len(self._waiting) >= self._threads
        work = self._crew.give(lambda: self._begin(partial(function, *args, **kwargs)))
        try:
            return await self.until_away(work.answer, self._stand_in_line(work) if is_busy else None)
        except DatabaseAwayError as error:
            self._lose(str(error))
            raise
        except DatabaseUnavailableError as error:
            log.warning("PostgreSQL gave no answer: %s", error)
            raise

    async def until_away[T](self, answer: asyncio.Future[T], first: Awaitable[None] | None = None) -> T:
        """Wait for an answer of PostgreSQL's as long as that is not away; what is waited for `first` is part of it.

        Raises:
            DatabaseAwayError: It is, and the answer is cancelled.
        """
        self._waiting.add(answer)
        try:
            if first:
                await first
            return await answer
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            raise DatabaseAwayError(self._unavailable) from None
        finally:
            self._waiting.remove(answer)
            # What nobody waits for any more need not begin.
            answer.cancel()

    async def heartbeat(self, ask: Callable[[], Awaitable[Rows]]) -> Rows:
        """Ask on the connection that is kept for it; by the outcome PostgreSQL is there, or away.

        Raises:
            DatabaseUnavailableError: It is away, or gave up.
            VersionGoneError: A table is not there.
        """
        asked = asyncio.ensure_future(ask())
        try:
            while not (await asyncio.wait({asked}, timeout=_SILENCE_SECONDS))[0]:
                self._lose(f"no answer within {_SILENCE_SECONDS:.0f} s")
            rows = await asked
        except DatabaseUnavailableError as error:
            self._lose(str(error))
            raise
        except VersionGoneError:
            self._find()
            raise
        finally:
            asked.cancel()
        self._find()
        return rows

    def fetch(self, statement: str, parameters: Mapping[str, Any]) -> Rows:
        """Run one statement, past SQLAlchemy's row objects; blocks, and so belongs into a thread.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away, or gave up.
            OutOfRangeError: A number became too large on the way.
            VersionGoneError: A table is not there.
        """
        return self.twice(lambda: self._fetch(statement, parameters))

    def fetch_prepared(self, statement: str, parameters: Mapping[str, Any]) -> Rows:
        """Run one statement like `fetch`, which PostgreSQL reads and plans once a connection, for all values alike."""
        return self.twice(lambda: self._prepared.execute(self._of_thread(), statement, parameters))

    def transact[T](self, begin: str, work: Callable[[Execute], T]) -> T:
        """Do some work in one transaction; blocks, and so belongs into a thread.

        When the work raises, all of it is undone. When the connection is lost before `begin` is done, it is begun once
        more, on another; what is lost later is not tried again, as it may have been committed.

        Args:
            begin: The statement, or several, that begin the transaction.
            work: Is given what runs a statement in it.

        Raises:
            IntegrityError: Of psycopg2: a constraint does not hold.
            DatabaseUnavailableError: PostgreSQL is away, or gave up.
            OutOfRangeError: A number became too large on the way.
            VersionGoneError: A table is not there.
        """
        with explained():
            connection = self._once_more(lambda: self._open(begin))
            try:
                result = work(lambda statement, parameters: self.execute(connection, statement, parameters))
                self.execute(connection, "COMMIT", {})
            except BaseException:
                self._roll_back(connection)
                raise
            return result

    def twice(self, execute: Callable[[], Rows]) -> Rows:
        """Execute; a connection that turns out to be lost is worth a second try, with new connections.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away, or gave up.
            OutOfRangeError: A number became too large on the way.
            VersionGoneError: A table is not there.
        """
        with explained():
            return self._once_more(execute)

    def _once_more[T](self, execute: Callable[[], T]) -> T:
        try:
            return execute()
        except psycopg2.Error as error:
            if not is_lost(error):
                raise
            # A restart of PostgreSQL leaves dead connections in the pool.
            self._engine.dispose()
            return execute()

    def _open(self, begin: str) -> PoolProxiedConnection:
        connection = self._of_thread()
        try:
            self.execute(connection, begin, {})
        except BaseException:
            self._roll_back(connection)
            raise
        return connection

    def _roll_back(self, connection: PoolProxiedConnection) -> None:
        try:
            if connection.is_valid:
                self.execute(connection, "ROLLBACK", {})
        except psycopg2.Error:
            # It must not go back to the pool with half of something.
            if connection.is_valid:
                connection.invalidate()

    def _of_thread(self) -> PoolProxiedConnection:
        """Return the connection of this thread: each has its own, as there are as many of one as of the other."""
        connection: PoolProxiedConnection | None = getattr(self._own, "connection", None)
        if connection is None or not connection.is_valid:
            connection = self._own.connection = self.connect()
        return connection

    def _let_go(self) -> None:
        connection: PoolProxiedConnection | None = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()

    def connect(self) -> PoolProxiedConnection:
        """Take a connection out of the pool.

        Raises:
            DatabaseAwayError: There is none to be had.
        """
        try:
            return self._engine.raw_connection()
        except (psycopg2.Error, SQLAlchemyError) as error:
            raise DatabaseAwayError(one_line(error)) from error

    def execute(self, connection: PoolProxiedConnection, statement: str, parameters: Mapping[str, Any]) -> Rows:
        """Run a statement on a connection, which is cut when PostgreSQL turns out to be away."""
        with self._lines.waiting(connection), closing(connection.cursor()) as cursor:
            try:
                cursor.execute(statement, parameters)
                return cast("Rows", cursor.fetchall()) if cursor.description else []
            except psycopg2.Error as error:
                if is_lost(error):
                    # Else the pool would try to reset it, and log that it cannot.
                    connection.invalidate()
                raise

    def _fetch(self, statement: str, parameters: Mapping[str, Any]) -> Rows:
        return self.execute(self._of_thread(), statement, parameters)

    def cut(self) -> None:
        """End the connections that are waited on: their threads would wait as long as a silent PostgreSQL is silent."""
        self._lines.cut()

    def _begin[T](self, function: Callable[[], T]) -> T:
        self._begun = time.monotonic()
        return function()

    async def _stand_in_line(self, work: Work[Any]) -> None:
        arrived = time.monotonic()
        while not (work.has_begun or work.answer.done()):
            left = max(self._begun, arrived) + _LINE_SECONDS - time.monotonic()
            if left <= 0:
                raise DatabaseUnavailableError("every connection is busy")
            await asyncio.wait({work.answer}, timeout=left)

    def _lose(self, reason: str) -> None:
        if self._unavailable in ("", _NOT_ASKED):
            log.warning("PostgreSQL is away: %s", reason)
        self._unavailable = reason
        for answer in self._waiting:
            answer.cancel()
        self.cut()

    def _find(self) -> None:
        if self._unavailable:
            log.info("PostgreSQL answers")
        self._unavailable = ""
