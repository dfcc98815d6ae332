"""playbooks/plan.yml: what it tells, what it ends with, and that it changes nothing."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.output import Get, Run, said
from tests.cluster.releases import build_release

# Two releases, a deployment and five plans.
pytestmark = pytest.mark.slow

NAMESPACE = "rowhouse-plan"
ENVIRONMENT = {"stack_environment": "plan", "stack_context": "dev", "api_node_port": 30824, "api_replicas": 2}
SOMETHING_CHANGES = 3
KINDS = "deployments,statefulsets,jobs,configmaps,services,secrets,networkpolicies,poddisruptionbudgets"


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan") / "datasets"
    shutil.copytree(ROOT / "files/datasets/restaurants", folder / "restaurants")
    return folder


class Planned:
    """An environment, and what is planned and deployed there."""

    def __init__(self, inventory: Path, ansible_playbook: Run, get: Get) -> None:
        self.inventory = inventory
        self._ansible_playbook = ansible_playbook
        self._get = get

    def run(self, playbook: str, status: int, **variables: object) -> str:
        """Run a playbook, which has to end so; return what it said, lines as they are."""
        done = self._ansible_playbook(playbook, "-i", str(self.inventory), "-e", json.dumps(variables))
        assert done.returncode == status, said(done)
        return done.stdout + done.stderr

    def objects(self) -> dict[str, object]:
        """Return what is there, by Kind/name, with what would differ after any change."""
        return {
            f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for item in self._get(KINDS, "-n", NAMESPACE)["items"]
            # Its controller touches it.
            if item["kind"] != "PodDisruptionBudget"
        }


@pytest.fixture(scope="module")
def release(datasets: Path, ansible_playbook: Run) -> dict[str, object]:
    return build_release(ansible_playbook, copied_inventory(datasets.parent, ENVIRONMENT), "plan", datasets)


@pytest.fixture(scope="module")
def empty(
    datasets: Path,
    release: dict[str, object],  # noqa: ARG001 - its images are looked for
    ansible_playbook: Run,
    kubectl: Run,
    get: Get,
) -> Iterator[Planned]:
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    yield Planned(datasets.parent / "inventory", ansible_playbook, get)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def told(empty: Planned, release: dict[str, object]) -> str:
    """Return the plan for a cluster that has nothing, having made sure that it makes nothing."""
    words = empty.run("playbooks/plan.yml", SOMETHING_CHANGES, **release)
    assert empty.objects() == {}
    return words


@pytest.fixture(scope="module")
def deployed(empty: Planned, told: str, release: dict[str, object]) -> Planned:  # noqa: ARG001 - the plan comes first
    words = empty.run("deploy.yml", 0, **release)
    # The same tables, of what has happened by then.
    for line in ("Namespace/rowhouse-plan  ", "Deployment/api  ", "Secret/postgres  "):
        assert re.search(f"{line} *made", words)
    assert "restaurants  none         60        0" in words
    return empty


def test_on_an_empty_cluster_everything_is_made(told: str) -> None:
    for line in ("Namespace/rowhouse-plan  ", "Deployment/api  ", "Secret/postgres  "):
        assert line in told
    assert "api/api  " in told
    assert "restaurants  none      known when loaded" in told


def test_nothing_would_change(deployed: Planned, release: dict[str, object]) -> None:
    before = deployed.objects()
    assert "Nothing would change." in deployed.run("playbooks/plan.yml", 0, **release)
    assert "Nothing has changed." in deployed.run("deploy.yml", 0, **release)
    assert deployed.objects() == before


def test_a_setting_and_other_data(
    deployed: Planned, datasets: Path, ansible_playbook: Run, release: dict[str, object]
) -> None:
    before = deployed.objects()
    folder = shutil.copytree(datasets, datasets.parent / "other")
    rows = (folder / "restaurants/restaurants.ndjson").read_text().splitlines(keepends=True)
    wrong = json.dumps(json.loads(rows[0]) | {"id": 1})
    (folder / "restaurants/restaurants.ndjson").write_text("".join(rows[:50]) + f"{wrong}\n")
    with (folder / "restaurants/dataset.yml").open("a") as description:
        description.write("max_rejects: 1\n")
    other = build_release(ansible_playbook, deployed.inventory, "plan-other", folder)
    words = deployed.run("playbooks/plan.yml", SOMETHING_CHANGES, **other, api_settings={"http_max_age_seconds": 7})
    assert "restaurants  60        50         1" in words
    assert re.search(r"Deployment/api +changed", words)
    assert re.search(r"\+ +- name: ROWHOUSE_HTTP_MAX_AGE_SECONDS\n\+ +value: '7'\n", words)
    assert deployed.objects() == before
    # What the load would refuse, the plan refuses.
    (folder / "restaurants/dataset.yml").write_text(
        (folder / "restaurants/dataset.yml").read_text().replace("max_rejects: 1\n", "")
    )
    refused = build_release(ansible_playbook, deployed.inventory, "plan-other", folder)
    assert "rejected rows: 1" in deployed.run("playbooks/plan.yml", 2, **refused)
    assert deployed.objects() == before
    assert "Nothing would change." in deployed.run("playbooks/plan.yml", 0, **release)
