"""Loads a dataset's file into a new version, and makes it the current one.

All of it is one transaction: a load that fails or is killed leaves nothing behind and changes nothing.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from sqlalchemy import Connection, Engine, Function, delete, func, inspect, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.schema import CreateColumn, CreateSchema, DropTable

from rowhouse.catalog import Catalog
from rowhouse.datafile import DataFile
from rowhouse.dataset import Dataset
from rowhouse.errors import DatabaseUnavailableError, LoadStoppedError
from rowhouse.intake import Intake
from rowhouse.rejects import keep_rejects
from rowhouse.writing.fitting import Fitting

# Raised when a load makes something else of the same file, so that content loaded earlier is loaded anew.
_LOADER_FORMAT = 2

_VERSIONS_KEPT = 3
_DROP_LOCK_TIMEOUT_MS = 2000
_RETRY_SECONDS = 1
_WAIT_LOG_SECONDS = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a load has made of a dataset, or would make.

    Attributes:
        dataset: Its name.
        rows_before: Of the version that was current; None: there was none.
        rows: Of the one that is current now.
        rejected: How many rows of the file are not among them.
        is_loaded: Whether the file was read, as its content was not there yet.
    """

    dataset: str
    rows_before: int | None
    rows: int
    rejected: int
    is_loaded: bool


