"""How long an answer of PostgreSQL's is waited for: slow, silent, gone, or with every connection in use."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress

import pytest
from house import House
from parts import Postgres
from rowhouse.database import serving_engine
from rowhouse.errors import DatabaseAwayError, DatabaseUnavailableError
from rowhouse.link import Link
from rowhouse.watch import Watch

THREADS = 4


def use[T](house: House, work: Callable[[Link], Awaitable[T]], **settings: str) -> T:
    """Do some work with an open link that asks twice a second whether PostgreSQL is there."""
    environment = {**house.environment, **{f"ROWHOUSE_{name}": value for name, value in settings.items()}}
    link = Link(serving_engine(House(house.folder, house.schema, environment).settings), THREADS)
    watch = Watch(link, "news", lambda execute: execute("SELECT 1"))

    async def beat() -> None:
        while True:
            with suppress(DatabaseUnavailableError):
                await link.heartbeat(watch.ask)
            await asyncio.sleep(0.5)

    async def run() -> T:
        link.open()
        beating = asyncio.create_task(beat())
        try:
            await found(link)
            return await work(link)
        finally:
            beating.cancel()
            link.cut()
            await watch.close()
            link.close()

    return asyncio.run(run())


async def found(link: Link) -> None:
    """Wait until PostgreSQL is there."""
    async with asyncio.timeout(10):
        while link.unavailable:
            await asyncio.sleep(0.01)


def work_for(link: Link, seconds: float, times: int = 1) -> list[asyncio.Task[object]]:
    """Have PostgreSQL work."""
    return [
        asyncio.ensure_future(link.ask(link.fetch, "SELECT pg_sleep(%(seconds)s)", {"seconds": seconds}))
        for _ in range(times)
    ]


async def seconds_to_fail(tasks: list[asyncio.Task[object]], error: type[Exception] = DatabaseAwayError) -> float:
    """Wait for all; each must fail."""
    started = time.monotonic()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [error] * len(tasks), results
    return time.monotonic() - started


def test_every_thread_can_connect_before_it_is_asked(house: House) -> None:
    async def work(link: Link) -> None:
        connections = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user"
        # By the first that is asked, who connects for it.
        ((before,),) = await link.ask(link.fetch, connections, {})
        await link.connect_all()
        assert await link.ask(link.fetch, connections, {}) == [(before + THREADS - 1,)]

    use(house, work)


def test_threads_that_cannot_connect_do_so_later(house: House, postgres: Postgres) -> None:
    async def work(link: Link) -> None:
        postgres.stop()
        try:
            await link.connect_all()
        finally:
            postgres.start()
        await found(link)
        # No more than there are threads: on a busy machine they connect for longer than anybody stands in line.
        await asyncio.gather(*work_for(link, 0, THREADS))

    use(house, work)


@pytest.mark.parametrize("ways", [Postgres.stop, Postgres.kill])
def test_when_postgresql_ends_all_are_told_at_once(
    house: House, postgres: Postgres, ways: Callable[[Postgres], None]
) -> None:
    async def work(link: Link) -> None:
        # Two more than there are threads for stand in line, which is shorter here than the time to stop.
        running = work_for(link, 10, THREADS)
        await asyncio.sleep(0.1)
        try:
            await asyncio.to_thread(ways, postgres)
            assert await seconds_to_fail(running) < 0.2
            assert await seconds_to_fail(work_for(link, 0, 20)) < 0.2
            assert link.unavailable
        finally:
            await asyncio.to_thread(postgres.start)
        await found(link)
        await asyncio.gather(*work_for(link, 0, THREADS))

    use(house, work)


def test_the_first_to_meet_a_closed_port_tells_the_others(house: House, postgres: Postgres) -> None:
    async def work(link: Link) -> None:
        postgres.stop()
        try:
            assert link.unavailable == ""
            assert await seconds_to_fail(work_for(link, 0, 20)) < 0.2
            assert link.unavailable
        finally:
            postgres.start()

    use(house, work)


def test_a_silent_postgresql_is_away_after_a_heartbeat_and_leaves_no_thread_behind(
    house: House, postgres: Postgres
) -> None:
    async def work(link: Link) -> None:
        await asyncio.gather(*work_for(link, 0, THREADS))
        with postgres.frozen():
            first = work_for(link, 0, THREADS)
            await asyncio.sleep(0.1)
            # These find no thread free.
            assert await seconds_to_fail(work_for(link, 0, 5), DatabaseUnavailableError) < 0.3
            assert await seconds_to_fail(first) < 1.8
            assert await seconds_to_fail(work_for(link, 0, 20)) < 0.1
            # Connecting, which is what the threads are at now, has libpq's least time-out.
            await asyncio.sleep(2.5)
        await found(link)
        # The threads of the link, this one, and the heartbeat's, which asyncio may have changed once.
        assert threading.active_count() <= THREADS + 3
        started = time.monotonic()
        await asyncio.gather(*work_for(link, 0, 20))
        assert time.monotonic() - started < 1

    use(house, work)


def test_connections_that_hang_are_replaced(house: House, postgres: Postgres) -> None:
    async def work(link: Link) -> None:
        # So long that a heartbeat needs the fifth connection meanwhile.
        await asyncio.gather(*work_for(link, 0.6, THREADS))
        with postgres.frozen(with_postmaster=False):
            assert await seconds_to_fail(work_for(link, 0, THREADS)) < 1.8
            await found(link)
            await asyncio.gather(*work_for(link, 0, 20))

    use(house, work)


def test_a_silent_postgresql_does_not_hold_the_end(house: House, postgres: Postgres) -> None:
    with ExitStack() as until_the_end:

        async def work(link: Link) -> float:
            await asyncio.gather(*work_for(link, 0, THREADS))
            until_the_end.enter_context(postgres.frozen())
            work_for(link, 0, THREADS * 2)
            await asyncio.sleep(0.1)
            return time.monotonic()

        # A thread whose connection is cut tries once to connect.
        assert time.monotonic() - use(house, work) < 4


def test_a_slow_statement_is_not_away_even_when_it_is_given_up(house: House) -> None:
    async def work(link: Link) -> None:
        (slow,) = work_for(link, 10)
        with pytest.raises(DatabaseUnavailableError, match="statement timeout"):
            await slow
        assert link.unavailable == ""

    use(house, work, STATEMENT_TIMEOUT_MS="1700")


def test_a_line_that_stands_still_is_left_and_one_that_moves_is_stood_in(house: House) -> None:
    async def work(link: Link) -> None:
        slow = work_for(link, 1, THREADS)
        await asyncio.sleep(0.01)
        assert 0.15 < await seconds_to_fail(work_for(link, 0, 3), DatabaseUnavailableError) < 0.4
        assert link.unavailable == ""
        await asyncio.gather(*slow)
        # Ten times as many as there are threads: the last ones wait for 0.5 s.
        await asyncio.gather(*work_for(link, 0.05, THREADS * 10))

    use(house, work)


def test_a_client_that_goes_away_leaves_the_line(house: House) -> None:
    async def work(link: Link) -> None:
        slow = work_for(link, 0.3, THREADS)
        await asyncio.sleep(0.01)
        (last,) = work_for(link, 10)
        await asyncio.sleep(0.01)
        last.cancel()
        with pytest.raises(asyncio.CancelledError):
            await last
        await asyncio.gather(*slow)
        started = time.monotonic()
        await asyncio.gather(*work_for(link, 0, THREADS))
        assert time.monotonic() - started < 0.2

    use(house, work)


def test_a_mistake_in_a_statement_is_not_away(house: House) -> None:
    async def work(link: Link) -> None:
        for statement in ("SELECT 1/0", "nonsense", "CREATE TABLE x ()"):
            with suppress(DatabaseUnavailableError):
                await link.ask(link.fetch, statement, {})
        assert link.unavailable == ""

    use(house, work)


@pytest.mark.timeout(60)
def test_an_event_loop_that_ends_takes_no_answer_from_the_thread_that_asks(house: House) -> None:
    for turn in range(50):
        link = Link(serving_engine(house.settings), THREADS)
        watch = Watch(link, "news", lambda execute: execute("SELECT 1"))

        async def run(link: Link = link, watch: Watch = watch, seconds: float = 0.03 + turn / 10_000) -> None:
            async def ask() -> None:
                while True:
                    await link.heartbeat(watch.ask)

            link.open()
            asking = asyncio.create_task(ask())
            await asyncio.sleep(seconds)
            asking.cancel()

        asyncio.run(run())
        link.close()
