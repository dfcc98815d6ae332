"""Who owns which fields is said of an object as it is, however often controllers write to it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster
from kubernetes.dynamic.exceptions import ConflictError

from tests.cluster.machine import ROOT, STATE
from tests.cluster.output import Run

NAME = "rowhouse-managed-fields"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster.connect(str(STATE / "kubeconfig"), "dev", ROOT)


@pytest.fixture
def item(cluster: Cluster, kubectl: Run) -> Iterator[Mapping[str, Any]]:
    kubectl("create", "configmap", NAME, "--from-literal=rows=1", "-n", "default")
    found = cluster.get("v1", "ConfigMap", NAME, "default")
    assert found is not None
    yield found
    kubectl("delete", "configmap", NAME, "-n", "default", "--ignore-not-found")


def test_an_object_that_has_changed_is_looked_at_again(cluster: Cluster, item: Mapping[str, Any], kubectl: Run) -> None:
    seen = []

    def wanted(live: Mapping[str, Any]) -> list[dict[str, Any]]:
        seen.append(live["data"]["rows"])
        if len(seen) == 1:
            kubectl("patch", "configmap", NAME, "-n", "default", "--patch", '{"data": {"rows": "2"}}')
        return [{**entry, "manager": "rowhouse"} for entry in live["metadata"]["managedFields"][:1]]

    cluster.set_managed_fields(item, wanted)
    assert seen == ["1", "2"]
    live = cluster.get("v1", "ConfigMap", NAME, "default")
    assert live is not None
    assert live["data"]["rows"] == "2"
    assert [entry["manager"] for entry in live["metadata"]["managedFields"]] == ["rowhouse"]


def test_one_that_changes_all_the_time_is_given_up(cluster: Cluster, item: Mapping[str, Any], kubectl: Run) -> None:
    rows = iter(range(2, 100))

    def wanted(live: Mapping[str, Any]) -> list[dict[str, Any]]:
        kubectl("patch", "configmap", NAME, "-n", "default", "--patch", f'{{"data": {{"rows": "{next(rows)}"}}}}')
        return list(live["metadata"]["managedFields"])

    with pytest.raises(ConflictError):
        cluster.set_managed_fields(item, wanted)


def test_one_that_is_gone_is_nobody_s(cluster: Cluster, item: Mapping[str, Any], kubectl: Run) -> None:
    def wanted(live: Mapping[str, Any]) -> list[dict[str, Any]]:
        kubectl("delete", "configmap", NAME, "-n", "default")
        return list(live["metadata"]["managedFields"])

    cluster.set_managed_fields(item, wanted)
