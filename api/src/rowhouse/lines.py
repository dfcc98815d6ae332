"""The sockets of PostgreSQL's connections, to be cut from outside of the threads that wait on them."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

# Among what SQLAlchemy keeps with a connection: the duplicate of its socket.
_LINE = "line"


class Lines:
    """Knows which connections are waited on; for any thread."""

    def __init__(self, engine: Engine) -> None:
        """Take the engine whose connections they are."""
        self._lock = Lock()
        self._waiting: set[socket.socket] = set()
        event.listen(engine, "close", self._hang_up)

    @contextmanager
    def waiting(self, connection: PoolProxiedConnection) -> Iterator[None]:
        """Have the connection cut when all are."""
        line: socket.socket | None = connection.info.get(_LINE)
        if line is None:
            # A duplicate is ours to close, whatever libpq does to its own. Shutting down does not ask for the family.
            # It lives as long as the connection: each call of the kernel's lets go of Python's lock, and waits for it.
            line = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, os.dup(connection.fileno()))
            connection.info[_LINE] = line
        with self._lock:
            self._waiting.add(line)
        try:
            yield
        finally:
            with self._lock:
                self._waiting.remove(line)

    def cut(self) -> None:
        """End the connections that are waited on: their threads would wait as long as a silent PostgreSQL is silent."""
        with self._lock:
            for line in self._waiting:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def _hang_up(self, _connection: object, record: ConnectionPoolEntry) -> None:
        """Close the duplicate of a connection that is about to be closed, which would live on in it."""
        line: socket.socket | None = record.info.pop(_LINE, None)
        if line is not None:
            with self._lock:
                line.close()
