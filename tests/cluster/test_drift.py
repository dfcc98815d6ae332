"""A check tells what a run would change; a run puts right what was deleted, edited or left behind."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster.inventory import copied_inventory
from tests.cluster.objects import KINDS, contents, objects, without_addresses
from tests.cluster.output import Get, Run, changes, said

# Eight deployments.
pytestmark = pytest.mark.slow

NAMESPACE = "rowhouse-drift"

# What somebody might set with kubectl, beside what we apply.
CONTAINER = {
    "spec": {"template": {"spec": {"containers": [{"name": "{name}", "env": [{"name": "BY_HAND", "value": "1"}]}]}}}
}
EDITS = {
    "ConfigMap": {"data": {"BY_HAND": "1"}},
    "Service": {"spec": {"selector": {"by-hand": "1"}}},
    "Deployment": CONTAINER,
    "StatefulSet": CONTAINER,
    "PodDisruptionBudget": {"spec": {"maxUnavailable": 0}},
    "NetworkPolicy": {"spec": {"podSelector": {"matchLabels": {"by-hand": "1"}}}},
    "Namespace": {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
}


@dataclass(frozen=True)
class Environment:
    """An environment of its own: how to deploy it, and what is in it."""

    run: Run
    kubectl: Run

    def deploy(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.run(*words)
        assert done.returncode == 0, said(done)
        return done

    def objects(self) -> dict[str, dict[str, Any]]:
        return objects(self.kubectl, NAMESPACE)

    def contents(self) -> dict[str, Any]:
        return contents(self.kubectl, NAMESPACE)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Environment]:
    variables = {"stack_environment": "drift", "stack_context": "dev", "api_node_port": 30814, "api_replicas": 2}
    inventory = copied_inventory(tmp_path_factory.mktemp("drift"), variables)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return ansible_playbook("deploy.yml", "-i", str(inventory), *words)

    yield Environment(run, kubectl)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def told(environment: Environment) -> set[str]:
    """Return what a check of an empty cluster names, having made sure that it makes nothing."""
    done = environment.deploy("--check", "--diff")
    assert environment.objects() == {}
    return set(re.findall(rf"\b((?:{'|'.join(KINDS)})/[a-z0-9-]+)", done.stdout))


@pytest.fixture(scope="module")
def deployed(environment: Environment, told: set[str]) -> Environment:  # noqa: ARG001 - the check comes first
    environment.deploy()
    return environment


def test_a_check_of_an_empty_cluster_names_what_a_run_then_makes(told: set[str], deployed: Environment) -> None:
    assert told == set(deployed.objects())


def test_a_check_without_a_change_tells_of_none(deployed: Environment) -> None:
    assert changes(deployed.deploy("--check", "--diff")) == 0


def test_a_check_tells_of_a_change_and_makes_none(deployed: Environment) -> None:
    before = deployed.objects()
    done = deployed.deploy("--check", "--diff", "-e", "redis_maxmemory=90mb", "-e", "api_replicas=1")
    assert "maxmemory 90mb" in done.stdout
    assert re.search(r"^-PodDisruptionBudget/api$", done.stdout, re.MULTILINE)
    assert changes(done) == 3, done.stdout
    after = deployed.objects()
    assert {name: item["metadata"].get("generation") for name, item in after.items()} == {
        name: item["metadata"].get("generation") for name, item in before.items()
    }


def test_each_object_edited_by_hand_is_put_right(deployed: Environment, kubectl: Run) -> None:
    before = deployed.contents()
    edited = {name for name in before if not name.startswith(("Job/", "Secret/", "ConfigMap/datasets-"))}
    for name in sorted(edited):
        kind, _, short = name.partition("/")
        patch = json.dumps(EDITS[kind]).replace("{name}", short)
        kubectl("patch", name, "-n", NAMESPACE, "--type=strategic", f"--patch={patch}")
    changed = {name for name, content in deployed.contents().items() if content != before[name]}
    assert changed == edited
    done = deployed.deploy()
    variable = "spec.template.spec.containers[name=api].env[name=BY_HAND]"
    assert f"Deployment/api: {variable} was set by kubectl-patch" in said(done)
    assert deployed.contents() == before


def test_each_object_deleted_by_hand_comes_back(deployed: Environment, kubectl: Run) -> None:
    before = deployed.contents()
    gone = [name for name in before if not name.startswith(("Namespace/", "Secret/"))]
    kubectl("delete", "-n", NAMESPACE, *gone)
    deployed.deploy()
    assert without_addresses(deployed.contents()) == without_addresses(before)


def test_what_is_no_longer_rendered_goes_and_the_rest_stays(deployed: Environment, kubectl: Run, get: Get) -> None:
    kubectl("create", "configmap", "of-somebody-else", "-n", NAMESPACE)
    kept = get("secrets,persistentvolumeclaims", "-n", NAMESPACE)["items"]
    done = deployed.deploy("-e", "api_replicas=1")
    assert "PodDisruptionBudget/api" in done.stdout
    assert "PodDisruptionBudget/api" not in deployed.objects()
    kubectl("get", "configmap", "of-somebody-else", "-n", NAMESPACE)
    assert get("secrets,persistentvolumeclaims", "-n", NAMESPACE)["items"] == kept
