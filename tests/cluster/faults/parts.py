"""What the tests of faults reach past the API: its pods, the cache, the counters."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from tests.cluster.faults.conftest import NAMESPACE
from tests.cluster.forward import forwarded
from tests.cluster.output import Get


@contextmanager
def redis_client(get: Get) -> Iterator[Redis]:
    """Log in to the cache, through a port of this machine."""
    secret = get("secret", "redis", "-n", NAMESPACE)
    password = base64.b64decode(secret["data"]["password"]).decode()
    with forwarded(NAMESPACE, "service/redis", 6379) as port, Redis(port=port, password=password) as client:
        yield client


def api_pods(get: Get) -> dict[str, str]:
    """Return the address of each API pod that stays, by its name."""
    pods = get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=api")["items"]
    return {
        pod["metadata"]["name"]: pod["status"]["podIP"] for pod in pods if "deletionTimestamp" not in pod["metadata"]
    }


def restarts(get: Get) -> dict[str, int]:
    """Return how often each API pod's container was started again."""
    pods = get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=api")["items"]
    return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods}


def cache_failures(get: Get) -> dict[str, float]:
    """Return the failures of the cache that all API pods have counted, by reason."""
    counted: dict[str, float] = {}
    for address in api_pods(get).values():
        text = httpx.get(f"http://{address}:8001/metrics").raise_for_status().text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "rowhouse_cache_failures_total":
                    reason = sample.labels["reason"]
                    counted[reason] = counted.get(reason, 0) + sample.value
    return counted


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> float:
    """Return after how many seconds the condition held; it is looked at ten times a second."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - started


def counted_since(before: dict[str, float], after: dict[str, float]) -> str:
    """Say what was counted in between."""
    grown = {reason: after[reason] - before.get(reason, 0) for reason in after}
    return json.dumps({reason: int(count) for reason, count in grown.items() if count})


def multiplied(rows: list[str], copies: int) -> list[str]:
    """Return the rows several times, each with a key of its own, and one more that makes the content new each time."""
    split = [row.split(",", 1) for row in rows]
    copied = [f"{int(key) + copy * len(rows)},{rest}" for copy in range(copies) for key, rest in split]
    return [*copied, f"{len(copied) + 1},2020-01-01,DEBW087,48.3,9.2,{time.time_ns()}"]
