"""The cache in Redis against a real Redis with real faults: the answer always comes, soon, and is that of its key."""

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from parts import Redis, free_port
from redis import Redis as Client
from rowhouse.cache import Entry, Verdict
from rowhouse.errors import DatabaseUnavailableError
from rowhouse.redis_cache import RedisCache
from rowhouse.redis_link import Failure, RedisLink

# Redis has 50 ms, which a machine that is busy with other tests may take.
pytestmark = pytest.mark.alone

HIT, MISS, BYPASS = Verdict.HIT, Verdict.MISS, Verdict.BYPASS
# After a failure, when Redis is tried again.
PAUSE = 1.1


class Tried:
    """A cache, what it counted, and answers that tell their key."""

    def __init__(self, port: int, password: str = "throw-away") -> None:
        self.failures: Counter[Failure] = Counter()
        link = RedisLink("127.0.0.1", port, password, lambda failure: self.failures.update([failure]))
        self.cache = RedisCache(link, 60, 5)

    async def fetch(self, *keys: str) -> list[Verdict]:
        """Fetch at the same time; every answer must be that of its key."""

        async def one(key: str) -> Verdict:
            async def make() -> Entry:
                return entry(key)

            answer, verdict = await self.cache.fetch(key, make)
            assert answer == entry(key)
            return verdict

        return await asyncio.gather(*map(one, keys))


def entry(key: str) -> Entry:
    # Not now: names of tests are made of it, and must be the same in every process.
    return Entry(f'{{"data": "\n{key}"}}'.encode(), f"/next?key={key}", made=1234)


