"""Loads that are killed, and loads that meet: what was served is still served, and nothing is left behind."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from house import STATIONS_YML, House
from parts import wait_until

ROWS = 20_000
BAD_ROW = "x,,,,,\n"

# The quick way, and that of a file with a row that cannot be taken.
both_ways = pytest.mark.parametrize("rejects", [0, 1], ids=["as it is", "through the sieve"])


def put(house: House, rejects: int) -> None:
    """Replace the file of one row by a long one."""
    house.put_stations(ROWS)
    file = house.folder / "stations" / "stations.csv"
    house.put(file.read_text() + BAD_ROW * rejects, yml=f"{STATIONS_YML}max_rejects: {rejects}\n")


def served(house: House) -> list[tuple[object, ...]]:
    """Return version and number of rows of what is current; each version has its table, and each table its version."""
    versions = house.sql("SELECT dataset || '_v' || version FROM dataset_version ORDER BY 1")
    assert house.tables() == [name for (name,) in versions]
    return house.sql("SELECT version, rows FROM dataset_pointer JOIN dataset_version USING (version)")


def loads(house: House) -> list[tuple[object, ...]]:
    """Return for what each load waits that is in a transaction."""
    return house.sql(
        "SELECT wait_event_type FROM pg_stat_activity WHERE application_name = 'rowhouse-load' AND state <> 'idle'"
    )


@both_ways
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_killed_load_leaves_nothing_and_the_next_one_succeeds(house: House, share: float, rejects: int) -> None:
    house.put_stations(1)
    house.load()
    put(house, rejects)
    with house.stopped_load(share) as load:
        assert served(house) == [(1, 1)]
        load.send_signal(signal.SIGKILL)
        load.wait()
    wait_until(lambda: not loads(house), "PostgreSQL has seen the end of the load")
    assert served(house) == [(1, 1)]
    assert house.sql("SELECT * FROM dataset_reject") == []
    house.load()
    ((_, rows),) = served(house)
    assert (rows, len(house.tables())) == (ROWS, 2)
    assert house.sql("SELECT line FROM dataset_reject") == [(ROWS + 2,)] * rejects


def test_a_load_that_is_killed_at_the_last_step_gives_its_locks_back(house: House) -> None:
    house.put_stations(1)
    house.load()
    house.put_stations(2)
    blocker = house.connect()
    blocker.cursor().execute("LOCK dataset_pointer IN EXCLUSIVE MODE")
    load = house.start("load")
    wait_until(lambda: ("Lock",) in loads(house), "the load has only its pointer to move")
    load.kill()
    load.communicate()
    wait_until(lambda: not loads(house), "PostgreSQL has given up on the load, though its statement has not ended")
    blocker.close()
    assert served(house) == [(1, 1)]
    house.load()
    ((_, rows),) = served(house)
    assert (rows, len(house.tables())) == (2, 2)


def test_two_loads_of_one_content_make_one_version(house: House) -> None:
    house.put_stations(ROWS)
    with house.stopped_load(0.5) as first, second_load(house) as second:
        first.send_signal(signal.SIGCONT)
        outcomes = [load.communicate()[1] for load in (first, second)]
        assert [load.returncode for load in (first, second)] == [0, 0], outcomes
    assert ["Already loaded" in outcome for outcome in outcomes] == [False, True]
    assert [rows for _, rows in served(house)] == [ROWS]
    assert len(house.tables()) == 1


@pytest.mark.parametrize("killed", [False, True])
def test_of_two_loads_of_different_content_the_second_waits_and_stays(
    house: House, tmp_path_factory: pytest.TempPathFactory, killed: bool
) -> None:
    house.put_stations(ROWS)
    folder = tmp_path_factory.mktemp("other")
    other = replace(house, folder=folder, environment={**house.environment, "ROWHOUSE_DATA_DIR": str(folder)})
    other.put_stations(7)
    with house.stopped_load(0.5) as first, second_load(other) as second:
        first.send_signal(signal.SIGKILL if killed else signal.SIGCONT)
        outcomes = [load.communicate()[1] for load in (first, second)]
        assert second.returncode == 0, outcomes
    ((_, rows),) = served(house)
    assert (rows, len(house.tables())) == (7, 1 if killed else 2)


@contextmanager
def second_load(house: House) -> Iterator[subprocess.Popen[str]]:
    """Start a load beside one that stands still, and wait until it waits."""
    with house.start("load") as load:
        try:
            wait_until(lambda: ("Lock",) in loads(house), "the second load waits for the first")
            yield load
        finally:
            load.kill()
