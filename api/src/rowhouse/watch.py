"""Watches for news over a connection of its own: hears of them by LISTEN, and asks now and then in any case."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import psycopg2
from psycopg2.extensions import quote_ident

from rowhouse.link import Link, Rows

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection

log = logging.getLogger(__name__)


class Watch:
    """What is read on a connection that also listens; to be used in one event loop.

    The connection is used by a thread while it asks, and by the event loop while it waits, never by both.
    """

    def __init__(self, link: Link, channel: str, read: Callable[[Callable[[str], Rows]], Rows]) -> None:
        """Take a link with a connection to spare; nothing is connected yet.

        Args:
            link: The way to PostgreSQL.
            channel: What is listened on.
            read: Reads all there is to know by what it is given, which runs a statement; in a thread.
        """
        self._link = link
        self._channel = channel
        self._read = read
        self._pooled: PoolProxiedConnection | None = None
        self._connection: psycopg2.extensions.connection | None = None
        self._asking = asyncio.Lock()
        self._news = asyncio.Event()
        self._socket: int | None = None

    async def ask(self) -> Rows:
        """Read now.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away or gave up.
            VersionGoneError: The tables are not there yet.
        """
        # Whoever asks may be cancelled, but the thread that has the connection cannot.
        return await asyncio.shield(self._ask_alone())

    async def news(self, seconds: float) -> None:
        """Return when something is announced or the connection is lost, and after `seconds` in any case."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass

    async def close(self) -> None:
        """Give the connection back."""
        async with self._asking:
            self._deafen()
            self._drop()

    async def _ask_alone(self) -> Rows:
        async with self._asking:
            self._deafen()
            # What is announced from here on may be missing in the answer.
            self._news.clear()
            try:
                rows = await asyncio.to_thread(self._link.twice, self._ask)
            except Exception:
                self._listen()
                raise
            # Not when the event loop ends, and this is cancelled: what it read then, the thread would wait for.
            self._listen()
            return rows

    def _ask(self) -> Rows:
        try:
            if self._pooled is None:
                self._pooled = self._link.connect()
                self._connection = cast("psycopg2.extensions.connection", self._pooled.driver_connection)
                self._link.execute(self._pooled, f"LISTEN {quote_ident(self._channel, self._connection)}; SELECT 1", {})
            return self._read(self._execute)
        except psycopg2.errors.UndefinedTable:
            raise
        except psycopg2.Error:
            self._drop()
            raise

    def _execute(self, statement: str) -> Rows:
        assert self._pooled is not None  # noqa: S101 - only called back by what _ask calls
        return self._link.execute(self._pooled, statement, {})

    def _listen(self) -> None:
        """Have the event loop look at the connection, and at what arrived with the last answer."""
        if self._connection is not None and not self._connection.closed:
            self._socket = self._connection.fileno()
            asyncio.get_running_loop().add_reader(self._socket, self._hear, self._connection)
            self._hear(self._connection)

    def _hear(self, connection: psycopg2.extensions.connection) -> None:
        try:
            connection.poll()
        except psycopg2.Error as error:
            log.warning("The connection that listens for news is lost: %s", " ".join(str(error).split()))
            self._deafen()
            self._news.set()
        if connection.notifies:
            connection.notifies.clear()
            self._news.set()

    def _deafen(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket = None

    def _drop(self) -> None:
        if self._pooled is not None:
            if self._pooled.is_valid:
                # It must not go back to the pool, where somebody else would find it listening.
                self._pooled.invalidate()
            self._pooled = self._connection = None
