"""A deployment that is watched, by a Prometheus of its own or an operator's: valid, and within the table."""

import copy
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError

from tests.contract import operator_schemas
from tests.contract.manifests import all_problems
from tests.contract.network_table import surplus_and_lack
from tests.contract.renderings import Renderings


@pytest.fixture(scope="module")
def plain(renderings: Renderings) -> dict[str, Any]:
    return renderings.objects("watched by ours")


@pytest.fixture(scope="module")
def operator(renderings: Renderings) -> dict[str, Any]:
    return renderings.objects("watched by an operator's")


def test_a_prometheus_of_our_own_is_strictly_valid_and_within_the_table(
    plain: dict[str, Any], renderings: Renderings
) -> None:
    assert all_problems(plain) == []
    assert surplus_and_lack(plain, renderings.cases["watched by ours"].variables) == (set(), set())
    pod = plain["Deployment/prometheus"]["spec"]["template"]["spec"]
    assert pod["volumes"][-1]["secret"]["secretName"] == "chat"
    assert plain["PersistentVolumeClaim/prometheus"]["spec"]["storageClassName"] == "fast"
    config = yaml.safe_load(plain["ConfigMap/prometheus"]["data"]["prometheus.yml"])
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["certificate-air.example.com"]["params"]["target"] == ["air.example.com:443"]


def test_only_what_counts_objects_gets_a_token(plain: dict[str, Any]) -> None:
    """Prometheus itself finds pods by DNS."""
    with_token = {
        container["name"]
        for item in plain.values()
        if "template" in item.get("spec", {})
        for container in item["spec"]["template"]["spec"]["containers"]
        if any(mount["name"] == "token" for mount in container["volumeMounts"])
    }
    assert with_token == {"state-metrics"}
    rules = [rule for name, item in plain.items() if name.startswith("Role/") for rule in item["rules"]]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"list", "watch"}
    assert not {"secrets", "configmaps"} & {resource for rule in rules for resource in rule["resources"]}


def test_objects_for_an_operator_are_valid_by_its_schemas(operator: dict[str, Any], renderings: Renderings) -> None:
    assert all_problems(operator) == []
    assert surplus_and_lack(operator, renderings.cases["watched by an operator's"].variables) == (set(), set())
    assert {"PodMonitor/rowhouse", "PrometheusRule/rowhouse", "ConfigMap/dashboards"} <= operator.keys()
    assert "Deployment/prometheus" not in operator
    monitor = operator["PodMonitor/rowhouse"]
    assert monitor["metadata"]["labels"]["release"] == "stack"
    ports = {
        port["name"]
        for item in operator.values()
        if "template" in item.get("spec", {})
        for container in item["spec"]["template"]["spec"]["containers"]
        for port in container.get("ports", [])
    }
    asked = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    assert asked == ports - {"http", "postgres"}


def test_the_schemas_refuse_what_an_operator_would(operator: dict[str, Any]) -> None:
    monitor = copy.deepcopy(operator["PodMonitor/rowhouse"])
    monitor["spec"]["podMetricsEndpoints"][0]["portt"] = "admin"
    with pytest.raises(ValidationError, match="portt"):
        operator_schemas.validate(monitor)
