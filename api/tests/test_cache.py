"""The cache against a real Redis, and without one."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from parts import Redis, free_port
from redis import Redis as Client
from rowhouse.cache import Cache, Entry, NoCache, RedisCache, Verdict

ENTRY = Entry(b'{"data": "\n"}', "/next?limit=1")


def fetch(cache: Cache, *keys: str, make: Callable[[], Awaitable[Entry]] | None = None) -> list[tuple[Entry, Verdict]]:
    """Fetch one after the other; what is not kept is ENTRY."""

    async def make_entry() -> Entry:
        return ENTRY

    async def run() -> list[tuple[Entry, Verdict]]:
        results = [await cache.fetch(key, make or make_entry) for key in keys]
        await cache.close()
        return results

    return asyncio.run(run())


@pytest.fixture
def client(redis: Redis) -> Client:
    """An empty Redis."""
    client = Client(port=redis.port, password=redis.password)
    client.flushall()
    return client


def redis_cache(port: int, password: str = "throw-away") -> RedisCache:
    return RedisCache("127.0.0.1", port, password, ttl_seconds=60)


@pytest.mark.usefixtures("client")
def test_miss_then_hit(redis: Redis) -> None:
    assert fetch(redis_cache(redis.port), "a", "a", "b") == [
        (ENTRY, Verdict.MISS),
        (ENTRY, Verdict.HIT),
        (ENTRY, Verdict.MISS),
    ]


def test_another_process_finds_it_and_it_expires(redis: Redis, client: Client) -> None:
    fetch(redis_cache(redis.port), "a")
    assert fetch(redis_cache(redis.port), "a") == [(ENTRY, Verdict.HIT)]
    assert 0 < int(str(client.ttl("rowhouse:a"))) <= 60


@pytest.mark.parametrize(
    "junk", [b"", b"junk", b"rowhouse 0 \n{}", b"rowhouse 1 no line end", b"\xff\n\n", b"rowhouse 1 \xff\n{}"]
)
def test_junk_is_a_miss_and_is_replaced(redis: Redis, client: Client, junk: bytes) -> None:
    client.set("rowhouse:a", junk)
    assert fetch(redis_cache(redis.port), "a", "a") == [(ENTRY, Verdict.MISS), (ENTRY, Verdict.HIT)]


def test_a_value_of_another_type_is_no_error(redis: Redis, client: Client) -> None:
    client.lpush("rowhouse:a", "list")
    assert fetch(redis_cache(redis.port), "a") == [(ENTRY, Verdict.BYPASS)]


def test_what_cannot_be_made_is_raised_and_not_kept(redis: Redis, client: Client) -> None:
    async def fail() -> Entry:
        raise LookupError

    with pytest.raises(LookupError):
        fetch(redis_cache(redis.port), "a", make=fail)
    assert client.exists("rowhouse:a") == 0


def test_no_redis_is_a_bypass() -> None:
    assert fetch(redis_cache(free_port()), "a", "a") == [(ENTRY, Verdict.BYPASS)] * 2
    assert fetch(NoCache(), "a", "a") == [(ENTRY, Verdict.BYPASS)] * 2


def test_a_wrong_password_is_a_bypass(redis: Redis) -> None:
    assert fetch(redis_cache(redis.port, "wrong"), "a") == [(ENTRY, Verdict.BYPASS)]


def test_a_redis_that_hangs_costs_one_time_out_and_then_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        cache = redis_cache(silent.getsockname()[1])

        async def make() -> Entry:
            return ENTRY

        async def run() -> float:
            started = asyncio.get_running_loop().time()
            for _ in range(20):
                assert await cache.fetch("a", make) == (ENTRY, Verdict.BYPASS)
            elapsed = asyncio.get_running_loop().time() - started
            await cache.close()
            return elapsed

        assert asyncio.run(run()) < 0.5


def test_a_redis_that_comes_back_is_used_again(client: Client, redis: Redis) -> None:
    cache = redis_cache(redis.port)

    async def make() -> Entry:
        return ENTRY

    async def run() -> list[Verdict]:
        verdicts = [(await cache.fetch("a", make))[1]]
        redis.stop()
        verdicts.append((await cache.fetch("a", make))[1])
        redis.start()
        await asyncio.sleep(1.1)
        verdicts.append((await cache.fetch("a", make))[1])
        await cache.close()
        return verdicts

    assert asyncio.run(run()) == [Verdict.MISS, Verdict.BYPASS, Verdict.MISS]
    client.close()
