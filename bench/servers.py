"""Rowhouse and its peers: how each is started over a table, and what it is asked for."""

import os
import sqlite3
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
from parts import free_port

from bench.data import COLUMNS, NAME
from bench.environment import Peers
from bench.ground import WORKERS, Ground, Table
from bench.processes import Running, running, wait_for

_APPS = Path(__file__).parent / "peers"
_HERE = "http://127.0.0.1"

type Row = dict[str, Any]
type Command = list[str | Path]


@dataclass
class Server(ABC):
    """One way to serve a table; as they stand here, the paths and the answers are those of Rowhouse.

    Attributes:
        name: As the results have it.
        first: Path of the first rows in the order of the key; with the placeholder {limit}.
        filtered: Path of a page of 100 rows in the order of the key, of one station and from an id on; with the
            placeholders {station} and {id}.
        every: Path of 1,000 rows of all ids that are larger than minus {id}.
    """

    name: str
    first: str = f"/{NAME}?limit={{limit}}"
    filtered: str = f"/{NAME}?station={{station}}&id__gte={{id}}&limit=100"
    every: str = f"/{NAME}?id__gte=-{{id}}&limit=1000"

    def page(self, limit: int) -> str:
        """Return the path of the first so many rows in the order of the key."""
        return self.first.format(limit=limit)

    def rows(self, body: bytes) -> list[Row]:
        """Return the rows of an answer."""
        rows: list[Row] = orjson.loads(body)["data"]
        return rows

    @abstractmethod
    def run(self, ground: Ground, table: Table) -> AbstractContextManager[Running]:
        """Serve the table."""


@dataclass
class Rowhouse(Server):
    """`rowhouse serve`, as an image starts it, with all its duties."""

    name: str = "rowhouse"
    with_redis: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def run(self, ground: Ground, table: Table) -> Iterator[Running]:
        redis = ground.redis.settings if self.with_redis else {}
        settings = {"WORKERS": str(WORKERS), **redis, **self.settings}
        started = time.monotonic()
        with table.house.serve(settings, until_ready=False) as served:
            url = str(served.public.base_url).rstrip("/")
            wait_for(url + self.page(1), served.process, served.log)
            ready = time.monotonic() - started
            if self.with_redis:
                # The first contact may take longer than it is waited for.
                _until_kept(served.public)
            yield Running(url, served.process.pid, ready)


@dataclass
class _Peer(Server):
    """A program of others."""

    peers: Peers = field(kw_only=True)

    @contextmanager
    def run(self, ground: Ground, table: Table) -> Iterator[Running]:
        port, log = free_port(), ground.log(self.name)
        command, environment = self.command(port, table, log.parent)
        with running(command, f"{_HERE}:{port}", self.page(1), log, environment) as server:
            yield server

    @abstractmethod
    def command(self, port: int, table: Table, folder: Path) -> tuple[Command, Mapping[str, str]]:
        """Return what serves the table at a port, and in which environment; the folder is for files that it needs."""

    def _uvicorn(self, port: int, app: str) -> Command:
        words = ["--port", str(port), "--workers", str(WORKERS), "--loop", "uvloop", "--http", "httptools"]
        words += ["--no-access-log", "--log-level", "warning", app]
        return [self.peers.program("uvicorn"), "--app-dir", _APPS, *words]


@dataclass
class Flask(_Peer):
    """The common answer."""

    name: str = "flask"

    def command(self, port: int, table: Table, folder: Path) -> tuple[Command, Mapping[str, str]]:  # noqa: ARG002
        words = ["--workers", str(WORKERS), "--bind", f"127.0.0.1:{port}", "flask_app:app"]
        environment = {"DATABASE_URL": table.url, "TABLE": table.name, "PYTHONPATH": str(_APPS)}
        return [self.peers.program("gunicorn"), *words], environment


@dataclass
class FastApi(_Peer):
    """The fast answer."""

    name: str = "fastapi"

    def command(self, port: int, table: Table, folder: Path) -> tuple[Command, Mapping[str, str]]:  # noqa: ARG002
        return self._uvicorn(port, "fastapi_app:app"), {"DATABASE_URL": table.url, "TABLE": table.name}


