"""Takes base backups, by which any point in time from then on can be restored; each is recovered and compared first."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2.errors
from sqlalchemy import Engine

from rowhouse.backup.archive import Archive, Base
from rowhouse.backup.contents import TableContent, differences, lock_tables, table_contents
from rowhouse.backup.scratch import recovered_server
from rowhouse.backup.transaction import snapshot, transaction
from rowhouse.database import loading_engine
from rowhouse.errors import BackupError
from rowhouse.settings import Settings

# A new database gets its archive with the first piece of its log, and by that the owner the right to take base backups.
_PATIENCE_SECONDS = 300
_TRIES = 60
_LOCK_SECONDS, _PAUSE_SECONDS = 2, 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaseCreator:
    """Takes base backups of one database.

    Attributes:
        settings: Lead to the database, as the owner of the schema.
        archive: Where its log goes.
        work: Folder with room for a copy of the database.
        full_days: Days after which a base backup stands on no earlier one again.
        server_prefix: Words before the programs of the scratch server, see `recovered_server`.
    """

    settings: Settings
    archive: Archive
    work: Path
    full_days: int
    server_prefix: Sequence[str] = ()

    def run(self) -> Base:
        """Take one and verify it.

        Raises:
            BackupError: There is no new one that counts.
        """
        engine = loading_engine(self.settings)
        try:
            self._wait_for_archive(engine)
            base = self.archive.take(full=self._is_full_due())
            log.info("Base backup %s: %d bytes", base.label, base.bytes)
            position, contents = self._now(engine)
        finally:
            engine.dispose()
        self.archive.flush()
        self._verify(base, position, contents)
        self.archive.mark(base)
        log.info("%s was recovered and compared: it counts", base.label)
        return base

    def _is_full_due(self) -> bool:
        """Tell whether the last full one is too old, or not known to be any good."""
        full = next((base for base in self.archive.bases() if base.is_full), None)
        limit = datetime.now(UTC) - timedelta(days=self.full_days)
        return full is None or not full.is_verified or full.started_at < limit

    def _wait_for_archive(self, engine: Engine) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with transaction(engine) as cursor:
                cursor.execute("SELECT has_function_privilege('pg_switch_wal()', 'EXECUTE')")
                ((is_ready,),) = cursor.fetchall()
            if is_ready:
                return
            if time.monotonic() > deadline:
                raise BackupError("PostgreSQL has not archived anything yet: the log of postgres-0 says why.")
            time.sleep(1)

    def _now(self, engine: Engine) -> tuple[str, dict[str, TableContent]]:
        """Return a position of the log, and what the tables hold there."""
        schema = self.settings.database_schema
        with snapshot(engine) as reader:
            for attempt in range(_TRIES):
                try:
                    # While nobody writes, for a moment, the snapshot that the reader gets is that of the position.
                    with transaction(engine) as writer:
                        writer.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                        lock_tables(writer, schema, "SHARE")
                        writer.execute("SELECT pg_current_wal_insert_lsn()")
                        ((position,),) = writer.fetchall()
                        lock_tables(reader, schema, "ACCESS SHARE")
                    break
                except BackupError as error:
                    is_busy = isinstance(error.__cause__, psycopg2.errors.LockNotAvailable)
                    if not is_busy or attempt == _TRIES - 1:
                        raise
                    time.sleep(_PAUSE_SECONDS)
            return str(position), table_contents(reader, schema)

    def _verify(self, base: Base, position: str, contents: dict[str, TableContent]) -> None:
        def restore(data: Path) -> None:
            self.archive.restore(base, data, "lsn", position)

        folder = self.work / "scratch"
        with recovered_server(folder, self.settings, restore, self.server_prefix) as scratch:
            engine = loading_engine(scratch)
            with transaction(engine) as cursor:
                found = table_contents(cursor, self.settings.database_schema)
            engine.dispose()
        wrong = list(differences(contents, found))
        if wrong:
            raise BackupError(f"{base.label} does not count, as it was recovered otherwise: {'; '.join(wrong)}.")
