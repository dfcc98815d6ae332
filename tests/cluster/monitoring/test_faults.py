"""Faults, made: each is told to Alertmanager, and when it is mended it is told to be over."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.cluster.deployment import Deployment
from tests.cluster.monitoring.conftest import NAMESPACE, URL, Watch, wait_until
from tests.cluster.output import Get, Run

type Told = Callable[[str], dict[str, Any]]


@pytest.fixture
def told(watch: Watch) -> Told:
    """Wait until Alertmanager knows of the alert, and return it."""

    def wait(name: str) -> dict[str, Any]:
        wait_until(lambda: name in watch.alerts())
        alert: dict[str, Any] = watch.alerts()[name]
        assert alert["labels"]["namespace"] == NAMESPACE
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
        assert NAMESPACE in alert["annotations"]["summary"]
        return alert

    return wait


@pytest.fixture
def over(watch: Watch) -> Callable[[str], None]:
    """Wait until the alert is told to be over."""
    return lambda name: wait_until(lambda: name not in watch.alerts(), 300)


@pytest.mark.parametrize(
    ("workload", "replicas", "name"),
    [
        ("deployment/redis", 1, "RowhouseRedisDown"),
        ("statefulset/postgres", 1, "RowhouseDatabaseDown"),
        ("deployment/api", 1, "RowhouseApiNotReady"),
    ],
)
def test_a_part_that_is_gone(
    workload: str, replicas: int, name: str, kubectl: Run, told: Told, over: Callable[[str], None]
) -> None:
    kubectl("scale", workload, "-n", NAMESPACE, "--replicas=0")
    try:
        told(name)
    finally:
        kubectl("scale", workload, "-n", NAMESPACE, f"--replicas={replicas}")
        kubectl("rollout", "status", workload, "-n", NAMESPACE, "--timeout=120s")
    over(name)


def test_a_load_that_is_rejected(
    deployment: Deployment, rejected: dict[str, object], kubectl: Run, told: Told, over: Callable[[str], None]
) -> None:
    assert "restaurants" in deployment.refused(**rejected)
    told("RowhouseLoadRejected")
    # What was loaded before is still there.
    assert httpx.get(f"{URL}/restaurants").raise_for_status().json()["meta"]["total"] == 60
    jobs = json.loads(kubectl("get", "jobs", "-n", NAMESPACE, "-o", "json").stdout)["items"]
    failed = [job["metadata"]["name"] for job in jobs if job["status"].get("failed")]
    kubectl("delete", "jobs", "-n", NAMESPACE, *failed)
    over("RowhouseLoadRejected")


def test_a_container_that_ends_again_and_again(get: Get, kubectl: Run, told: Told, over: Callable[[str], None]) -> None:
    spec = get("deployment/prometheus", "-n", NAMESPACE)["spec"]["template"]["spec"]
    container = spec["containers"][0]
    kept = {key: container[key] for key in ("image", "securityContext")}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "restless", "namespace": NAMESPACE},
        "spec": {
            "securityContext": spec["securityContext"],
            "containers": [{"name": "restless", **kept, "command": ["prometheus", "--version"]}],
        },
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    try:
        assert told("RowhouseRestartLoop")["labels"]["pod"] == "restless"
    finally:
        kubectl("delete", "pod", "restless", "-n", NAMESPACE, "--grace-period=1")
    over("RowhouseRestartLoop")


def test_the_database_s_fault_hides_what_follows_from_it(watch: Watch, kubectl: Run, told: Told) -> None:
    kubectl("scale", "statefulset/postgres", "-n", NAMESPACE, "--replicas=0")
    try:
        told("RowhouseDatabaseDown")
        assert watch.query("max(rowhouse_database_up)")[0]["value"][1] == "0"

        def fails() -> bool:
            for number in range(20):
                httpx.get(f"{URL}/air_quality/{number + 9000}", timeout=10)
            return "RowhouseApiErrors" in watch.alerts()

        wait_until(fails)
        assert watch.alerts()["RowhouseApiErrors"]["status"]["state"] == "suppressed"
    finally:
        kubectl("scale", "statefulset/postgres", "-n", NAMESPACE, "--replicas=1")
        kubectl("rollout", "status", "statefulset/postgres", "-n", NAMESPACE, "--timeout=120s")