class Loader:
    """Loads datasets into one schema."""

    def __init__(self, engine: Engine, catalog: Catalog, data_dir: Path, api_user: str) -> None:
        """Take an engine whose role owns the schema, or may create it.

        Args:
            engine: Connects as the schema's owner.
            catalog: Where the tables are.
            data_dir: Folder with NAME/FILE.
            api_user: Role that is to write the rows of writable datasets.
        """
        self._engine = engine
        self._catalog = catalog
        self._data_dir = data_dir
        self._api_user = api_user

    def wait_for_database(self, seconds: float) -> None:
        """Return as soon as PostgreSQL answers.

        Raises:
            DatabaseUnavailableError: It did not within `seconds`.
        """
        started = time.monotonic()
        logged = -float(_WAIT_LOG_SECONDS)
        while True:
            try:
                self._engine.connect().close()
            except OperationalError as error:
                reason = " ".join(str(error.orig).split())
                waited = time.monotonic() - started
                if waited >= seconds:
                    raise DatabaseUnavailableError(
                        f"PostgreSQL did not answer within {seconds:.0f} s: {reason}"
                    ) from error
                if waited - logged >= _WAIT_LOG_SECONDS:
                    log.info("Waiting for PostgreSQL, %.0f of %.0f s: %s", waited, seconds, reason)
                    logged = waited
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def prepare(self) -> None:
        """Create the schema and the tables of versions and pointers, where they are missing.

        Raises:
            LoadStoppedError: PostgreSQL refused.
        """
        with self._transaction(f"schema {self._catalog.schema}") as connection:
            # CREATE SCHEMA IF NOT EXISTS would ask for a right that a role which merely owns the schema lacks.
            if not inspect(connection).has_schema(self._catalog.schema):
                connection.execute(CreateSchema(self._catalog.schema))
            self._catalog.metadata.create_all(connection)
            self._add_what_is_new(connection)

    def _add_what_is_new(self, connection: Connection) -> None:
        """Bring a table of an earlier release up to date."""
        versions = self._catalog.versions
        found = {column["name"] for column in inspect(connection).get_columns(versions.name, versions.schema)}
        if "rejects" not in found:
            dialect = connection.dialect
            table = dialect.identifier_preparer.format_table(versions)
            column = CreateColumn(versions.c.rejects).compile(dialect=dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column}")

    def load(self, dataset: Dataset, *, dry_run: bool = False) -> Outcome:
        """Make the file's content the current version of the dataset.

        Content that is already there, as the current version or one that is kept, is not copied again. Of a writable
        dataset it is the table that is made, or made to fit: no load touches its rows. A dry run does it all, and takes
        it back: nobody sees anything of it.

        Raises:
            LoadError: The file, or a row in it, is not what dataset.yml says.
            LoadStoppedError: PostgreSQL refused, or was lost.
        """
        started = time.monotonic()
        if dataset.writable:
            with self._transaction(dataset.name) as connection:
                rows = Fitting(connection, self._catalog, dataset, self._api_user).run()
                if dry_run:
                    connection.rollback()
            log.info("%s: ready to be written, %d rows, %.1f s", dataset.name, rows, time.monotonic() - started)
            return Outcome(dataset.name, rows, rows, 0, is_loaded=False)
        file = DataFile(dataset, self._data_dir / dataset.name)
        content = f"{_LOADER_FORMAT} {dataset.schema_hash} {dataset.reading} {file.digest()}"
        content_hash = hashlib.sha256(content.encode()).hexdigest()
        with self._transaction(dataset.name) as connection:
            before = self._current_rows(connection, dataset)
            version = self._version_of(connection, dataset, content_hash)
            is_loaded = version is None
            if version is None:
                version = self._build(connection, dataset, file, content_hash)
            rows, rejects = self._counts(connection, version)
            if dry_run:
                connection.rollback()
            else:
                self._activate(connection, dataset, version)
        said = f"{'Loaded' if is_loaded else 'Already loaded'}{', and taken back' if dry_run and is_loaded else ''}"
        log.info("%s: %s, version %d, %.1f s", dataset.name, said, version, time.monotonic() - started)
        if not dry_run:
            self._drop_old_versions(dataset)
        return Outcome(dataset.name, before, rows, rejects, is_loaded)

    def _current_rows(self, connection: Connection, dataset: Dataset) -> int | None:
        """Return the rows of what was made current last, whatever its columns."""
        versions = self._catalog.versions
        rows: int | None = connection.scalar(
            select(versions.c.rows)
            .where(versions.c.dataset == dataset.name, versions.c.activated_at.is_not(None))
            .order_by(versions.c.activated_at.desc())
            .limit(1)
        )
        return rows

    def _counts(self, connection: Connection, version: int) -> tuple[int, int]:
        versions = self._catalog.versions
        found = connection.execute(select(versions.c.rows, versions.c.rejects).where(versions.c.version == version))
        rows, rejects = found.one()
        return rows, rejects

    def _version_of(self, connection: Connection, dataset: Dataset, content_hash: str) -> int | None:
        versions = self._catalog.versions
        version: int | None = connection.scalar(
            select(versions.c.version).where(
                versions.c.dataset == dataset.name,
                versions.c.content_hash == content_hash,
                # One that lacks more rows than are allowed by now is judged anew, and refused with the reasons.
                versions.c.rejects <= dataset.max_rejects,
            )
        )
        return version

    def _build(self, connection: Connection, dataset: Dataset, file: DataFile, content_hash: str) -> int:
        version = connection.scalars(select(self._catalog.numbers.next_value())).one()
        log.info("%s: loading %s as version %d", dataset.name, file.path, version)
        rows, rejects = Intake(connection, dataset, self._catalog.table(dataset, version), file).run()
        connection.execute(
            insert(self._catalog.versions).values(
                version=version,
                dataset=dataset.name,
                schema_hash=dataset.schema_hash,
                content_hash=content_hash,
                rows=rows,
                rejects=rejects.count,
            )
        )
        if rejects.count:
            keep_rejects(connection, self._catalog.rejects, version)
            log.warning("%s: loaded without %d rejected rows", file.path, rejects.count)
            for reject in rejects.first:
                log.warning("%s: %s", file.path, reject)
        return version

    def _activate(self, connection: Connection, dataset: Dataset, version: int) -> None:
        versions, pointers = self._catalog.versions, self._catalog.pointers
        connection.execute(
            insert(pointers)
            .values(dataset=dataset.name, schema_hash=dataset.schema_hash, version=version)
            .on_conflict_do_update(index_elements=pointers.primary_key, set_={"version": version})
        )
        connection.execute(
            update(versions).where(versions.c.version == version).values(activated_at=func.clock_timestamp())
        )
        # PostgreSQL sends it with the commit.
        connection.execute(select(func.pg_notify(self._catalog.channel, "")))

    def _drop_old_versions(self, dataset: Dataset) -> None:
        """Keep the versions that were current last. One that somebody is reading stays until the next load."""
        versions = self._catalog.versions
        old = (
            select(versions.c.version)
            .where(versions.c.dataset == dataset.name)
            .order_by(versions.c.activated_at.desc(), versions.c.version.desc())
            .offset(_VERSIONS_KEPT)
        )
        with self._engine.connect() as connection:
            numbers = connection.scalars(old).all()
        for version in numbers:
            try:
                with self._engine.begin() as connection:
                    connection.execute(text(f"SET LOCAL lock_timeout = {_DROP_LOCK_TIMEOUT_MS}"))
                    # A load that is under way may make it current again, and cleans up after itself.
                    if not self._try_lock(connection, dataset.name):
                        return
                    connection.execute(DropTable(self._catalog.table(dataset, version), if_exists=True))
                    connection.execute(delete(versions).where(versions.c.version == version))
            except OperationalError as error:
                log.warning("%s: version %d stays until the next load: %s", dataset.name, version, error.orig)
            else:
                log.info("%s: dropped version %d", dataset.name, version)

    @contextmanager
    def _transaction(self, subject: str) -> Iterator[Connection]:
        """Open a transaction that nobody else has open for the same subject."""
        try:
            with self._engine.begin() as connection:
                if not self._try_lock(connection, subject):
                    log.info("%s: another load is under way, waiting for it", subject)
                    connection.execute(select(func.pg_advisory_xact_lock(self._lock_key(subject))))
                yield connection
        except (DBAPIError, psycopg2.Error) as error:
            reason = " ".join(str(getattr(error, "orig", error)).split())
            raise LoadStoppedError(f"{subject}: PostgreSQL stopped the load: {reason}") from error

    def _try_lock(self, connection: Connection, subject: str) -> bool:
        return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(self._lock_key(subject)))))

    def _lock_key(self, subject: str) -> Function[int]:
        return func.hashtextextended(f"rowhouse {self._catalog.schema} {subject}", 0)
