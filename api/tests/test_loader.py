"""Loading: what becomes of versions and pointers, also when loads fail, are killed or meet."""

import os
import time

import pytest
from house import HEADER, STATIONS_YML, House
from rowhouse.errors import LoadError
from rowhouse.loader import Outcome

POINTERS = "SELECT dataset, version, schema_hash FROM dataset_pointer"


def test_loads_every_row_as_it_is(house: House) -> None:
    house.put(HEADER + '2,"a, ""b""\nc",1.5,2025-02-28,2025-01-01T12:00:00+01:00,true\n1,,,,,\n')
    house.load()
    rows = house.sql(
        "SELECT id, name, height, opened::text, seen AT TIME ZONE 'UTC' = '2025-01-01 11:00', open FROM stations_v1"
    )
    assert rows == [(2, 'a, "b"\nc', 1.5, "2025-02-28", True, True), (1, None, None, None, None, None)]
    assert house.sql("SELECT rows FROM dataset_version") == [(2,)]


def test_same_content_is_not_loaded_again(house: House) -> None:
    house.put_stations(3)
    house.load()
    before = house.sql("SELECT * FROM dataset_pointer")
    house.load()
    assert house.sql("SELECT * FROM dataset_pointer") == before
    assert house.tables() == ["stations_v1"]


def test_content_that_is_kept_becomes_current_again(house: House) -> None:
    for count in (1, 2, 1):
        house.put_stations(count)
        house.load()
    assert house.sql("SELECT version FROM dataset_pointer") == [(1,)]
    assert house.tables() == ["stations_v1", "stations_v2"]


def test_the_three_versions_that_were_current_last_are_kept(house: House) -> None:
    for count in (1, 2, 3, 1, 4):
        house.put_stations(count)
        house.load()
    assert house.tables() == ["stations_v1", "stations_v3", "stations_v4"]
    assert house.sql("SELECT version FROM dataset_version ORDER BY 1") == [(1,), (3,), (4,)]


def test_a_version_that_is_read_outlives_its_turn(house: House) -> None:
    for count in (1, 2, 3):
        house.put_stations(count)
        house.load()
    reader = house.connect()
    reader.cursor().execute("SELECT * FROM stations_v1")
    house.put_stations(4)
    house.load()
    assert "stations_v1" in house.tables()
    reader.close()
    house.load()
    assert house.tables() == ["stations_v2", "stations_v3", "stations_v4"]


def test_each_schema_has_its_own_pointer(house: House) -> None:
    house.put_stations(2)
    house.load()
    old = house.datasets[0]
    house.put("id,name\n1,a\n", yml=STATIONS_YML.partition("  height")[0])
    house.load()
    new = house.datasets[0]
    assert sorted(house.sql(POINTERS)) == [("stations", 1, old.schema_hash), ("stations", 2, new.schema_hash)]


@pytest.mark.parametrize("rows", ["1,a,x,,,\n", "1,,,,,\n1,,,,,\n", ""])
def test_a_failed_load_changes_nothing(house: House, rows: str) -> None:
    house.put_stations(2)
    house.load()
    before = house.sql("SELECT * FROM dataset_pointer, dataset_version")
    house.put(HEADER + rows)
    with pytest.raises(LoadError):
        house.load()
    assert house.sql("SELECT * FROM dataset_pointer, dataset_version") == before
    assert house.tables() == ["stations_v1"]


def test_the_schema_may_belong_to_a_role_without_more_rights(house: House) -> None:
    house.sql(
        f"CREATE ROLE owner_of_{house.schema} LOGIN; CREATE SCHEMA {house.schema} AUTHORIZATION owner_of_{house.schema}"
    )
    house.put_stations(1)
    done = house.run("load", DATABASE_USER=f"owner_of_{house.schema}")
    assert done.returncode == 0, done.stderr


def test_a_role_without_rights_is_told_so(house: House) -> None:
    house.put_stations(1)
    done = house.run("load", DATABASE_USER="reader")
    assert done.returncode == os.EX_TEMPFAIL
    assert "permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_load_waits_for_postgresql_until_its_deadline(house: House) -> None:
    house.put_stations(1)
    started = time.monotonic()
    done = house.run("load", DATABASE_PORT="1", DATABASE_WAIT_SECONDS="2")
    assert done.returncode == os.EX_TEMPFAIL
    assert 2 <= time.monotonic() - started < 6
    assert "Waiting for PostgreSQL, 0 of 2 s" in done.stderr
    assert "did not answer within 2 s" in done.stderr


def test_a_dry_run_tells_what_a_load_would_make_and_makes_nothing(house: House) -> None:
    house.put_stations(3)
    house.load()
    state = "SELECT * FROM dataset_pointer, dataset_version"
    before = house.sql(state), house.tables()
    house.put(HEADER + "1,a,,,,\n2,b,,,,\nx,c,,,,\n", yml=f"{STATIONS_YML}max_rejects: 1\n")
    (changed,) = house.datasets
    assert house.loader().load(changed, dry_run=True) == Outcome("stations", 3, 2, 1, is_loaded=True)
    assert (house.sql(state), house.tables()) == before
    assert house.sql("SELECT * FROM dataset_reject") == []
    house.put_stations(3)
    (same,) = house.datasets
    assert house.loader().load(same, dry_run=True) == Outcome("stations", 3, 3, 0, is_loaded=False)
    assert (house.sql(state), house.tables()) == before
