"""Takes a backup: a consistent dump, stored, read back, restored and compared; only then it counts."""

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from rowhouse.backup.contents import Manifest, differences, table_contents
from rowhouse.backup.dumping import dump
from rowhouse.backup.programs import client_environment, run
from rowhouse.backup.repository import DUMP, MANIFEST, Repository, Retention
from rowhouse.backup.scratch import scratch_server
from rowhouse.backup.transaction import transaction
from rowhouse.catalog import Catalog
from rowhouse.database import loading_engine
from rowhouse.errors import BackupError
from rowhouse.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Creator:
    """Takes backups of one environment.

    Attributes:
        settings: Lead to the database, as the owner of the schema.
        repository: Where backups go.
        work: Folder with room for the dump, or for the database that it is restored into.
        environment: What the backup says that it is of.
        retention: What is kept.
        server_prefix: Words before the programs of the scratch server, see `scratch_server`.
        also: Takes what else has to be verified before metrics and people are told of a backup.
    """

    settings: Settings
    repository: Repository
    work: Path
    environment: str
    retention: Retention
    server_prefix: Sequence[str] = ()
    also: Callable[[], None] = lambda: None

    def run(self) -> Manifest:
        """Take one, verify it, and remove those that are not to be kept.

        Raises:
            BackupError: There is no new backup that counts, or the store as a whole is damaged.
        """
        self.repository.ensure()
        manifest = self._dump()
        log.info("Dumped %s: %d bytes, %d rows", manifest.name, manifest.bytes, manifest.rows)
        backup_id = self.repository.store(self.work, manifest.name, self.environment)
        (self.work / DUMP).unlink()
        self.verify(backup_id, manifest)
        self.repository.mark(backup_id, manifest.name, manifest.bytes, manifest.rows)
        log.info("%s was restored and compared: it counts", manifest.name)
        self.also()
        self._record(manifest)
        self.repository.keep_only(self.retention, self.environment, manifest.name)
        self.repository.check()
        return manifest

    def verify(self, backup_id: str, manifest: Manifest) -> None:
        """Read a backup back, restore it into a scratch database and compare every table.

        Raises:
            BackupError: Something differs.
        """
        self.repository.read(backup_id, MANIFEST, self.work / MANIFEST)
        if Manifest.parse((self.work / MANIFEST).read_text()) != manifest:
            raise BackupError(f"The manifest of {manifest.name} is not read back as it was written.")
        file = self.work / DUMP
        self.repository.read(backup_id, DUMP, file)
        with scratch_server(self.work / "scratch", self.settings, self.server_prefix) as scratch:
            words = ["pg_restore", "--no-owner", "--no-acl", "--exit-on-error", "--dbname=postgres", str(file)]
            run(words, client_environment(scratch))
            engine = loading_engine(scratch)
            with transaction(engine) as cursor:
                found = table_contents(cursor, manifest.schema)
            engine.dispose()
        file.unlink()
        wrong = list(differences(manifest.tables, found))
        if wrong:
            raise BackupError(f"{manifest.name} does not count, as it was restored otherwise: {'; '.join(wrong)}.")

    def _dump(self) -> Manifest:
        """Write the dump and the manifest of one and the same snapshot into the work folder."""
        shutil.rmtree(self.work / "scratch", ignore_errors=True)
        manifest = dump(self.settings, self.work, self.environment)
        (self.work / MANIFEST).write_text(manifest.text())
        return manifest

    def _record(self, manifest: Manifest) -> None:
        """Write down that the backup counts, for metrics and people."""
        backups = Catalog(self.settings.database_schema).backups
        values = {"name": manifest.name, "taken_at": manifest.taken_at, "bytes": manifest.bytes, "rows": manifest.rows}
        statement = (
            insert(backups)
            .values(values)
            .on_conflict_do_update(index_elements=backups.primary_key, set_={"verified_at": func.clock_timestamp()})
        )
        engine = loading_engine(self.settings)
        with engine.begin() as connection:
            connection.execute(statement)
        engine.dispose()
