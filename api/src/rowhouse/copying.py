"""COPY from a stream of bytes, over SQLAlchemy's connection, and what is needed around it."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO, cast

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def copy_from(connection: Connection, statement: str, chunks: Generator[bytes]) -> int:
    """Run COPY … FROM STDIN on the chunks, which are never empty; returns the number of rows.

    Raises:
        psycopg2.Error: PostgreSQL refused.
        BaseException: What the generator raised, as it is.
    """
    driver = cast("psycopg2.extensions.connection", connection.connection.driver_connection)
    with closing(chunks), driver.cursor() as cursor:
        source = _Source(chunks)
        try:
            cursor.copy_expert(statement, cast("BinaryIO", source))
        except psycopg2.errors.QueryCanceled:
            if source.error:
                raise source.error from None
            raise
        return cursor.rowcount


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo what was done in the block when it fails.

    SQLAlchemy's own leaves a subtransaction open for each that was undone, and PostgreSQL looks through all of them for
    each row that it meets later.
    """
    connection.exec_driver_sql("SAVEPOINT attempt")
    try:
        yield
    except Exception:
        # When the connection is lost, that is what has to be told.
        with suppress(DBAPIError):
            connection.exec_driver_sql("ROLLBACK TO attempt; RELEASE attempt")
        raise
    connection.exec_driver_sql("RELEASE attempt")


def ahead[Item](items: Generator[Item]) -> Generator[Item]:
    """Yield the items, which are never None; a thread makes the next one while the last one is used."""
    with closing(items), ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item


class _Source:
    """Chunks as a file to read from.

    Attributes:
        error: What stopped the reading, which may be Ctrl-C; COPY itself only hands on its text.
    """

    def __init__(self, chunks: Generator[bytes]) -> None:
        self._chunks = chunks
        self.error: BaseException | None = None

    def read(self, _size: int) -> bytes:
        """Return a chunk, whatever its size: psycopg2 takes more than it asks for."""
        try:
            return next(self._chunks, b"")
        except BaseException as error:
            self.error = error
            raise
