"""Several statements in one transaction: all of them or none, and never twice."""

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from house import House
from parts import Postgres
from rowhouse.database import serving_engine
from rowhouse.errors import DatabaseAwayError, RowhouseError, VersionGoneError
from rowhouse.link import Execute, Link

CUT = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture
def link(house: House) -> Link:
    """A link, and a table with a unique column in the house's schema."""
    house.sql(f"CREATE SCHEMA {house.schema}")
    house.sql("CREATE TABLE numbers (number bigint PRIMARY KEY)")
    return Link(serving_engine(house.settings), 1)


def numbers(house: House) -> list[Any]:
    return [number for (number,) in house.sql("SELECT number FROM numbers ORDER BY 1")]


def insert(house: House, *added: int) -> Callable[[Execute], int]:
    def work(execute: Execute) -> int:
        for number in added:
            execute(f"INSERT INTO {house.schema}.numbers VALUES (%(number)s)", {"number": number})
        return len(added)

    return work


def test_all_or_nothing(house: House, link: Link) -> None:
    assert link.transact("BEGIN", insert(house, 1, 2)) == 2
    with pytest.raises(psycopg2.IntegrityError):
        link.transact("BEGIN", insert(house, 3, 2))

    def give_up(execute: Execute) -> None:
        insert(house, 4)(execute)
        raise RowhouseError("in between")

    with pytest.raises(RowhouseError, match="in between"):
        link.transact("BEGIN", give_up)
    with pytest.raises(VersionGoneError):
        link.transact("BEGIN", lambda execute: execute("SELECT * FROM nothing", {}))
    # The connection goes back without any of it.
    assert link.fetch("SELECT pg_current_xact_id_if_assigned() IS NULL, now() = statement_timestamp()", {}) == [
        (True, True)
    ]
    assert link.transact("BEGIN", insert(house, 5)) == 1
    assert numbers(house) == [1, 2, 5]


def test_what_was_lost_before_it_began_is_begun_again(house: House, link: Link, postgres: Postgres) -> None:
    link.transact("BEGIN", insert(house, 1))
    postgres.stop()
    postgres.start()
    assert link.transact("BEGIN", insert(house, 2)) == 1
    assert numbers(house) == [1, 2]


def test_what_is_lost_later_is_not_tried_again(house: House, link: Link) -> None:
    tries = []

    def work(execute: Execute) -> None:
        tries.append(1)
        insert(house, 1)(execute)
        execute(CUT, {})

    with pytest.raises(DatabaseAwayError):
        link.transact("BEGIN", work)
    assert len(tries) == 1
    assert link.transact("BEGIN", insert(house, 2)) == 1
    assert numbers(house) == [2]
