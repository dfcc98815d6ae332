"""COPY from a stream of bytes, over SQLAlchemy's connection, and what is needed around it."""

import select
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO, cast

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from rowhouse.opening import NotPlainError


def copy_from(
    connection: Connection, statement: str, chunks: Generator[bytes], *, until_it_speaks: bool = False
) -> int:
    """Run COPY … FROM STDIN on the chunks, which are never empty; returns the number of rows.

    Args:
        connection: In a transaction.
        statement: The COPY.
        chunks: The data.
        until_it_speaks: Send no more when PostgreSQL sends something, which is a refusal in all likelihood. It would
            read all the rest, and drop it.

    Raises:
        psycopg2.Error: PostgreSQL refused.
        NotPlainError: It spoke, and did not refuse what it had by then.
        BaseException: What the generator raised, as it is.
    """
    driver = cast("psycopg2.extensions.connection", connection.connection.driver_connection)
    with closing(chunks), driver.cursor() as cursor:
        source = _Source(chunks, driver.fileno() if until_it_speaks else None)
        try:
            cursor.copy_expert(statement, cast("BinaryIO", source))
        except psycopg2.errors.QueryCanceled:
            if source.error:
                raise source.error from None
            raise
        if source.is_cut:
            raise NotPlainError("a notice")
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


class _Source:
    """Chunks as a file to read from.

    Attributes:
        error: What stopped the reading, which may be Ctrl-C; COPY itself only hands on its text.
        is_cut: Whether it ended because there was something to read from a descriptor.
    """

    def __init__(self, chunks: Generator[bytes], descriptor: int | None) -> None:
        self._chunks = chunks
        self._incoming = select.poll()
        if descriptor is not None:
            self._incoming.register(descriptor, select.POLLIN)
        self.error: BaseException | None = None
        self.is_cut = False

    def read(self, _size: int) -> bytes:
        """Return a chunk, whatever its size: psycopg2 takes more than it asks for."""
        if self._incoming.poll(0):
            self.is_cut = True
            return b""
        try:
            return next(self._chunks, b"")
        except BaseException as error:
            self.error = error
            raise
