"""A transaction on the driver's own cursor, which COPY and identifiers need."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import psycopg2
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from rowhouse.errors import BackupError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class, which the driver names so


@contextmanager
def transaction(engine: Engine) -> Iterator["Cursor"]:
    """Yield a cursor; what it did is committed at the end, and taken back by any exception.

    Raises:
        BackupError: In place of what PostgreSQL said.
    """
    try:
        with engine.begin() as connection, cast("Cursor", connection.connection.cursor()) as cursor:
            yield cursor
    except (DBAPIError, psycopg2.Error) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise BackupError(f"PostgreSQL refused, and nothing was changed: {reason}") from error


@contextmanager
def snapshot(engine: Engine) -> Iterator["Cursor"]:
    """Yield a cursor that sees one state of the database all the time, and may wait between its statements.

    Raises:
        BackupError: In place of what PostgreSQL said.
    """
    with transaction(engine) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield cursor
