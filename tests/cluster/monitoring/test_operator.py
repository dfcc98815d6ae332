"""Where the cluster serves an operator's kinds, it gets objects of them, and there is no Prometheus of ours."""

from collections.abc import Iterator

import pytest
import yaml

from tests.cluster.deployment import Deployment
from tests.cluster.monitoring.conftest import NAMESPACE
from tests.cluster.output import Get, Run
from tests.contract.operator_schemas import definition

KINDS = ("PodMonitor", "PrometheusRule")
THEIRS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


@pytest.fixture
def operator(deployment: Deployment, kubectl: Run) -> Iterator[Deployment]:
    """Make the cluster serve the kinds, and no longer at the end, when our own Prometheus is put back."""
    definitions = {kind: definition(kind) for kind in KINDS}
    for item in definitions.values():
        kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(item))
        kubectl("wait", "crd", item["metadata"]["name"], "--for=condition=Established", "--timeout=60s")
    yield deployment
    for item in definitions.values():
        kubectl("delete", "crd", item["metadata"]["name"])
    deployment.run("deploy.yml")


def test_an_operator_is_found_and_gets_its_objects(operator: Deployment, get: Get) -> None:
    chosen = {"monitoring_kind": "auto", "api_monitoring_peers": THEIRS}
    operator.run("deploy.yml", **chosen)
    (monitor,) = get("podmonitors.monitoring.coreos.com", "-n", NAMESPACE)["items"]
    (rules,) = get("prometheusrules.monitoring.coreos.com", "-n", NAMESPACE)["items"]
    assert len(monitor["spec"]["podMetricsEndpoints"]) == 6
    alerts = {rule.get("alert") for group in rules["spec"]["groups"] for rule in group["rules"]}
    assert "RowhouseDatabaseDown" in alerts
    deployments = {item["metadata"]["name"] for item in get("deployments", "-n", NAMESPACE)["items"]}
    assert deployments == {"api", "redis", "exporters"}
    assert "changed=0" in operator.run("deploy.yml", **chosen)
    # Switched off, objects of these kinds go like all others.
    operator.run("deploy.yml", **chosen | {"monitoring_enabled": False})
    assert get("podmonitors.monitoring.coreos.com", "-n", NAMESPACE)["items"] == []
