"""playbooks/status.yml on a deployment that is well, and on one that somebody has touched."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.inventory import copied_inventory
from tests.cluster.output import Run, said

# A deployment of its own.
pytestmark = pytest.mark.slow

NAMESPACE = "rowhouse-status"
ENVIRONMENT = {"stack_environment": "status", "stack_context": "dev", "api_node_port": 30826, "api_replicas": 1}
SOMETHING_IS_WRONG = 3


class Status:
    """An environment, and what its status says."""

    def __init__(self, inventory: Path, ansible_playbook: Run) -> None:
        self._inventory = inventory
        self._ansible_playbook = ansible_playbook

    def deploy(self) -> None:
        done = self._ansible_playbook("deploy.yml", "-i", str(self._inventory))
        assert done.returncode == 0, said(done)

    def screen(self, status: int) -> str:
        done = self._ansible_playbook("playbooks/status.yml", "-i", str(self._inventory))
        assert done.returncode == status, said(done)
        return str(done.stdout)

    def json(self, status: int) -> Any:
        done = self._ansible_playbook("playbooks/status.yml", "-i", str(self._inventory), "-e", "output=json")
        assert done.returncode == status, said(done)
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return json.loads(line)


@pytest.fixture(scope="module")
def status(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Status]:
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    yield Status(copied_inventory(tmp_path_factory.mktemp("status"), ENVIRONMENT), ansible_playbook)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


def test_where_nothing_is_it_says_so(status: Status) -> None:
    assert f"PROBLEM nothing is deployed in {NAMESPACE}" in status.screen(SOMETHING_IS_WRONG)


def test_a_deployment_that_is_well(status: Status) -> None:
    status.deploy()
    read = status.json(0)
    assert read["is_well"]
    assert {item["name"]: (item["ready"], item["wanted"]) for item in read["components"] if item["kind"] != "Job"} == {
        "postgres": (1, 1),
        "redis": (1, 1),
        "api": (1, 1),
    }
    assert {item["name"]: item["rows"] for item in read["datasets"]}["air_quality"] == 149151
    assert read["release"]["name"] == "release-1"
    assert read["drift"] == []
    assert 0 < read["disk"]["used"] < read["disk"]["size"]
    assert "All is well." in status.screen(0)


def test_what_was_touched_by_hand_is_told_with_the_next_step(status: Status, kubectl: Run) -> None:
    kubectl("set", "env", "deployment/redis", "EXTRA=1", "-n", NAMESPACE)
    kubectl("scale", "deployment/api", "--replicas=0", "-n", NAMESPACE)
    kubectl("delete", "service", "redis", "-n", NAMESPACE)
    kubectl("wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=api", "-n", NAMESPACE, "--timeout=60s")
    read = status.json(SOMETHING_IS_WRONG)
    assert read["datasets"] is None
    assert sorted(read["drift"]) == [
        "Deployment/api is not as it was deployed",
        "Deployment/redis: spec.template.spec.containers[name=redis].env was set by kubectl-set",
        "Service/redis is gone",
    ]
    whats = [item["what"] for item in read["problems"]]
    assert "the API does not answer" in whats
    assert "3 differences from the release, listed above" in whats
    status.deploy()
    assert status.json(0)["is_well"]


def test_a_container_that_ended_is_named(status: Status, kubectl: Run) -> None:
    kubectl("exec", "deployment/api", "-n", NAMESPACE, "--", "python3.13", "-c", "import os; os.kill(1, 15)")
    again = "--for=jsonpath={.status.containerStatuses[0].restartCount}=1"
    kubectl("wait", again, "pod", "-l", "app.kubernetes.io/name=api", "-n", NAMESPACE, "--timeout=60s")
    words = status.screen(SOMETHING_IS_WRONG)
    assert "PROBLEM Deployment api: container api ended" in words
    assert f"--previous -n {NAMESPACE}" in words
