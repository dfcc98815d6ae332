"""PostgreSQL away: what is cached is still answered, all else is refused at once, and nothing needs a restart."""

import time
from collections.abc import Callable

import httpx
import pytest

from tests.cluster.faults.conftest import NAMESPACE, URL, Note
from tests.cluster.faults.parts import restarts, wait_until
from tests.cluster.load import steady_load
from tests.cluster.output import Get, Run

CACHED = "/air_quality?limit=299"


def misses(client: httpx.Client, times: int) -> list[httpx.Response]:
    """Ask what nobody has asked before."""
    return [client.get(f"/air_quality/{time.time_ns() % 149_000 + 1}") for _ in range(times)]


@pytest.mark.parametrize(
    ("fault", "make"),
    [
        (
            "PostgreSQL is stopped",
            lambda kubectl: kubectl("scale", "statefulset/postgres", "-n", NAMESPACE, "--replicas=0"),
        ),
        (
            "PostgreSQL's pod is killed by force, and kept away",
            lambda kubectl: (
                kubectl("scale", "statefulset/postgres", "-n", NAMESPACE, "--replicas=0"),
                kubectl("delete", "pod", "postgres-0", "-n", NAMESPACE, "--force", "--grace-period=0"),
            ),
        ),
    ],
)
def test_postgresql_away(
    client: httpx.Client, kubectl: Run, get: Get, note: Note, fault: str, make: Callable[[Run], object]
) -> None:
    wait_until(lambda: {client.get(CACHED).headers["x-cache"] for _ in range(8)} == {"hit"})
    right = client.get(CACHED).content
    before = restarts(get)
    with steady_load(f"{URL}{CACHED}") as load:
        try:
            make(kubectl)
            known = wait_until(lambda: client.get("/health").status_code == httpx.codes.SERVICE_UNAVAILABLE)
            # One pod may learn of it a moment after the other.
            wait_until(lambda: {answer.status_code for answer in misses(client, 8)} == {503})
            refused = misses(client, 50)
            stale = client.get(CACHED)
        finally:
            kubectl("scale", "statefulset/postgres", "-n", NAMESPACE, "--replicas=1")
        ready = "--for=jsonpath={.status.readyReplicas}=1"
        kubectl("wait", ready, "--timeout=120s", "-n", NAMESPACE, "statefulset/postgres")
        back = wait_until(lambda: {answer.status_code for answer in misses(client, 8)} == {200})
    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
    slowest = max(answer.elapsed.total_seconds() for answer in refused)
    assert slowest < 1
    assert (stale.status_code, stale.content) == (200, right)
    assert int(stale.headers["age"]) >= 0
    assert "database-away" in stale.headers["cache-status"]
    assert load.failures == []
    assert restarts(get) == before
    note(
        fault,
        "cached answers go on, with Age and a mark; all else 503 and Retry-After within 200 ms; back by itself",
        f"known after {known:.1f} s; slowest of {len(refused)} refusals {slowest * 1000:.0f} ms; "
        f"{load.requests} cached answers meanwhile, none failed; rows again {back:.1f} s after PostgreSQL was ready",
    )
