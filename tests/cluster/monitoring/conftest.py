"""A deployment that is watched, every few seconds, so that a fault is told at once."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cluster.deployment import Deployment
from tests.cluster.forward import forwarded
from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROLES, ROOT
from tests.cluster.output import Run
from tests.cluster.releases import build_release

PORT = 30951
URL = f"http://127.0.0.1:{PORT}"
NAMESPACE = "rowhouse-monitoring"
ENVIRONMENT = {
    "stack_environment": "monitoring",
    "stack_context": "dev",
    "api_node_port": PORT,
    "api_replicas": 1,
    "monitoring_enabled": True,
    "monitoring_kind": "plain",
    "monitoring_interval": "5s",
    "monitoring_alert_for": "5s",
}
DASHBOARDS = {
    path.parts[-4]: yaml.safe_load(path.read_text()) for path in sorted(ROLES.glob("*/files/monitoring/dashboard.yml"))
}


class Watch:
    """What Prometheus and Alertmanager say."""

    def __init__(self, prometheus: str, alertmanager: str) -> None:
        self.prometheus = prometheus
        self._alertmanager = alertmanager

    def query(self, expression: str) -> list[Any]:
        """Return the series of an expression, now."""
        asked = expression.replace("$namespace", NAMESPACE)
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": asked}, timeout=20)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"]["result"])

    def targets(self) -> dict[str, set[str]]:
        """Return the health of all targets by job."""
        answer = httpx.get(
            f"{self.prometheus}/api/v1/targets", params={"state": "active"}, timeout=20
        ).raise_for_status()
        found: dict[str, set[str]] = {}
        for target in answer.json()["data"]["activeTargets"]:
            found.setdefault(target["labels"]["job"], set()).add(target["health"])
        return found

    def alerts(self) -> dict[str, Any]:
        """Return what Alertmanager has been told and that is not over, by name."""
        answer = httpx.get(f"{self._alertmanager}/api/v2/alerts", timeout=20).raise_for_status()
        return {alert["labels"]["alertname"]: alert for alert in answer.json()}


def wait_until(condition: Callable[[], bool], seconds: float = 150) -> None:
    """Look once a second."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(1)


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run) -> dict[str, object]:
    """Build the images, with that of monitoring among them; returns the variables that deploy them."""
    inventory = copied_inventory(tmp_path_factory.mktemp("build"), ENVIRONMENT)
    return build_release(ansible_playbook, inventory, "monitoring", ROOT / "files/datasets")


@pytest.fixture(scope="session")
def rejected(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run) -> dict[str, object]:
    """Build a release whose data no load takes."""
    folder = tmp_path_factory.mktemp("rejected")
    datasets = Path(shutil.copytree(ROOT / "files/datasets", folder / "datasets"))
    with (datasets / "restaurants/restaurants.ndjson").open("a") as rows:
        rows.write('{"this": "is no restaurant"}\n')
    return build_release(ansible_playbook, copied_inventory(folder, ENVIRONMENT), "monitoring-rejected", datasets)


@pytest.fixture(scope="session")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run, release: dict[str, object]
) -> Iterator[Deployment]:
    """Deploy, from nothing; what is deployed says its release itself."""
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    made = Deployment(copied_inventory(tmp_path_factory.mktemp("watched"), ENVIRONMENT | release), ansible_playbook)
    made.run("deploy.yml")
    yield made
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture
def watch(deployment: Deployment) -> Iterator[Watch]:  # noqa: ARG001 - which is watched
    with (
        forwarded(NAMESPACE, "service/prometheus", 9090) as prometheus,
        forwarded(NAMESPACE, "service/prometheus", 9093) as alertmanager,
    ):
        yield Watch(f"http://127.0.0.1:{prometheus}", f"http://127.0.0.1:{alertmanager}")


@pytest.fixture(scope="session")
def ask_all(deployment: Deployment) -> Callable[[], None]:  # noqa: ARG001 - which is asked
    """Ask for what makes every counter count."""

    def ask() -> None:
        with httpx.Client(base_url=URL, timeout=10) as client:
            for _ in range(3):
                for limit in range(1, 30):
                    client.get(f"/air_quality?limit={limit}").raise_for_status()
            assert client.get("/air_quality/0").status_code == 404

    return ask