def run[T](tried: Tried, work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end, then close the cache."""

    async def whole() -> T:
        try:
            return await work()
        finally:
            await tried.cache.close()

    return asyncio.run(whole())


def fetch(tried: Tried, *keys: str) -> list[Verdict]:
    """Fetch one after the other."""

    async def work() -> list[Verdict]:
        return [(await tried.fetch(key))[0] for key in keys]

    return run(tried, work)


@pytest.fixture
def tried(redis: Redis, redis_client: Client) -> Tried:  # noqa: ARG001 - emptied before
    """Return a cache in it."""
    return Tried(redis.port)


def test_miss_then_hit_in_any_process_until_it_expires(tried: Tried, redis: Redis, redis_client: Client) -> None:
    assert fetch(tried, "a", "a", "b") == [MISS, HIT, MISS]
    assert fetch(Tried(redis.port), "a") == [HIT]
    assert 0 < int(str(redis_client.ttl("rowhouse:a"))) <= 60
    assert not tried.failures


def test_an_entry_tells_when_it_was_made(tried: Tried) -> None:
    async def work() -> Entry:
        async def make() -> Entry:
            return Entry(b"", made=1234)

        await tried.cache.fetch("a", make)
        return (await tried.cache.fetch("a", make))[0]

    assert run(tried, work).made == 1234


def test_what_cannot_be_made_is_raised_and_not_kept(tried: Tried, redis_client: Client) -> None:
    async def fail() -> Entry:
        raise LookupError

    with pytest.raises(LookupError):
        run(tried, lambda: tried.cache.fetch("a", fail))
    assert redis_client.exists("rowhouse:a") == 0


WHOLE = entry("a").to_bytes("a")
MARK = WHOLE.partition(b" /next")[0]


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"junk",
        b"\xff\n\n",
        os.urandom(1000),
        WHOLE[:-1],
        WHOLE[:20],
        WHOLE + b"more",
        MARK,
        MARK + b" \xff\n{}",
        MARK.replace(b"rowhouse 3", b"rowhouse 2") + b" \n{}",
        b" ".join(MARK.split()[:3]) + b" now 2 0 \n{}",
        b" ".join(MARK.split()[:4]) + b" 2 maybe \n{}",
        entry("b").to_bytes("b"),
    ],
)
def test_junk_is_a_miss_and_is_replaced(tried: Tried, redis_client: Client, junk: bytes) -> None:
    redis_client.set("rowhouse:a", junk)
    assert fetch(tried, "a", "a") == [MISS, HIT]
    assert tried.failures == {Failure.JUNK: 1}


def test_a_value_of_another_type_is_junk_too(tried: Tried, redis_client: Client) -> None:
    redis_client.lpush("rowhouse:a", "list")
    assert fetch(tried, "a", "a") == [MISS, HIT]
    assert tried.failures == {Failure.JUNK: 1}


def test_a_redis_that_was_emptied_is_filled_again(tried: Tried, redis_client: Client) -> None:
    async def work() -> list[Verdict]:
        before = await tried.fetch("a")
        redis_client.flushall()
        return [*before, *await tried.fetch("a"), *await tried.fetch("a")]

    assert run(tried, work) == [MISS, MISS, HIT]
    assert not tried.failures


def test_a_redis_that_is_full_is_still_read(tried: Tried, redis_client: Client) -> None:
    async def work() -> list[Verdict]:
        verdicts = await tried.fetch("a")
        redis_client.config_set("maxmemory", 1)
        for key in "babaca":
            verdicts += await tried.fetch(key)
        assert tried.failures == {Failure.FULL: 1}
        redis_client.config_set("maxmemory", 0)
        await asyncio.sleep(PAUSE)
        return verdicts + await tried.fetch("b") + await tried.fetch("b")

    try:
        assert run(tried, work) == [MISS, MISS, HIT, MISS, HIT, MISS, HIT, MISS, HIT]
    finally:
        redis_client.config_set("maxmemory", 0)


def test_a_wrong_password_is_a_bypass(redis: Redis) -> None:
    tried = Tried(redis.port, "wrong")
    assert fetch(tried, "a", "a") == [BYPASS, BYPASS]
    assert tried.failures == {Failure.CONNECTION: 1}


def test_no_redis_is_a_bypass() -> None:
    tried = Tried(free_port())
    assert fetch(tried, "a", "a") == [BYPASS, BYPASS]
    assert tried.failures == {Failure.CONNECTION: 1}


def test_a_connection_that_is_never_answered_costs_one_time_out_and_then_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        tried = Tried(silent.getsockname()[1])
        started = time.monotonic()
        assert fetch(tried, *"abcdefghij") == [BYPASS] * 10
        assert 0.05 <= time.monotonic() - started < 0.15
        assert tried.failures == {Failure.TIMEOUT: 1}


def test_a_slow_redis_holds_one_request_a_second_and_late_answers_are_nobodys(
    tried: Tried, redis_client: Client
) -> None:
    async def waited(key: str) -> tuple[Verdict, bool]:
        started = time.monotonic()
        (verdict,) = await tried.fetch(key)
        seconds = time.monotonic() - started
        assert seconds < 0.15
        return verdict, seconds > 0.04

    async def work() -> None:
        keys = [f"{i}" for i in range(20)]
        assert set(await tried.fetch(*keys)) == {MISS}
        redis_client.client_pause(2500)
        slow = []
        for _ in range(2):
            slow += await asyncio.gather(*map(waited, keys))
            slow += await asyncio.gather(*map(waited, keys))
            await asyncio.sleep(PAUSE)
        assert {verdict for verdict, _ in slow} == {BYPASS}
        # The first sixteen were under way and the others waited for them; a second later it was one.
        assert [was_held for _, was_held in slow].count(True) == 21
        assert tried.failures[Failure.TIMEOUT] == 17
        redis_client.client_unpause()
        await asyncio.sleep(PAUSE)
        assert set(await tried.fetch("0")) == {HIT}
        assert set(await tried.fetch(*keys)) == {HIT}

    run(tried, work)


def test_a_cache_that_is_left_alone_is_asked_again_when_postgresql_is_away(tried: Tried, redis_client: Client) -> None:
    async def fail() -> Entry:
        raise DatabaseUnavailableError("away")

    async def work() -> tuple[Entry, Verdict]:
        await tried.fetch("a")
        # One time-out, and Redis is left alone for a second; it answers again long before.
        redis_client.client_pause(80)
        assert await tried.fetch("b") == [BYPASS]
        with pytest.raises(DatabaseUnavailableError):
            await tried.cache.fetch("c", fail)
        return await tried.cache.fetch("a", fail)

    assert run(tried, work) == (entry("a"), HIT)


def test_without_postgresql_and_with_a_silent_redis_nobody_waits_for_others(tried: Tried, redis_client: Client) -> None:
    async def fail() -> Entry:
        raise DatabaseUnavailableError("away")

    async def work() -> float:
        await tried.fetch("a")
        redis_client.client_pause(3000)
        assert await tried.fetch("b") == [BYPASS]
        started = time.monotonic()
        results = await asyncio.gather(*(tried.cache.fetch("a", fail) for _ in range(160)), return_exceptions=True)
        assert {type(result) for result in results} == {DatabaseUnavailableError}
        return time.monotonic() - started

    # One after the other they would need ten times as long as each may look.
    assert run(tried, work) < 0.8
    redis_client.client_unpause()


def test_a_redis_that_was_killed_is_used_again_as_soon_as_it_is_back(tried: Tried, redis: Redis) -> None:
    async def work() -> None:
        keys = [f"{i}" for i in range(20)]
        await tried.fetch(*keys)
        redis.stop()
        try:
            assert set(await tried.fetch(*keys)) == {BYPASS}
            assert set(tried.failures) == {Failure.CONNECTION}
        finally:
            redis.start()
        await asyncio.sleep(PAUSE)
        assert await tried.fetch("0") == [MISS]
        assert set(await tried.fetch(*keys[1:])) == {MISS}
        assert set(await tried.fetch(*keys)) == {HIT}

    run(tried, work)


def test_a_process_that_is_held_up_does_not_blame_redis(tried: Tried) -> None:
    async def work() -> list[Verdict]:
        await tried.fetch("a")
        # Begins to run when the question has been sent.
        asyncio.get_running_loop().call_later(0.00001, time.sleep, 0.1)
        return await tried.fetch("a")

    assert run(tried, work) == [HIT]
    assert not tried.failures


def test_a_burst_does_not_make_redis_look_slow(tried: Tried) -> None:
    async def work() -> None:
        keys = [f"{i}" for i in range(100)]
        assert set(await tried.fetch(*keys)) == {MISS}
        assert set(await tried.fetch(*keys)) == {HIT}

    run(tried, work)
    assert not tried.failures
