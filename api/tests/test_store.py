"""Versions and rows as the store reads them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import orjson
import pytest
from house import HEADER, STATIONS_YML, House, json_page
from parts import Postgres
from rowhouse.catalog import Catalog
from rowhouse.database import serving_engine
from rowhouse.errors import DatabaseUnavailableError, NotLoadedError, VersionGoneError
from rowhouse.parameters import parse_query
from rowhouse.query import Query
from rowhouse.store import Store


def use[T](house: House, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do some work with an open store of the house."""

    async def run() -> T:
        store = Store(serving_engine(house.settings), Catalog(house.schema), house.datasets, threads=2)
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def walk(store: Store, house: House, limit: int) -> list[int]:
    """Return the keys of all rows, page by page."""
    (dataset,) = house.datasets
    version = store.version(dataset)
    query = Query(dataset, limit=limit)
    keys: list[int] = []
    while True:
        page = await json_page(store, version, query)
        rows = orjson.loads(page.data)
        assert len(rows) == page.count <= limit
        keys += [row["id"] for row in rows]
        if page.next is None:
            return keys
        assert page.next.version == version.number
        assert page.next != query.cursor
        query = replace(query, cursor=page.next)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7])
def test_walking_gives_each_row_once_in_the_order_of_the_key(house: House, count: int) -> None:
    keys = [(i * 7919) % 1009 - 500 for i in range(count)]
    house.put(HEADER + "".join(f"{key},,,,,\n" for key in keys))
    house.load()

    async def work(store: Store) -> list[list[int]]:
        return [await walk(store, house, limit) for limit in (1, 2, 3, 6, 10)]

    assert use(house, work) == [sorted(keys)] * 5


def test_a_text_key_with_everything_in_it(house: House) -> None:
    keys = ["a", "B", "ä", "a b", "a,b", 'a"b', "%s", "%(limit)s", "\\", "", "10", "9"]
    quoted = ['"' + key.replace('"', '""') + '"' for key in keys]
    house.put("id\n" + "\n".join(quoted) + "\n", yml=STATIONS_YML.partition("  name")[0].replace("integer", "text"))
    house.load()
    assert sorted(map(str, use(house, lambda store: walk(store, house, 5)))) == sorted(keys)


def test_values_are_json(house: House) -> None:
    house.put(HEADER + '1,"ä""\n",0.1,2025-12-31,2025-01-01 01:00:00.5+01,false\n2,,1e300,,,\n')
    house.load()

    async def work(store: Store) -> list[object]:
        (dataset,) = house.datasets
        rows = [await store.row(dataset, store.version(dataset), key) for key in (1, 2, 3)]
        return [row and orjson.loads(row) for row in rows]

    first = {
        "id": 1,
        "name": 'ä"\n',
        "height": 0.1,
        "opened": "2025-12-31",
        "seen": "2025-01-01T00:00:00.500000Z",
        "open": False,
    }
    second = {"id": 2, "name": None, "height": 1e300, "opened": None, "seen": None, "open": None}
    assert use(house, work) == [first, second, None]


def test_before_the_first_load(house: House) -> None:
    house.put_stations(1)

    async def work(store: Store) -> None:
        assert store.unavailable == ""
        with pytest.raises(NotLoadedError, match="no version of stations is loaded yet"):
            store.version(house.datasets[0])

    use(house, work)


def test_a_new_version_is_seen_within_a_second_and_the_old_one_can_still_be_read(house: House) -> None:
    house.put_stations(2)
    house.load()

    async def work(store: Store) -> None:
        (dataset,) = house.datasets
        old = store.version(dataset)
        house.put_stations(3)
        await asyncio.to_thread(house.load)
        async with asyncio.timeout(1):
            while store.version(dataset).number == old.number:
                await asyncio.sleep(0.01)
        assert (old.rows, store.version(dataset).rows) == (2, 3)
        assert store.version(dataset, old.number) == old
        assert (await json_page(store, old, Query(dataset))).count == 2

    use(house, work)


def test_another_schema_has_another_version(house: House) -> None:
    house.put_stations(1)
    house.load()
    house.put("id\n1\n2\n", yml=STATIONS_YML.partition("  name")[0])

    async def work(store: Store) -> None:
        with pytest.raises(NotLoadedError):
            store.version(house.datasets[0])
        with pytest.raises(VersionGoneError):
            store.version(house.datasets[0], 1)

    use(house, work)


def test_a_version_dropped_behind_the_stores_back(house: House) -> None:
    house.put_stations(1)
    house.load()

    async def work(store: Store) -> None:
        (dataset,) = house.datasets
        version = store.version(dataset)
        house.sql("DROP TABLE stations_v1")
        with pytest.raises(VersionGoneError):
            await json_page(store, version, Query(dataset))

    use(house, work)


def test_postgresql_away_and_back(house: House, postgres: Postgres) -> None:
    house.put_stations(1)
    house.load()

    async def work(store: Store) -> None:
        (dataset,) = house.datasets
        version = store.version(dataset)
        postgres.stop()
        try:
            with pytest.raises(DatabaseUnavailableError):
                await json_page(store, version, Query(dataset))
            await store.refresh()
            assert "refused" in store.unavailable
            assert store.version(dataset) == version
        finally:
            postgres.start()
        await store.refresh()
        assert store.unavailable == ""
        assert (await json_page(store, version, Query(dataset))).count == 1

    use(house, work)


def test_a_restart_of_postgresql_costs_no_request(house: House, postgres: Postgres) -> None:
    house.put_stations(1)
    house.load()

    async def work(store: Store) -> None:
        (dataset,) = house.datasets
        version = store.version(dataset)
        # Then every thread's connection is dead, and not only that of the one who is asked first.
        postgres.stop()
        postgres.start()
        assert (await json_page(store, version, Query(dataset))).count == 1

    use(house, work)


def test_a_statement_that_takes_too_long_is_given_up(house: House) -> None:
    house.put_stations(1)
    house.load()
    holder = house.connect()
    holder.cursor().execute("LOCK stations_v1")
    hurried = House(house.folder, house.schema, {**house.environment, "ROWHOUSE_STATEMENT_TIMEOUT_MS": "100"})

    async def work(store: Store) -> None:
        (dataset,) = house.datasets
        # Counting takes its time too, while the row of a page is at hand.
        for query in (Query(dataset), parse_query(dataset, "id__gt=0&count=exact")):
            with pytest.raises(DatabaseUnavailableError, match="statement timeout"):
                await json_page(store, store.version(dataset), query)

    use(hurried, work)
    holder.close()
