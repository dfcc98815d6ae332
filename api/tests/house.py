"""A test's own place: datasets in a folder, a schema in PostgreSQL, and the program that works on them."""

import gzip
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg2
import rowhouse
from parts import Postgres, free_port, wait_until
from rowhouse.access.registry import Registry
from rowhouse.access.token import Token
from rowhouse.catalog import Catalog
from rowhouse.database import loading_engine
from rowhouse.dataset import Dataset
from rowhouse.description import read_datasets
from rowhouse.formats import JSON
from rowhouse.loader import Loader
from rowhouse.query import Query
from rowhouse.settings import Settings
from rowhouse.store import Page, Store
from rowhouse.versions import Version

HEADER = "id,name,height,opened,seen,open\n"
STATIONS_YML = """\
title: Stations
description: Invented rows
file: stations.csv
key: id
columns:
  id: {type: integer}
  name: {type: text}
  height: {type: number, unit: m}
  opened: {type: date}
  seen: {type: timestamp}
  open: {type: boolean}
"""


@dataclass(frozen=True)
class Served:
    """A running `rowhouse serve`.

    Attributes:
        process: gunicorn's master.
        public: A client of the public port.
        admin: A client of the admin port.
        log: Where it logs.
    """

    process: subprocess.Popen[str]
    public: httpx.Client
    admin: httpx.Client
    log: Path

    def is_ready(self) -> bool:
        """Ask /readyz."""
        try:
            return self.admin.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def wait_for_redis(self) -> None:
        """Ask for what was never asked until Redis takes part: the first contact may take longer than it is waited for.

        A hit would not show it, as it may come from the worker's own memory.
        """
        limits = itertools.count(900)
        wait_until(lambda: self.public.get(f"/stations?limit={next(limits)}").headers["X-Cache"] == "miss", "Redis")


