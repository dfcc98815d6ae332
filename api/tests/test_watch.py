"""New versions become known in every process: announced, or found by asking."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg2
import pytest
import uvloop
from house import House
from parts import wait_until
from rowhouse import versions as versions_module
from rowhouse.access.keys import Keys
from rowhouse.access.token import Token
from rowhouse.catalog import Catalog
from rowhouse.database import serving_engine
from rowhouse.problems import InvalidApiKeyProblem
from rowhouse.store import Store

STORES = 5


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest, house: House) -> Callable[[Callable[[list[Store]], Awaitable[None]]], None]:
    """Run some work with several open stores that know one version with one row."""
    house.put_stations(1)
    house.load()

    async def main(work: Callable[[list[Store]], Awaitable[None]]) -> None:
        async with AsyncExitStack() as stack:
            await work([await stack.enter_async_context(opened(house)) for _ in range(STORES)])

    def run(work: Callable[[list[Store]], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(main(work))

    return run


@asynccontextmanager
async def opened(house: House) -> AsyncIterator[Store]:
    store = Store(serving_engine(house.settings), Catalog(house.schema), house.datasets, threads=1)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def known(house: House, stores: list[Store], rows: int, seconds: float) -> None:
    """Wait until every store knows the version with so many rows."""
    async with asyncio.timeout(seconds):
        while any(store.version(house.datasets[0]).rows != rows for store in stores):
            await asyncio.sleep(0.01)


def never_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "_POLL_SECONDS", 600)


type Run = Callable[[Callable[[list[Store]], Awaitable[None]]], None]


def test_every_store_hears_of_a_load_within_a_second(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    never_ask(monkeypatch)

    async def work(stores: list[Store]) -> None:
        for rows in (2, 3, 2):
            house.put_stations(rows)
            await asyncio.to_thread(house.load)
            await known(house, stores, rows, seconds=1)

    run(work)


def test_every_process_hears_of_a_changed_key_within_a_second(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    never_ask(monkeypatch)
    registry, token = house.registry(), Token.make()

    async def work() -> None:
        engine, catalog = serving_engine(house.settings), Catalog(house.schema)
        keys = Keys(catalog, engine.dialect)
        store = Store(engine, catalog, house.datasets, threads=1, beside=[keys])
        await store.open()
        try:
            for change, is_valid in (
                (lambda: registry.add(token.id, "Somebody", token.digest, ["*:read"], None), True),
                (lambda: registry.revoke(token.id), False),
            ):
                await asyncio.to_thread(change)
                async with asyncio.timeout(1):
                    while is_known(keys, token) != is_valid:
                        await asyncio.sleep(0.01)
        finally:
            await store.close()

    house.put_stations(1)
    asyncio.run(work())


def is_known(keys: Keys, token: Token) -> bool:
    try:
        return keys.find(token.text).id == token.id
    except InvalidApiKeyProblem:
        return False


def test_a_lost_connection_is_noticed_and_replaced(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    never_ask(monkeypatch)

    async def work(stores: list[Store]) -> None:
        # The rows are changed where nobody announces it: only asking anew finds them.
        house.sql("UPDATE dataset_version SET rows = 5")
        house.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rowhouse-api'")
        await known(house, stores, 5, seconds=5)
        house.put_stations(2)
        await asyncio.to_thread(house.load)
        await known(house, stores, 2, seconds=5)

    run(work)


def test_what_is_not_announced_is_found_by_asking(house: House, run: Run) -> None:
    async def work(stores: list[Store]) -> None:
        house.sql("UPDATE dataset_version SET rows = 5")
        await known(house, stores, 5, seconds=5)

    run(work)


async def give_up_waiting(house: House, stores: list[Store]) -> psycopg2.extensions.connection:
    """Cancel a refresh of each store; what is returned holds the lock for which its thread goes on to wait."""
    holder = house.connect()
    holder.cursor().execute("LOCK dataset_version")
    for store in stores:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await store.refresh()
    return holder


def test_whoever_gives_up_waiting_leaves_a_watch_that_works(house: House, run: Run) -> None:
    async def work(stores: list[Store]) -> None:
        (await give_up_waiting(house, stores)).close()
        house.put_stations(2)
        await asyncio.to_thread(house.load)
        await known(house, stores, 2, seconds=5)

    run(work)


def test_no_connection_outlives_its_store(house: House, run: Run) -> None:
    async def work(stores: list[Store]) -> None:
        holder = await give_up_waiting(house, stores)
        asyncio.get_running_loop().call_later(0.2, holder.close)

    run(work)
    connections = "SELECT FROM pg_stat_activity WHERE application_name = 'rowhouse-api'"
    wait_until(lambda: house.sql(connections) == [], "every connection is closed")
