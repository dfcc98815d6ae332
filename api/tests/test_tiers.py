"""Both tiers together, on a real Redis: what is found where, and who makes it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from parts import Redis
from redis import Redis as Client
from rowhouse.cache import Cache, Entry, NoCache, Source, Verdict
from rowhouse.local_cache import LocalCache
from rowhouse.redis_cache import RedisCache
from rowhouse.redis_link import Failure, RedisLink
from rowhouse.tiers import TieredCache

HIT, MISS, BYPASS = Verdict.HIT, Verdict.MISS, Verdict.BYPASS
# What a request may spend on Redis: more than a busy machine makes it wait for its turn to run.
SECONDS = 1


class Replica:
    """One process' cache, and what it counted.

    Attributes:
        made: How often an answer was made here.
        sources: Where answers came from.
    """

    def __init__(self, port: int | None, size: int = 2**20, verdict: Verdict = MISS) -> None:
        self.made = 0
        self.sources = Counter[Source]()
        self.failures = Counter[Failure]()
        beyond: Cache = NoCache(verdict)
        if port:
            link = RedisLink("127.0.0.1", port, "throw-away", lambda failure: self.failures.update([failure]), SECONDS)
            beyond = RedisCache(link, 60, 5)
        self.cache = TieredCache(LocalCache(size, 60), beyond, lambda source: self.sources.update([source]))

    async def fetch(self, key: str, seconds: float = 0, missing: bool = False) -> Verdict:
        """Fetch what takes so long to make."""

        async def make() -> Entry:
            self.made += 1
            await asyncio.sleep(seconds)
            return Entry(f"body of {key}".encode(), missing=missing)

        entry, verdict = await self.cache.fetch(key, make)
        assert entry == Entry(f"body of {key}".encode(), missing=missing)
        return verdict


def run(work: Callable[..., Awaitable[Any]], *replicas: Replica) -> None:
    """Run to the end, then close the caches."""

    async def whole() -> None:
        try:
            await work(*replicas)
        finally:
            for replica in replicas:
                await replica.cache.close()

    asyncio.run(whole())


@pytest.fixture
def port(redis: Redis, redis_client: Client) -> int:  # noqa: ARG001 - emptied before
    """Return the port of it."""
    return redis.port


def test_the_second_is_from_redis_and_the_third_from_memory(port: int) -> None:
    async def work(one: Replica, other: Replica) -> None:
        assert [await one.fetch("a"), await other.fetch("a"), await other.fetch("a")] == [MISS, HIT, HIT]
        assert one.sources == {Source.MADE: 1}
        assert other.sources == {Source.REDIS: 1, Source.LOCAL: 1}

    run(work, Replica(port), Replica(port))


def test_without_redis_the_memory_alone_is_a_cache() -> None:
    async def work(replica: Replica) -> None:
        assert [await replica.fetch("a"), await replica.fetch("a")] == [MISS, HIT]
        assert replica.sources == {Source.MADE: 1, Source.LOCAL: 1}

    run(work, Replica(None))


def test_without_either_everything_is_a_bypass_that_is_shared_while_it_lasts() -> None:
    async def work(replica: Replica) -> None:
        assert await asyncio.gather(*(replica.fetch("a", 0.01) for _ in range(3))) == [BYPASS] * 3
        assert await replica.fetch("a") is BYPASS
        assert replica.sources == {Source.BYPASS: 2, Source.BYPASS_BY_ANOTHER: 2}
        assert replica.made == 2

    run(work, Replica(None, 0, BYPASS))


def test_what_is_kept_in_memory_needs_no_redis(port: int, redis: Redis) -> None:
    async def work(replica: Replica) -> None:
        await replica.fetch("a")
        redis.stop()
        try:
            assert [await replica.fetch("a"), await replica.fetch("b"), await replica.fetch("b")] == [HIT, BYPASS, HIT]
        finally:
            redis.start()
        assert replica.sources == {Source.MADE: 1, Source.LOCAL: 2, Source.BYPASS: 1}

    run(work, Replica(port))


def test_many_who_ask_at_once_in_three_processes_have_it_made_once(port: int) -> None:
    async def work(*replicas: Replica) -> None:
        verdicts = await asyncio.gather(*(replica.fetch("a", 0.2) for replica in replicas for _ in range(50)))
        assert sum(replica.made for replica in replicas) == 1
        assert Counter(verdicts) == {MISS: 50, HIT: 100}
        counted = sum((replica.sources for replica in replicas), Counter[Source]())
        assert counted == {Source.MADE: 1, Source.MADE_BY_ANOTHER: 49, Source.REDIS: 100}
        assert not any(replica.failures for replica in replicas)

    run(work, Replica(port), Replica(port), Replica(port))


def test_who_makes_it_may_go_away(port: int, redis_client: Client) -> None:
    async def work(replica: Replica) -> None:
        first, *others = [asyncio.create_task(replica.fetch("a", 0.1)) for _ in range(3)]
        await asyncio.sleep(0.05)
        first.cancel()
        assert await asyncio.gather(*others) == [MISS] * 2
        assert replica.made == 1
        # All of them: then nobody else waits for this process.
        (alone,) = [asyncio.create_task(replica.fetch("b", 60))]
        await asyncio.sleep(0.05)
        assert redis_client.exists("rowhouse:b:turn")
        alone.cancel()
        await asyncio.sleep(0.05)
        assert not redis_client.exists("rowhouse:b:turn")

    run(work, Replica(port))


def test_what_is_missing_is_kept_for_a_short_time(port: int, redis_client: Client) -> None:
    async def work(one: Replica, other: Replica) -> None:
        replicas = [one, other, other]
        assert [await each.fetch("a", missing=True) for each in replicas] == [MISS, HIT, HIT]
        assert 0 < int(str(redis_client.ttl("rowhouse:a"))) <= 30

    run(work, Replica(port), Replica(port))
