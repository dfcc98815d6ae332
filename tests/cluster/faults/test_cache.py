"""Whatever happens to Redis: right answers, no error, a counter that tells, and hits again afterwards."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from redis import Redis

from tests.cluster.faults.conftest import NAMESPACE, URL, Note
from tests.cluster.faults.parts import cache_failures, counted_since, redis_client, wait_until
from tests.cluster.load import steady_load
from tests.cluster.output import Get, Run

QUESTIONS = [f"/air_quality?limit={limit}" for limit in range(300, 340)]
type Make = Callable[[], object]

OF_REDIS = ("-l", "app.kubernetes.io/name=redis")
PROMISE = "right answers, no failed request, a counter tells; hits again without a restart"


def bodies(client: httpx.Client) -> list[bytes]:
    return [client.get(question).raise_for_status().content for question in QUESTIONS]


def verdicts(client: httpx.Client) -> set[str]:
    return {client.get(question).headers["x-cache"] for question in QUESTIONS}


@pytest.fixture
def survives(client: httpx.Client, get: Get, note: Note) -> Callable[..., None]:
    """Make a fault on a warm cache, under a load; compare every answer, and see that hits come back.

    `meets` is a verdict that some answer must have, and `counts` a reason that the metrics must tell.
    """

    def run(fault: str, make: Make, *, meets: str, counts: str | None, mend: Make) -> None:
        right = bodies(client)
        wait_until(lambda: verdicts(client) == {"hit"})
        before = cache_failures(get)
        with steady_load(f"{URL}/air_quality", fresh=True) as load:
            try:
                make()
                met = [client.get(question) for question in QUESTIONS]
                assert [answer.content for answer in met] == right
                if counts:
                    wait_until(lambda: cache_failures(get)[counts] > before[counts])
            finally:
                mend()
            back = wait_until(lambda: verdicts(client) == {"hit"})
            assert bodies(client) == right
        assert load.failures == []
        seen = sorted({answer.headers["x-cache"] for answer in met})
        assert meets in seen
        slowest = max(answer.elapsed.total_seconds() for answer in met)
        note(
            fault,
            PROMISE,
            f"{', '.join(seen)}; slowest of {len(met)} answers {slowest * 1000:.0f} ms; all hits after {back:.0f} s; "
            f"counted {counted_since(before, cache_failures(get))}; {load.requests} requests, none failed",
        )

    return run


def nothing() -> None:
    """Leave it: it mends itself."""


def test_redis_is_killed(survives: Callable[..., None], kubectl: Run) -> None:
    survives(
        "Redis is killed by force, and kept away",
        lambda: (
            kubectl("scale", "deployment/redis", "-n", NAMESPACE, "--replicas=0"),
            kubectl("delete", "pods", "-n", NAMESPACE, *OF_REDIS, "--force", "--grace-period=0"),
        ),
        meets="bypass",
        counts="connection",
        mend=lambda: kubectl("scale", "deployment/redis", "-n", NAMESPACE, "--replicas=1"),
    )


@contextmanager
def slow(client: Redis) -> Iterator[None]:
    """Have Redis answer every command up to 500 ms late."""
    over = threading.Event()

    def pause() -> None:
        while not over.is_set():
            client.client_pause(500)
            over.wait(0.5)

    thread = threading.Thread(target=pause)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_redis_is_slow(survives: Callable[..., None], get: Get) -> None:
    with redis_client(get) as redis:
        pause = slow(redis)
        survives(
            "Redis is slow by 500 ms",
            pause.__enter__,
            meets="bypass",
            counts="timeout",
            mend=lambda: pause.__exit__(None, None, None),
        )


def test_redis_is_full(survives: Callable[..., None], get: Get) -> None:
    with redis_client(get) as redis:
        settings = {name: str(redis.config_get(name)[name]) for name in ("maxmemory", "maxmemory-policy")}

        def fill() -> None:
            redis.config_set("maxmemory-policy", "noeviction")
            redis.config_set("maxmemory", "1mb")

        def mend() -> None:
            for name, value in settings.items():
                redis.config_set(name, value)

        survives("Redis is full", fill, meets="hit", counts="full", mend=mend)


def test_redis_is_flushed(survives: Callable[..., None], get: Get) -> None:
    with redis_client(get) as redis:
        survives("Redis is flushed", redis.flushall, meets="miss", counts=None, mend=nothing)


def test_redis_is_filled_with_junk(survives: Callable[..., None], get: Get) -> None:
    with redis_client(get) as redis:

        def spoil() -> None:
            for number, key in enumerate(redis.scan_iter(count=1000)):
                value = redis.get(key)
                if not isinstance(value, bytes):
                    continue
                if number % 3 == 0:
                    redis.set(key, os.urandom(100))
                elif number % 3 == 1:
                    redis.set(key, value[:-1])
                else:
                    redis.delete(key)
                    redis.rpush(key, "junk")

        survives("every entry of Redis becomes junk", spoil, meets="miss", counts="junk", mend=nothing)
