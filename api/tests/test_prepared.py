"""Statements that are kept ready on a connection."""

import pytest
from house import House
from parts import Postgres
from rowhouse.database import serving_engine
from rowhouse.errors import VersionGoneError
from rowhouse.link import Link

KEPT = 64


@pytest.fixture
def link(house: House) -> Link:
    return Link(serving_engine(house.settings), 1)


def ready(link: Link) -> int:
    ((count,),) = link.fetch("SELECT count(*) FROM pg_prepared_statements", {})
    return int(count)


def test_it_is_prepared_once_for_all_values_and_for_no_more_statements_than_are_kept(link: Link) -> None:
    for i in range(KEPT + 3):
        text = f"SELECT CAST(%(b)s AS text), CAST(%(a)s AS bigint) + {i}, CAST(%(b)s AS text)"
        for value in ("x", "%s", "'; \\ %(a)s", None):
            assert link.fetch_prepared(text, {"a": 1, "b": value, "left over": 7}) == [(value, i + 1, value)]
        assert ready(link) == i % KEPT + 1


def test_a_restart_of_postgresql_is_not_noticed(link: Link, postgres: Postgres) -> None:
    for _ in range(2):
        assert link.fetch_prepared("SELECT CAST(%(a)s AS bigint)", {"a": 1}) == [(1,)]
        postgres.stop()
        postgres.start()
    assert ready(link) == 0


def test_a_table_that_is_dropped(link: Link, house: House) -> None:
    house.sql(f"CREATE SCHEMA {house.schema}")
    text = f"SELECT a FROM {house.schema}.t WHERE a = %(a)s"
    with pytest.raises(VersionGoneError):
        link.fetch_prepared(text, {"a": 1})
    house.sql("CREATE TABLE t AS SELECT 1 AS a")
    assert link.fetch_prepared(text, {"a": 1}) == [(1,)]
    house.sql("DROP TABLE t")
    with pytest.raises(VersionGoneError):
        link.fetch_prepared(text, {"a": 1})
