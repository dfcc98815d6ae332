"""Restores a backup beside what is served, compares it, and only then puts it in its place."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
from psycopg2 import sql
from sqlalchemy import Engine

from rowhouse.backup.contents import DatasetContent, Manifest, dataset_contents, differences, table_contents
from rowhouse.backup.programs import client_environment, restore_script
from rowhouse.backup.repository import DUMP, MANIFEST, Repository
from rowhouse.backup.swap import Swap
from rowhouse.backup.transaction import transaction
from rowhouse.catalog import Catalog
from rowhouse.database import loading_engine
from rowhouse.errors import BackupError
from rowhouse.loader import Loader
from rowhouse.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a restore has made.

    Attributes:
        name: Of the backup.
        environment: Where it was taken.
        taken_at: When its rows were as they are now.
        aside: Schema that holds what was served before; None: there was nothing.
        dropped: Schemas of earlier restores that were put aside, and are gone now.
        datasets: What is served now.
    """

    name: str
    environment: str
    taken_at: datetime
    aside: str | None
    dropped: list[str]
    datasets: list[DatasetContent]


@dataclass(frozen=True)
class Restorer:
    """Restores backups into one environment.

    Attributes:
        settings: Lead to the database, as the owner of the schema.
        repository: Where the backups are; perhaps those of another environment.
        work: Folder with room for the dump.
        environment: What is restored into.
        keep_aside: How many schemas that were put aside are kept, this restore's among them.
    """

    settings: Settings
    repository: Repository
    work: Path
    environment: str
    keep_aside: int

    def run(self, name: str) -> Outcome:
        """Restore the backup with this name, or the newest for `latest`.

        Raises:
            BackupError: Nothing was changed.
        """
        backup = self.repository.find(name)
        self.repository.read(backup.id, MANIFEST, self.work / MANIFEST)
        manifest = Manifest.parse((self.work / MANIFEST).read_text())
        return self.put(manifest, lambda: self.repository.read(backup.id, DUMP, self.work / DUMP))

    def put(self, manifest: Manifest, fetch: Callable[[], None]) -> Outcome:
        """Restore the dump that `fetch` puts into the work folder, and that holds what the manifest says.

        Raises:
            BackupError: Nothing was changed.
        """
        engine = loading_engine(self.settings)
        try:
            self._refuse_what_would_not_fit(engine, manifest)
            fetch()
            return self._restore(engine, manifest)
        finally:
            engine.dispose()

    def _restore(self, engine: Engine, manifest: Manifest) -> Outcome:
        schema = self.settings.database_schema
        moment = f"{datetime.now(UTC):%Y%m%dt%H%M%Sz}"
        restored, aside = f"{schema}_restored_{moment}", f"{schema}_before_{moment}"
        self._drop_remains(engine)
        self._fill(engine, manifest, restored)
        (self.work / DUMP).unlink()
        try:
            with transaction(engine) as cursor:
                wrong = list(differences(manifest.tables, table_contents(cursor, restored)))
            if wrong:
                raise BackupError(f"{manifest.name} was restored otherwise than it was taken: {'; '.join(wrong)}.")
            log.info("%s is restored beside what is served, and compared", manifest.name)
            # A backup of an earlier release lacks tables of this one.
            Loader(engine, Catalog(restored), self.work, self.settings.database_api_user).prepare()
            with transaction(engine) as cursor:
                swap = Swap(schema, restored, aside, is_ours=manifest.environment == self.environment)
                had_old = swap.run(cursor)
                datasets = dataset_contents(cursor, schema)
        except BaseException:
            self._drop_remains(engine)
            raise
        dropped = self._drop_former(engine)
        aside_now = aside if had_old else None
        return Outcome(manifest.name, manifest.environment, manifest.taken_at, aside_now, dropped, datasets)

    def _fill(self, engine: Engine, manifest: Manifest, restored: str) -> None:
        """Make the restored schema.

        The dump knows its schema by name. So that is out of the way within the transaction, which nobody else sees.
        """
        with transaction(engine) as cursor:
            cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", (manifest.schema,))
            ((count,),) = cursor.fetchall()
            there, hidden, new = (
                sql.Identifier(name).as_string(cursor) for name in (manifest.schema, f"{restored}_", restored)
            )
        before = f"ALTER SCHEMA {there} RENAME TO {hidden};" if count else ""
        after = f"ALTER SCHEMA {hidden} RENAME TO {there};" if count else ""
        after = f"ALTER SCHEMA {there} RENAME TO {new}; {after}"
        restore_script(self.work / DUMP, client_environment(self.settings), before, after)

    def _refuse_what_would_not_fit(self, engine: Engine, manifest: Manifest) -> None:
        schema, user = self.settings.database_schema, self.settings.database_user
        with transaction(engine) as cursor:
            cursor.execute("SELECT has_database_privilege(current_database(), 'CREATE'), current_database()")
            ((may_create, database),) = cursor.fetchall()
            if not may_create:
                raise BackupError(
                    f"The role {user} may not make a schema, which a restore does beside the one that is served. As a"
                    f" superuser: GRANT CREATE ON DATABASE {database} TO {user}; docs/backups.md says how."
                )
            try:
                served = dataset_contents(cursor, schema)
            except psycopg2.errors.UndefinedTable:
                # That is what a restore is for.
                return
        kept = {item.dataset: item.schema_hashes for item in manifest.datasets}
        strange = [
            item.dataset
            for item in served
            if item.dataset in kept and not set(kept[item.dataset]) & set(item.schema_hashes[-1:])
        ]
        if strange:
            raise BackupError(
                f"{manifest.name} was taken when the dataset.yml of {', '.join(strange)} said otherwise, so the API"
                " could not serve it. Roll back to the release of that time first (playbooks/rollback.yml), or deploy"
                " it, and restore then."
            )

    def _drop_former(self, engine: Engine) -> list[str]:
        try:
            return self._drop(engine, "before", self.keep_aside)
        except BackupError as error:
            # Somebody reads one of them, perhaps. What was restored is served all the same.
            log.warning("Schemas of earlier restores stay: %s", error)
            return []

    def _drop_remains(self, engine: Engine) -> None:
        """Remove what a restore that did not come to its end has left."""
        self._drop(engine, "restored", 0)

    def _drop(self, engine: Engine, kind: str, keep: int) -> list[str]:
        """Drop schemas whose names end with their time, but for the newest so many; returns which."""
        prefix = f"{self.settings.database_schema}_{kind}_"
        with transaction(engine) as cursor:
            cursor.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s) ORDER BY 1", (prefix,))
            names = [str(name) for (name,) in cursor.fetchall()]
            dropped = names[: max(0, len(names) - keep)]
        # A transaction each: their tables together may be more than PostgreSQL has room for locks of.
        for name in dropped:
            with transaction(engine) as cursor:
                cursor.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
        return dropped
