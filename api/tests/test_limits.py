"""Limits in running servers with several worker processes, and what becomes of them without Redis."""

import asyncio
import re
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from random import randrange

import httpx
import pytest
from house import House, Served, make_house_of_stations
from parts import Postgres, Redis, wait_until
from prometheus_client.parser import text_string_to_metric_families
from rowhouse.limits.limiter import largest_batch
from rowhouse.limits.pace import SECOND, Pace

# Redis has 50 ms, which a machine that is busy with other tests may take. It holds no bucket of another test.
pytestmark = [pytest.mark.alone, pytest.mark.usefixtures("redis_client")]

PATH = "/stations?limit=1"


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house_of_stations(postgres, tmp_path_factory.mktemp("datasets"), 3)


def settings(redis: Redis | None, **more: int) -> dict[str, str]:
    cache = redis.settings if redis else {}
    return cache | {"TRUSTED_PROXIES": "1"} | {name.upper(): str(value) for name, value in more.items()}


def sample(served: Served, name: str, limit: str = "address") -> float:
    """Return a count of all workers."""
    families = text_string_to_metric_families(served.admin.get("/metrics").text)
    return sum(
        item.value
        for family in families
        for item in family.samples
        if item.name == name and item.labels["limit"] == limit
    )


def of(address: str, **more: str) -> dict[str, str]:
    """Return the header of a proxy that was asked by this address."""
    return {"X-Forwarded-For": address, **more}


def members(header: str) -> dict[str, int]:
    """Return the parameters of a field's item."""
    return {name: int(value) for name, value in re.findall(r";(\w)=(\d+)", header)}