@dataclass(frozen=True)
class House:
    """One test's own place: a schema, and a folder of datasets.

    Attributes:
        folder: Holds NAME/dataset.yml and NAME/FILE.
        schema: Name of a schema that is not there yet.
        environment: Variables for the program, as the loader.
    """

    folder: Path
    schema: str
    environment: Mapping[str, str]

    def put(self, rows: str | bytes = "", *, yml: str = STATIONS_YML, name: str = "stations") -> None:
        """Write a dataset, anew or in place of the one with that name; the header is part of `rows`."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "dataset.yml").write_text(yml)
        content = rows.encode() if isinstance(rows, str) else rows
        file = yml.partition("file: ")[2].partition("\n")[0]
        if not file:
            # Writable: there is none.
            return
        (folder / file).write_bytes(gzip.compress(content) if file.endswith(".gz") else content)

    def put_stations(self, count: int) -> None:
        """Write the dataset `stations` with this many rows, ids from 1 on."""
        rows = [
            f"{i},Station {i},{i / 8},2025-01-{i % 28 + 1:02},2025-01-01 00:00:{i % 60:02}Z,{i % 2}"
            for i in range(1, count + 1)
        ]
        self.put(HEADER + "\n".join(rows) + "\n")

    @property
    def settings(self) -> Settings:
        """The settings that the environment makes."""
        return Settings.from_env(self.environment)

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The datasets as they lie there now."""
        return read_datasets(self.folder)

    def loader(self) -> Loader:
        """Return a loader whose schema is prepared."""
        settings = self.settings
        loader = Loader(loading_engine(settings), Catalog(self.schema), self.folder, settings.database_api_user)
        loader.prepare()
        return loader

    def load(self) -> None:
        """Load every dataset."""
        loader = self.loader()
        for dataset in self.datasets:
            loader.load(dataset)

    def registry(self) -> Registry:
        """Return the registry of API keys, with its tables made."""
        self.loader()
        return Registry(loading_engine(self.settings), Catalog(self.schema))

    def key(self, *scopes: str) -> dict[str, str]:
        """Make an API key and return the header that carries it."""
        token = Token.make()
        self.registry().add(token.id, "Somebody", token.digest, scopes, None)
        return {"Authorization": f"Bearer {token.text}"}

    @cached_property
    def key_to_all(self) -> dict[str, str]:
        """The header with an API key that may do everything."""
        return self.key("*:write")

    def connect(self) -> "psycopg2.extensions.connection":
        """Open a connection with the house's schema on the search path."""
        settings = self.settings
        return psycopg2.connect(
            host=settings.database_host,
            port=settings.database_port,
            user=settings.database_user,
            dbname=settings.database_name,
            options=f"-c search_path={self.schema}",
        )

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement and return its rows."""
        connection = self.connect()
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def let_reader_read(self) -> None:
        """Make the schema, and let the role `reader` read what will be in it, as database.sql does for the API's."""
        self.sql(f"CREATE SCHEMA {self.schema}")
        self.sql(f"GRANT USAGE ON SCHEMA {self.schema} TO reader")
        self.sql(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {self.schema} GRANT SELECT ON TABLES TO reader")

    def tables(self) -> list[str]:
        """Return the tables with rows, in order."""
        found = self.sql(
            f"SELECT tablename FROM pg_tables WHERE schemaname = '{self.schema}' AND tablename ~ '_v[0-9]+$'"
        )
        return sorted(str(name) for (name,) in found)

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end; `extra` are settings without their prefix, here and below."""
        return subprocess.run(
            command(*arguments), env=self._variables(extra), text=True, capture_output=True, check=False
        )

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        """Start the program; whoever starts it ends it."""
        return subprocess.Popen(command(*arguments), env=self._variables(extra), text=True, stderr=subprocess.PIPE)

    @contextmanager
    def stopped_load(self, share: float) -> Iterator[subprocess.Popen[str]]:
        """Start a load that stands still when it has read this share of the file; SIGCONT has it go on."""
        arguments = [sys.executable, str(Path(__file__).parent / "stopping.py"), str(share), "load"]
        environment = self._variables({})
        with subprocess.Popen(arguments, env=environment, text=True, stderr=subprocess.PIPE) as process:
            try:
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                assert process.poll() is None, process.communicate()
                yield process
            finally:
                process.kill()

    @contextmanager
    def serve(self, extra: dict[str, str] | None = None, *, until_ready: bool = True) -> Iterator[Served]:
        """Run the real server on two free ports. It is killed at the end: ending well takes seconds."""
        port, admin_port = free_port(), free_port()
        ports = {"HOST": "127.0.0.1", "PORT": str(port), "ADMIN_PORT": str(admin_port)}
        log = self.folder / f"serve-{port}.log"
        # What it leaves when it is killed; a name like this is no dataset's.
        leavings = self.folder / ".serve"
        leavings.mkdir(exist_ok=True)
        with (
            log.open("w") as stream,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as public,
            httpx.Client(base_url=f"http://127.0.0.1:{admin_port}", timeout=20) as admin,
        ):
            process = subprocess.Popen(
                command("serve"),
                env=self._variables(ports | (extra or {})) | {"TMPDIR": str(leavings)},
                stderr=stream,
                text=True,
                start_new_session=True,
            )
            served = Served(process, public, admin, log)
            try:
                if until_ready:
                    wait_until(lambda: served.is_ready() or process.poll() is not None, "ready")
                    assert process.poll() is None, log.read_text()
                yield served
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _variables(self, extra: dict[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ROWHOUSE_")}
        source = str(Path(rowhouse.__file__).parents[1])
        settings = {f"ROWHOUSE_{name}": value for name, value in extra.items()}
        return {**inherited, "PYTHONPATH": source, **self.environment, **settings}


def make_house(postgres: Postgres, folder: Path) -> House:
    """Make an empty house whose datasets lie in the folder."""
    schema = f"test_{uuid4().hex[:12]}"
    environment = {
        "ROWHOUSE_DATABASE_HOST": "127.0.0.1",
        "ROWHOUSE_DATABASE_PORT": str(postgres.port),
        "ROWHOUSE_DATABASE_NAME": "postgres",
        "ROWHOUSE_DATABASE_USER": "loader",
        "ROWHOUSE_DATABASE_API_USER": "reader",
        "ROWHOUSE_DATABASE_SCHEMA": schema,
        "ROWHOUSE_DATABASE_WAIT_SECONDS": "20",
        "ROWHOUSE_DATASETS_DIR": str(folder),
        "ROWHOUSE_DATA_DIR": str(folder),
    }
    return House(folder, schema, environment)


def make_house_of_stations(postgres: Postgres, folder: Path, count: int) -> House:
    """Make a house where the dataset `stations`, with this many rows, is loaded."""
    house = make_house(postgres, folder)
    house.put_stations(count)
    house.load()
    return house


def command(*arguments: str) -> list[str]:
    """Return the program's command line."""
    return [sys.executable, "-m", "rowhouse", *arguments]


async def json_page(store: Store, version: Version, query: Query) -> Page:
    """Read a page as an array of objects."""
    return await store.objects(version, query, JSON.join)
