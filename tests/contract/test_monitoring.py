"""A deployment that is watched, by a Prometheus of its own or an operator's: test_variants.py says that it is valid."""

import copy
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError

from tests.contract import operator_schemas
from tests.contract.renderings import Renderings


@pytest.fixture(scope="module")
def plain(renderings: Renderings) -> dict[str, Any]:
    return renderings.objects("parts of others")


@pytest.fixture(scope="module")
def operator(renderings: Renderings) -> dict[str, Any]:
    return renderings.objects("ours, otherwise")


def test_the_certificate_of_an_ingress_is_looked_at(plain: dict[str, Any]) -> None:
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


def test_an_operator_finds_every_port_that_tells_something(operator: dict[str, Any]) -> None:
    assert {"PodMonitor/rowhouse", "PrometheusRule/rowhouse", "ConfigMap/dashboards"} <= operator.keys()
    monitor = operator["PodMonitor/rowhouse"]
    ports = {
        port["name"]
        for item in operator.values()
        if "template" in item.get("spec", {})
        for container in item["spec"]["template"]["spec"]["containers"]
        for port in container.get("ports", [])
    }
    asked = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    assert asked == ports - {"http", "postgres", "entries"}


def test_the_schemas_refuse_what_an_operator_would(operator: dict[str, Any]) -> None:
    monitor = copy.deepcopy(operator["PodMonitor/rowhouse"])
    monitor["spec"]["podMetricsEndpoints"][0]["portt"] = "admin"
    with pytest.raises(ValidationError, match="portt"):
        operator_schemas.validate(monitor)
