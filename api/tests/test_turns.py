"""Several processes and one cold key, on a real Redis with real faults: one makes it, and nobody waits for the dead."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import pytest
from parts import Redis
from redis import Redis as Client
from rowhouse.cache import Entry, Verdict
from rowhouse.errors import DatabaseUnavailableError
from rowhouse.redis_cache import RedisCache
from rowhouse.redis_link import Failure, RedisLink

# Redis has 50 ms, which a machine that is busy with other tests may take.
pytestmark = pytest.mark.alone

HIT, MISS, BYPASS = Verdict.HIT, Verdict.MISS, Verdict.BYPASS
# What a request may spend on Redis: more than a busy machine makes it wait for its turn to run.
SECONDS = 1
TURN = "rowhouse:a:turn"


class Process:
    """A cache on the shared Redis, as each process has one."""

    def __init__(self, port: int, patience: float = 10) -> None:
        self.made = 0
        self.failures = Counter[Failure]()
        link = RedisLink("127.0.0.1", port, "throw-away", lambda failure: self.failures.update([failure]), SECONDS)
        self.cache = RedisCache(link, 60, patience)

    async def fetch(self, seconds: float = 0, error: Exception | None = None) -> Verdict:
        """Fetch what takes so long to make, or to fail."""

        async def make() -> Entry:
            self.made += 1
            await asyncio.sleep(seconds)
            if error:
                raise error
            return Entry(b"body")

        entry, verdict = await self.cache.fetch("a", make)
        assert entry == Entry(b"body")
        return verdict


@pytest.fixture
def processes(redis: Redis, redis_client: Client) -> list[Process]:  # noqa: ARG001 - emptied before
    """Return ten."""
    return [Process(redis.port) for _ in range(10)]


async def wait_for_turn(redis_client: Client) -> None:
    async with asyncio.timeout(5):
        while not redis_client.exists(TURN):
            await asyncio.sleep(0.001)


def test_one_of_ten_makes_it_and_the_turn_ends_with_it(processes: list[Process], redis_client: Client) -> None:
    async def work() -> list[Verdict]:
        return await asyncio.gather(*(process.fetch(0.2) for process in processes))

    assert Counter(asyncio.run(work())) == {MISS: 1, HIT: 9}
    assert sum(process.made for process in processes) == 1
    assert not redis_client.exists(TURN)
    assert not any(process.failures for process in processes)


def test_when_it_fails_the_next_one_tries_at_once(processes: list[Process]) -> None:
    first, *others = processes[:4]

    async def work() -> float:
        failing = asyncio.create_task(first.fetch(0.1, DatabaseUnavailableError("gave up")))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        verdicts = await asyncio.gather(*(process.fetch(0.1) for process in others))
        with pytest.raises(DatabaseUnavailableError):
            await failing
        assert Counter(verdicts) == {MISS: 1, HIT: 2}
        return time.monotonic() - started

    assert asyncio.run(work()) < 1
    assert [first.made, sum(process.made for process in others)] == [1, 1]


def test_who_was_killed_is_waited_for_no_longer_than_its_turn(processes: list[Process], redis_client: Client) -> None:
    # What a process leaves behind that is killed as soon as it has its turn.
    redis_client.set(TURN, "of somebody killed", px=300)

    async def work() -> list[Verdict]:
        return await asyncio.gather(*(process.fetch(0.05) for process in processes))

    started = time.monotonic()
    assert Counter(asyncio.run(work())) == {MISS: 1, HIT: 9}
    assert 0.2 < time.monotonic() - started < 2


def test_one_who_takes_longer_than_a_turn_keeps_it(processes: list[Process], redis_client: Client) -> None:
    async def work() -> list[Verdict]:
        return await asyncio.gather(*(process.fetch(3) for process in processes))

    assert Counter(asyncio.run(work())) == {MISS: 1, HIT: 9}
    assert not redis_client.exists(TURN)


def test_patience_has_an_end(redis: Redis, redis_client: Client) -> None:
    slow, impatient = Process(redis.port), Process(redis.port, 0.3)

    async def work() -> None:
        making = asyncio.create_task(slow.fetch(1))
        await wait_for_turn(redis_client)
        started = time.monotonic()
        assert await impatient.fetch() is MISS
        assert 0.25 < time.monotonic() - started < 0.9
        assert await making is MISS

    asyncio.run(work())


@pytest.mark.parametrize(
    "put",
    [
        lambda redis_client: redis_client.lpush(TURN, "junk"),
        lambda redis_client: redis_client.set(TURN, "junk"),
        lambda redis_client: redis_client.set(TURN, "junk", ex=1000),
    ],
    ids=["list", "for ever", "for long"],
)
def test_junk_in_place_of_a_turn_is_not_waited_for(
    processes: list[Process], redis_client: Client, put: Callable[[Client], object]
) -> None:
    put(redis_client)
    started = time.monotonic()
    assert asyncio.run(processes[0].fetch()) is MISS
    assert time.monotonic() - started < 1
    assert asyncio.run(processes[1].fetch()) is HIT
    assert not processes[0].failures


def test_nobody_frees_the_turn_of_somebody_else(processes: list[Process], redis_client: Client) -> None:
    async def work(error: Exception | None) -> None:
        redis_client.flushall()
        making = asyncio.create_task(processes[0].fetch(0.1, error))
        await wait_for_turn(redis_client)
        redis_client.set(TURN, "of somebody else", px=5000)
        await asyncio.gather(making, return_exceptions=True)

    async def both() -> None:
        for error in (None, LookupError()):
            await work(error)
            assert redis_client.get(TURN) == b"of somebody else"

    asyncio.run(both())


def test_a_turn_that_became_junk_is_no_failure(processes: list[Process], redis_client: Client) -> None:
    async def work() -> Verdict:
        making = asyncio.create_task(processes[0].fetch(0.1))
        await wait_for_turn(redis_client)
        redis_client.delete(TURN)
        redis_client.lpush(TURN, "junk")
        return await making

    assert asyncio.run(work()) is MISS
    assert not processes[0].failures
    assert asyncio.run(processes[1].fetch()) is HIT


def test_when_redis_is_killed_those_who_wait_make_it_themselves(
    processes: list[Process], redis_client: Client, redis: Redis
) -> None:
    first, *others = processes

    async def work() -> None:
        making = asyncio.create_task(first.fetch(1))
        await wait_for_turn(redis_client)
        waiting = [asyncio.create_task(process.fetch()) for process in others]
        await asyncio.sleep(0.2)
        assert sum(process.made for process in others) == 0
        redis.stop()
        try:
            started = time.monotonic()
            assert set(await asyncio.gather(*waiting)) == {MISS}
            assert time.monotonic() - started < 0.5
            assert await making is MISS
        finally:
            redis.start()

    asyncio.run(work())
    assert [process.made for process in processes] == [1] * 10


def test_a_redis_that_falls_silent_holds_those_who_wait_one_time_out(
    processes: list[Process], redis_client: Client
) -> None:
    async def work() -> float:
        making = asyncio.create_task(processes[0].fetch(3))
        await wait_for_turn(redis_client)
        waiting = asyncio.create_task(processes[1].fetch())
        await asyncio.sleep(0.1)
        redis_client.client_pause(3000)
        started = time.monotonic()
        assert await waiting is MISS
        seconds = time.monotonic() - started
        assert await making is MISS
        return seconds

    assert asyncio.run(work()) < 2
    assert processes[1].failures == {Failure.TIMEOUT: 1}
    redis_client.client_unpause()


def test_junk_in_the_entry_is_made_anew_once(processes: list[Process], redis_client: Client) -> None:
    redis_client.set("rowhouse:a", b"junk")

    async def work() -> list[Verdict]:
        return await asyncio.gather(*(process.fetch(0.2) for process in processes))

    assert Counter(asyncio.run(work())) == {MISS: 1, HIT: 9}
    assert {tuple(process.failures.items()) for process in processes} == {((Failure.JUNK, 1),)}
