"""When the last backup that counts was verified, known in every process that serves."""

import time
from collections.abc import Callable
from math import inf

import psycopg2.errors
from sqlalchemy import Dialect, func, literal_column, select

from rowhouse.catalog import Catalog
from rowhouse.link import Rows

# A backup takes minutes, and an alert waits for hours.
_SECONDS = 5


class LastBackup:
    """As PostgreSQL last told it. While that is away, the last known time stays."""

    def __init__(self, catalog: Catalog, dialect: Dialect) -> None:
        """Take the table to read; nothing is known yet."""
        backups = catalog.backups
        latest = func.extract("epoch", func.max(backups.c.verified_at))
        statement = select(func.coalesce(latest, literal_column("0")))
        self._statement = str(statement.compile(dialect=dialect))
        self._asked_at = -inf
        self.verified_at = 0.0

    def read(self, execute: Callable[[str], Rows]) -> None:
        """Ask, unless that was just done; for the thread that asks PostgreSQL."""
        if time.monotonic() - self._asked_at < _SECONDS:
            return
        try:
            ((verified_at,),) = execute(self._statement)
        except psycopg2.errors.UndefinedTable:
            # Whose last load was made by a release without backups.
            verified_at = 0
        self.verified_at = float(verified_at)
        self._asked_at = time.monotonic()
