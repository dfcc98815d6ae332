"""Dumps a schema, and says what is in it: both of one and the same snapshot."""

from datetime import UTC
from pathlib import Path

from rowhouse import __version__
from rowhouse.backup.contents import Manifest, dataset_contents, lock_tables, table_contents
from rowhouse.backup.programs import client_environment, run
from rowhouse.backup.repository import DUMP
from rowhouse.backup.transaction import snapshot
from rowhouse.database import loading_engine
from rowhouse.settings import Settings


def dump(settings: Settings, work: Path, environment: str) -> Manifest:
    """Write the dump of the schema into the work folder; returns what it holds, as of the environment.

    Raises:
        BackupError: There is nothing to dump, or PostgreSQL refused.
    """
    schema, file = settings.database_schema, work / DUMP
    engine = loading_engine(settings)
    with snapshot(engine) as cursor:
        lock_tables(cursor, schema, "ACCESS SHARE")
        cursor.execute("SELECT pg_export_snapshot(), now()")
        ((exported, taken_at),) = cursor.fetchall()
        tables, datasets = table_contents(cursor, schema), dataset_contents(cursor, schema)
        # restic compresses, and finds what it holds already, which it could not in compressed data.
        options = ["--format=custom", "--compress=0", f"--snapshot={exported}", f"--file={file}"]
        run(["pg_dump", *options, f'--schema="{schema}"'], client_environment(settings))
    engine.dispose()
    return Manifest(
        name=f"{taken_at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        environment=environment,
        release=__version__,
        schema=schema,
        taken_at=taken_at,
        bytes=file.stat().st_size,
        tables=tables,
        datasets=datasets,
    )
