"""PostgreSQL over TLS, and a server of somebody else that our SQL has made ready."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from house import House, make_house
from parts import Postgres
from rowhouse.database import serving_engine
from rowhouse.settings import Settings
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

DATABASE_SQL = (
    Path(__file__).parents[2]
    / "collections/ansible_collections/rowhouse/platform/roles/images/files/postgres/database.sql"
)


def make_certificate(folder: Path, name: str) -> Path:
    """Make a key and a certificate for 127.0.0.1 that it signed itself; returns the latter."""
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    # An authority itself is no server to some clients.
    extensions = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    subject = ["-days", "2", "-subj", f"/CN={name}", *extensions]
    files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    return folder / f"{name}.crt"


@pytest.fixture(scope="module")
def tls_server() -> Iterator[tuple[Postgres, Path]]:
    """A server that speaks TLS, and the folder with its server.crt."""
    # Not below pytest's own folders, as in conftest.py.
    folder = Path("/tmp") / f"rowhouse-tls-{uuid4().hex[:8]}"
    folder.mkdir()
    server = Postgres(folder)
    try:
        make_certificate(folder, "server")
        for name in ("server.key", "server.crt"):
            shutil.copy(folder / name, folder / "data" / name)
            shutil.chown(folder / "data" / name, user=folder.owner(), group=folder.group())
        with (folder / "data/postgresql.conf").open("a") as configuration:
            configuration.write("ssl = on\n")
        server.start()
        yield server, folder
    finally:
        server.stop()
        shutil.rmtree(folder)


def uses_tls(settings: Settings, sslmode: str, sslrootcert: Path | str = "") -> object:
    """Ask the server whether the connection that the API opens is encrypted."""
    engine = serving_engine(replace(settings, database_sslmode=sslmode, database_sslrootcert=str(sslrootcert)))
    try:
        with engine.connect() as connection:
            return connection.scalar(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    finally:
        engine.dispose()


def test_the_setting_decides_about_tls_and_about_whom_to_trust(
    tls_server: tuple[Postgres, Path], tmp_path: Path
) -> None:
    server, folder = tls_server
    settings = make_house(server, tmp_path).settings
    assert uses_tls(settings, "disable") is False
    assert uses_tls(settings, "require") is True
    assert uses_tls(settings, "verify-full", folder / "server.crt") is True
    with pytest.raises(OperationalError, match="certificate verify failed"):
        uses_tls(settings, "verify-full", make_certificate(tmp_path, "other"))


def test_a_server_without_tls_is_refused_where_tls_is_required(house: House) -> None:
    assert uses_tls(house.settings, "prefer") is False
    with pytest.raises(OperationalError, match="server does not support SSL"):
        uses_tls(house.settings, "require")


@pytest.mark.parametrize(("database", "options"), [("rowhouse", []), ('of "others"', ['--set=database=of "others"'])])
def test_our_sql_makes_a_server_ready_for_a_load_and_for_reading(
    postgres: Postgres, tmp_path: Path, database: str, options: list[str]
) -> None:
    house = make_house(postgres, tmp_path)
    # As the administrator of a managed server: no superuser.
    owner = f"owner_{uuid4().hex[:8]}"
    house.sql(f"CREATE ROLE {owner} LOGIN CREATEROLE CREATEDB")
    server = ["--host=127.0.0.1", f"--port={postgres.port}", f"--username={owner}", "--dbname=postgres"]
    done = subprocess.run(
        ["psql", *server, "--no-psqlrc", "--quiet", f"--file={DATABASE_SQL}", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    try:
        house.put_stations(3)
        loaded = house.run("load", DATABASE_NAME=database, DATABASE_SCHEMA="rowhouse", DATABASE_USER="rowhouse_loader")
        assert loaded.returncode == 0, loaded.stderr

        def ask(user: str, statement: str) -> list[tuple[object, ...]]:
            with (
                psycopg2.connect(host="127.0.0.1", port=postgres.port, dbname=database, user=user) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
                return cursor.fetchall()

        assert ask("rowhouse_api", "SELECT count(*) FROM rowhouse.stations_v1") == [(3,)]
        with pytest.raises(psycopg2.Error, match="permission denied"):
            ask("rowhouse_api", "DELETE FROM rowhouse.stations_v1")
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            ask("reader", "SELECT 1")
    finally:
        quoted = database.replace('"', '""')
        house.sql(f'DROP DATABASE "{quoted}" WITH (FORCE)')
        house.sql("DROP ROLE rowhouse_loader, rowhouse_api")
        house.sql(f"DROP ROLE {owner}")
