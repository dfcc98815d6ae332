"""Fixtures: a PostgreSQL and a Redis for each test process, an empty house for each test or module."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg2
import pytest
from house import House, Served, make_house
from hypothesis import HealthCheck, settings
from parts import S3, Postgres, Redis
from redis import Redis as Client

if TYPE_CHECKING:
    from browser import Visitor
    from playwright.sync_api import Browser

# Fixtures are made once for all examples of a property; how long one takes depends on what else the machine does.
settings.register_profile(
    "default", max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
settings.register_profile("few", settings.get_profile("default"), max_examples=15)
settings.register_profile("all", settings.get_profile("default"), max_examples=500)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take an API to ask instead of one made for the tests; test_queries.py knows it."""
    parser.addoption("--api", metavar="URL", help="ask this API in test_queries.py; it serves the table of table.py")
    parser.addoption("--pictures", metavar="FOLDER", help="put the picture that test_browser_looks.py takes there")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server with the superuser `loader` and the role `reader`, which loads let write what is writable."""
    # Not below pytest's own folders, which only their owner may enter: the server runs as another user.
    folder = Path("/tmp") / f"rowhouse-{os.getpid()}-{uuid4().hex[:8]}"
    folder.mkdir()
    server = Postgres(folder)
    try:
        server.start()
        with psycopg2.connect(host="127.0.0.1", port=server.port, user="loader", dbname="postgres") as connection:
            connection.cursor().execute("CREATE ROLE reader LOGIN")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """A Redis with a password."""
    server = Redis()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_client(redis: Redis) -> Iterator[Client]:
    """A client of that Redis, which is empty."""
    with closing(Client(port=redis.port, password=redis.password)) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """An S3 server with an empty bucket."""
    server = S3(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def house(postgres: Postgres, tmp_path: Path) -> House:
    """An empty house."""
    return make_house(postgres, tmp_path)


# For a module only: while it runs, no event loop of another test can.
@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A browser, which most test processes never need."""
    from browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: "Browser", served: Served) -> Iterator["Visitor"]:
    """Opens paths of the module's server; at the end no page may have complained."""
    from browser import Visitor

    visitor = Visitor(browser, str(served.public.base_url))
    yield visitor
    visitor.close()
    assert visitor.complaints == []