def test_the_limit_of_an_address(house: House, redis: Redis) -> None:
    with house.serve(settings(redis, workers=1, rate_limit_per_minute=6, rate_limit_burst=3)) as served:
        answers = [served.public.get(PATH, headers=of("192.0.2.1")) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"address";q=3;w=30'}
        left = [members(answer.headers["RateLimit"]) for answer in answers]
        assert [item["r"] for item in left] == [2, 1, 0, 0, 0]
        assert [item["t"] for item in left[:3]] == [10, 20, 30]
        refused = answers[3]
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:problem-type:rowhouse:too-many-requests"
        assert refused.json()["request_id"] == refused.headers["X-Request-Id"]
        assert refused.headers["Cache-Control"] == "no-store"
        assert 9 <= int(refused.headers["Retry-After"]) == left[3]["t"] <= 10
        # Others have their own, those of one /64 have one together, and what is not limited stays so.
        assert served.public.get(PATH, headers=of("192.0.2.2")).status_code == 200
        six = [served.public.get("/nowhere", headers=of(f"2001:db8::{i}")).status_code for i in range(5)]
        assert six == [404, 404, 404, 429, 429]
        health = served.public.get("/health", headers=of("192.0.2.1"))
        assert health.status_code == 200
        assert "RateLimit" not in health.headers
        assert served.public.options(PATH, headers=of("192.0.2.1")).status_code == 204
        assert served.admin.get("/readyz").status_code == 200
        assert sample(served, "rowhouse_limit_refused_total") == 4
        assert sample(served, "rowhouse_limit_alone_total") == 0


def test_a_key_has_a_limit_of_its_own_wherever_it_is_used(house: House, redis: Redis) -> None:
    key = house.key("stations:read")
    both = {"rate_limit_per_minute": 6, "rate_limit_key_per_minute": 12, "rate_limit_burst": 2}
    with house.serve(settings(redis, workers=1, **both)) as served:
        wait_until(lambda: served.public.get(PATH, headers=of("192.0.2.9", **key)).status_code == 429, "the limit")
        answer = served.public.get(PATH, headers=of("192.0.2.1", **key))
        assert (answer.status_code, answer.headers["RateLimit-Policy"]) == (429, '"key";q=2;w=10')
        assert "this API key" in answer.json()["detail"]
        assert served.public.get(PATH, headers=of("192.0.2.1")).status_code == 200
        # One that is wrong counts for the address.
        wrong = key | {"Authorization": key["Authorization"][:-1]}
        answers = [served.public.get(PATH, headers=of("192.0.2.3", **wrong)).status_code for _ in range(3)]
        assert answers == [401, 401, 429]


def test_a_limit_of_addresses_alone_leaves_keys_alone(house: House, redis: Redis) -> None:
    key = house.key("stations:read")
    with house.serve(settings(redis, workers=1, rate_limit_per_minute=1, rate_limit_burst=1)) as served:
        wait_until(
            lambda: "RateLimit" not in served.public.get(PATH, headers=of("192.0.2.4", **key)).headers, "the key"
        )
        assert [served.public.get(PATH, headers=of("192.0.2.5", **key)).status_code for _ in range(5)] == [200] * 5


def test_without_a_limit_nothing_is_said_of_one(house: House) -> None:
    with house.serve({"WORKERS": "1"}) as served:
        assert not [name for name in served.public.get(PATH).headers if name.startswith("ratelimit")]


@dataclass
class Outcome:
    """What came back, and when.

    Attributes:
        began: When the first was asked for, in seconds.
        passed: When each answer came that passed.
        statuses: How many of each.
    """

    began: float
    passed: list[float]
    statuses: Counter[int]


def hammer(servers: list[Served], seconds: float, connections: int = 8) -> Outcome:
    """Ask all servers for so long as fast as they answer, on many connections, so that each worker takes part."""

    async def work() -> Outcome:
        began = time.monotonic()
        outcome = Outcome(began, [], Counter())

        async def ask(served: Served) -> None:
            async with httpx.AsyncClient(base_url=served.public.base_url, timeout=20) as client:
                while time.monotonic() < began + seconds:
                    answer = await client.get(PATH, headers=of("192.0.2.1"))
                    outcome.statuses[answer.status_code] += 1
                    if answer.status_code == 200:
                        outcome.passed.append(time.monotonic())

        await asyncio.gather(*(ask(served) for served in servers for _ in range(connections)))
        return outcome

    return asyncio.run(work())


PER_MINUTE, BURST, WORKERS = 1200, 60, 3
PACE = Pace.per_minute(PER_MINUTE, BURST)


def test_all_processes_of_all_replicas_keep_one_limit_but_for_their_batches(house: House, redis: Redis) -> None:
    limits = settings(redis, workers=WORKERS, rate_limit_per_minute=PER_MINUTE, rate_limit_burst=BURST)
    with ExitStack() as stack:
        servers = [stack.enter_context(house.serve(limits)) for _ in range(2)]
        for served in servers:
            # The first contact with Redis may take longer than it is waited for.
            for i in range(60):
                served.public.get(PATH, headers=of(f"198.51.100.{i}") | {"Connection": "close"})
        alone = sum(sample(served, "rowhouse_limit_alone_total") for served in servers)
        outcome = hammer(servers, 4)
        assert set(outcome.statuses) == {200, 429}
        decided_alone = sum(sample(served, "rowhouse_limit_alone_total") for served in servers) - alone
        batches = len(servers) * WORKERS * largest_batch(PACE)
        allowed = BURST + (outcome.passed[-1] - outcome.began) * SECOND / PACE.interval
        # Whoever Redis answered too late for was let pass by its process alone.
        assert len(outcome.passed) <= allowed + batches + decided_alone
        # Until somebody asks, the bucket is full, and nothing comes to it.
        unasked = (outcome.passed[0] - outcome.began) * SECOND / PACE.interval
        assert len(outcome.passed) >= allowed - unasked - batches - 1
        assert decided_alone < allowed / 2


def test_who_waits_as_long_as_told_gets_in(house: House, redis: Redis) -> None:
    with house.serve(settings(redis, workers=3, rate_limit_per_minute=60, rate_limit_burst=5)) as served:
        for _ in range(4):
            answer = served.public.get(PATH, headers=of("192.0.2.1"))
            while answer.status_code == 200:
                # On new connections, which other workers take.
                answer = httpx.get(served.public.base_url.join(PATH), headers=of("192.0.2.1"))
            time.sleep(int(answer.headers["Retry-After"]))
            assert httpx.get(served.public.base_url.join(PATH), headers=of("192.0.2.1")).status_code == 200


def test_without_redis_each_process_keeps_the_limit_alone_until_it_is_back(house: House, redis: Redis) -> None:
    limits = settings(redis, workers=1, rate_limit_per_minute=60, rate_limit_burst=10)
    with house.serve(limits) as served:
        wait_until(lambda: decides_together(served), "Redis", 10)
        before = sample(served, "rowhouse_limit_alone_total")
        redis.stop()
        try:
            statuses = [served.public.get(PATH, headers=of("192.0.2.7")).status_code for _ in range(30)]
            # One more for each second that it took.
            assert 10 <= statuses.count(200) < 30
            assert set(statuses) == {200, 429}
            assert sample(served, "rowhouse_limit_alone_total") == before + 30
        finally:
            redis.start()
        wait_until(lambda: decides_together(served), "Redis", 10)


def decides_together(served: Served) -> bool:
    """Ask as somebody who was never seen, and tell whether Redis took part: its first contact may take too long."""
    before = sample(served, "rowhouse_limit_alone_total")
    served.public.get(PATH, headers=of(f"203.0.{randrange(256)}.{randrange(256)}"))
    return sample(served, "rowhouse_limit_alone_total") == before


def test_without_redis_configured_each_process_keeps_the_limit(house: House) -> None:
    with house.serve(settings(None, workers=1, rate_limit_per_minute=60, rate_limit_burst=10)) as served:
        statuses = [served.public.get(PATH, headers=of("192.0.2.7")).status_code for _ in range(30)]
        assert 10 <= statuses.count(200) < 30
        assert sample(served, "rowhouse_limit_alone_total") == 0
