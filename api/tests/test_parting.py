"""Batches of which PostgreSQL refuses rows: what is taken, what is handed back, and that nothing is lost."""

from collections.abc import Iterator

import pytest
from house import STATIONS_YML, House
from rowhouse.catalog import Catalog
from rowhouse.database import loading_engine
from rowhouse.opening import Record
from rowhouse.parting import Parting
from rowhouse.shaping import Shape
from sqlalchemy import Connection, text

YML = STATIONS_YML.replace("{type: text}", "{type: text, pattern: '[^x]*'}").partition("  height")[0]


@pytest.fixture
def connection(house: House) -> Iterator[Connection]:
    """An open transaction, in which there is an empty table for two columns and lines."""
    house.put("id,name\n", yml=YML)
    house.loader()
    with loading_engine(house.settings).connect() as connection:
        table = Catalog(house.schema).table(house.datasets[0], 1)
        shape = Shape(connection, house.datasets[0], table)
        shape.create()
        shape.add_lines()
        yield connection


def parted(house: House, connection: Connection, *batches: list[bytes]) -> tuple[list[int], list[int]]:
    """Return the lines of what was taken, and of what was not."""
    parting = Parting(connection, Catalog(house.schema).table(house.datasets[0], 1), ("id", "name"))
    made: list[list[Record]] = []
    line = 2
    for fields in batches:
        made.append([])
        for raw in fields:
            made[-1].append(Record(line, raw, raw, "is known to be bad" if raw == b"fault" else ""))
            line += raw.count(b"\n") + 1
    refused = [record.line for record in parting.refused(made)]
    taken = list(connection.scalars(text(f"SELECT _line FROM {house.schema}.stations_v1 ORDER BY 1")))
    assert parting.taken == len(taken)
    assert sorted([*taken, *refused]) == [record.line for batch in made for record in batch]
    return taken, refused


@pytest.mark.parametrize(
    "bad", [b"y,a", b"3,ax", b",a", b"3", b"3,a,b", b"3,\xff", b"3,\0", b"", b"\\.", b"99999999999999999999,a"]
)
def test_only_the_row_that_is_refused_is_handed_back(house: House, connection: Connection, bad: bytes) -> None:
    rows = [b"1,a", b'2,"two\nlines"', b"4,\\.", b"5,\xc3\xa4"]
    for place in range(len(rows) + 1):
        connection.execute(text(f"TRUNCATE {house.schema}.stations_v1"))
        _, refused = parted(house, connection, [*rows[:place], bad, *rows[place:]])
        assert refused == [2 + place + (place > 1)]


def test_a_batch_with_many_is_given_up_and_the_next_one_is_tried(house: House, connection: Connection) -> None:
    bad = [b"%d,x" % i for i in range(100)]
    taken, refused = parted(house, connection, bad + [b"1,a"] * 100, [b"1,a", b"2,x", b"fault", b"1,a"])
    assert (taken, refused) == ([202, 205], [*range(2, 202), 204, 203])


def test_a_server_that_names_no_line_loses_no_row(
    house: House, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rowhouse.parting._place", lambda part, _line: len(part) - 1)
    taken, refused = parted(house, connection, [b"1,a", b"2,x", b"3,a", b"4,a"])
    assert 3 in refused
    assert taken
