"""COPY of what a generator makes."""

from collections.abc import Generator, Iterator
from select import select
from typing import cast

import psycopg2
import pytest
from house import House
from rowhouse.copying import copy_from, savepoint
from rowhouse.database import loading_engine
from rowhouse.opening import NotPlainError
from sqlalchemy import Connection
from sqlalchemy.exc import DataError

CHUNK = b"1\n" * 50_000


@pytest.fixture
def connection(house: House) -> Iterator[Connection]:
    """An open transaction, in which there is an empty table."""
    with loading_engine(house.settings).connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE t (a integer) ON COMMIT DROP")
        yield connection


def chunks(first: bytes, sent: list[bytes], spoken_to: Connection | None = None) -> Generator[bytes]:
    for chunk in [first, *[CHUNK] * 200]:
        if spoken_to and len(sent) == 3:
            # PostgreSQL has the first by now, and its time to speak: on a busy machine all might be sent before.
            driver = cast("psycopg2.extensions.connection", spoken_to.connection.driver_connection)
            assert select([driver.fileno()], [], [], 10)[0]
        sent.append(chunk)
        yield chunk


def test_all_is_sent_while_postgresql_says_nothing(connection: Connection) -> None:
    sent: list[bytes] = []
    assert copy_from(connection, "COPY t FROM STDIN", chunks(b"1\n", sent), until_it_speaks=True) == 10_000_001


def test_what_follows_a_refusal_is_not_sent(connection: Connection) -> None:
    sent: list[bytes] = []
    with pytest.raises(psycopg2.DataError):
        copy_from(connection, "COPY t FROM STDIN", chunks(b"x\n", sent, connection), until_it_speaks=True)
    assert len(sent) < 200


def test_what_was_cut_for_a_notice_is_no_success(connection: Connection) -> None:
    for statement in (
        "CREATE FUNCTION pg_temp.speak() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE WARNING 'spoken'; RETURN NEW; END$$",
        "CREATE TRIGGER speak BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.a = 2) EXECUTE FUNCTION pg_temp.speak()",
    ):
        connection.exec_driver_sql(statement)
    sent: list[bytes] = []
    with pytest.raises(NotPlainError):
        copy_from(connection, "COPY t FROM STDIN", chunks(b"2\n", sent, connection), until_it_speaks=True)
    assert len(sent) < 200


def test_what_fails_is_undone_and_no_more(connection: Connection) -> None:
    run = connection.exec_driver_sql
    run("INSERT INTO t VALUES (1)")
    with pytest.raises(DataError), savepoint(connection):
        run("INSERT INTO t SELECT 2 / a FROM (VALUES (1), (0)) AS v (a)")
    with savepoint(connection):
        run("INSERT INTO t VALUES (3)")
    assert connection.exec_driver_sql("SELECT a FROM t ORDER BY a").scalars().all() == [1, 3]
