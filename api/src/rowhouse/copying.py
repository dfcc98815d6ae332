"""COPY from a stream of bytes, over SQLAlchemy's connection."""

from collections.abc import Generator
from contextlib import closing
from typing import BinaryIO, cast

import psycopg2
from sqlalchemy import Connection

_READ_BYTES = 1 << 18


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
            cursor.copy_expert(statement, cast("BinaryIO", source), size=_READ_BYTES)
        except psycopg2.errors.QueryCanceled:
            if source.error:
                raise source.error from None
            raise
        return cursor.rowcount


class _Source:
    """Chunks as a file to read from.

    Attributes:
        error: What stopped the reading, which may be Ctrl-C; COPY itself only hands on its text.
    """

    def __init__(self, chunks: Generator[bytes]) -> None:
        self._chunks = chunks
        self._ready = bytearray()
        self.error: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            while len(self._ready) < size and (chunk := next(self._chunks, b"")):
                self._ready += chunk
            piece = bytes(self._ready[:size])
            del self._ready[:size]
            return piece
        except BaseException as error:
            self.error = error
            raise