@dataclass
class Datasette(_Peer):
    """A server of SQLite files."""

    name: str = "datasette"
    first: str = f"/{NAME}/{NAME}.json?_shape=objects&_size={{limit}}"
    filtered: str = f"/{NAME}/{NAME}.json?_shape=objects&_size=100&station={{station}}&id__gte={{id}}"
    every: str = f"/{NAME}/{NAME}.json?_shape=objects&_size=1000&id__gte=-{{id}}"

    def rows(self, body: bytes) -> list[Row]:
        return [row | {"valid": bool(row["valid"])} for row in orjson.loads(body)["rows"]]

    def command(self, port: int, table: Table, folder: Path) -> tuple[Command, Mapping[str, str]]:
        return self._uvicorn(port, "datasette_app:app"), {"DATABASE": str(_sqlite(table.file, folder / f"{NAME}.db"))}


@dataclass
class Roapi(_Peer):
    """A server of files, which it keeps in memory; one process, with a thread for each CPU."""

    name: str = "roapi"
    first: str = f"/api/tables/{NAME}?sort=id&limit={{limit}}"
    filtered: str = f"/api/tables/{NAME}?filter[station]=%27{{station}}%27&filter[id]gte={{id}}&sort=id&limit=100"
    # It takes no negative numbers, and makes every answer anew anyhow.
    every: str = f"/api/tables/{NAME}?sort=id&limit=1000"

    def rows(self, body: bytes) -> list[Row]:
        return [dict.fromkeys(COLUMNS) | row for row in orjson.loads(body)]

    def command(self, port: int, table: Table, folder: Path) -> tuple[Command, Mapping[str, str]]:  # noqa: ARG002
        words = ["--addr-http", f"127.0.0.1:{port}", "--table", f"{NAME}={table.file}"]
        return [self.peers.program("roapi"), *words], {}


@dataclass
class Nginx(Server):
    """The limit: the bytes of an answer as a file."""

    name: str = "nginx"
    first: str = "/page-{limit}.json"
    bodies: Mapping[int, bytes] = field(default_factory=dict)

    @contextmanager
    def run(self, ground: Ground, table: Table) -> Iterator[Running]:  # noqa: ARG002 - it has the bytes
        log = ground.log("nginx")
        for limit, body in self.bodies.items():
            (log.parent / self.page(limit)[1:]).write_bytes(body)
        first = self.page(next(iter(self.bodies)))
        port = free_port()
        command = _nginx(log.parent, f"listen 127.0.0.1:{port} reuseport;")
        with running(command, f"{_HERE}:{port}", first, log) as server:
            yield server


@contextmanager
def balanced(ground: Ground, servers: list[Running]) -> Iterator[Running]:
    """Put nginx before several servers, with connections that are kept, as an Ingress has them."""
    log = ground.log("balancer")
    port = free_port()
    upstream = "".join(f"server {server.url.removeprefix('http://')};" for server in servers)
    location = "proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection '';"
    command = _nginx(log.parent, f"listen 127.0.0.1:{port};", f"location / {{ {location} }}", upstream)
    with running(command, f"{_HERE}:{port}", f"/{NAME}?limit=1", log) as server:
        yield server


def _nginx(folder: Path, listen: str, locations: str = "", upstream: str = "") -> Command:
    # Started as root, it would read files as somebody who may not.
    user = "user root;" if os.geteuid() == 0 else ""
    upstreams = f"upstream replicas {{ {upstream} keepalive 64; }}" if upstream else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    kept = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"""{user} daemon off; worker_processes {WORKERS}; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; {kept}
  types {{ application/json json; }}
  {upstreams}
  server {{ {listen} root {folder}; {locations} }}
}}
"""
    )
    return ["nginx", "-c", folder / "nginx.conf", "-p", folder]


def _sqlite(file: Path, path: Path) -> Path:
    """Make a SQLite file of a CSV file, with the index that the others have."""
    kinds = {"integer": "INTEGER", "number": "REAL", "boolean": "INTEGER"}
    columns = ", ".join(f"{name} {kinds.get(kind, 'TEXT')}" for name, kind in COLUMNS.items())
    names = list(COLUMNS)
    truth = names.index("valid")
    with sqlite3.connect(path) as database, file.open() as lines:
        next(lines)
        database.execute(f"CREATE TABLE {NAME} ({columns}, PRIMARY KEY (id))")
        cells = (line.rstrip("\n").split(",") for line in lines)
        rows = ([cell == "true" if i == truth else cell or None for i, cell in enumerate(record)] for record in cells)
        database.executemany(f"INSERT INTO {NAME} VALUES ({', '.join('?' * len(names))})", rows)
        database.execute(f"CREATE INDEX by_station ON {NAME} (station, id)")
    return path


def _until_kept(client: httpx.Client) -> None:
    for limit in range(900, 1000):
        if client.get(f"/{NAME}?limit={limit}").headers["X-Cache"] == "miss":
            return
    sys.exit("Redis takes no part in the cache")
