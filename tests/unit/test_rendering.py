"""The filters that make files of a deployment, where the inventories of this repository do not lead."""

from typing import Any

import pytest
import yaml
from ansible_collections.rowhouse.platform.plugins.filter.compose import compose, env_names
from ansible_collections.rowhouse.platform.plugins.filter.kustomize import kustomize
from ansible_collections.rowhouse.platform.plugins.module_utils.yaml_text import yaml_text

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n"
SECRET: dict[str, Any] = {
    "variable": "api_object_store_existing_secret",
    "name": "s3-login",
    "keys": ["access-key", "secret-key"],
    "formats": {},
}
LABELS = {"app.kubernetes.io/name": "api"}


def deployment(**container: Any) -> dict[str, Any]:
    pod = {
        "securityContext": {"runAsUser": 7, "runAsGroup": 8},
        "containers": [
            {
                "image": "x/api:1",
                "resources": {"limits": {"memory": "512Mi"}},
                "securityContext": {
                    "readOnlyRootFilesystem": True,
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [],
                **container,
            }
        ],
    }
    metadata = {"name": "api", "labels": LABELS}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"template": {"spec": pod}}}


def api(own: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """Return the service of such a container."""
    files = compose([deployment(**container)], name="p", secrets=[SECRET], own={"api": own or {}}, note="Made.")
    assert files["compose.yaml"].startswith("# Made.\n")
    content: dict[str, Any] = yaml.safe_load(files["compose.yaml"])["services"]["api"]
    return content


def test_what_compose_would_take_for_a_variable_is_escaped() -> None:
    service = api(args=["a$b"], env=[{"name": "PATTERN", "value": "^x$"}])
    assert service["command"] == ["a$$b"]
    assert service["environment"] == {"PATTERN": "^x$$"}


def test_passwords_are_asked_for_by_the_name_of_their_variable() -> None:
    reference = {"secretKeyRef": {"name": "s3-login", "key": "secret-key"}}
    service = api(env=[{"name": "KEY", "valueFrom": reference}])
    name = "API_OBJECT_STORE_SECRET_KEY"
    assert service["environment"] == {"KEY": f"${{{name}:?set {name} in .env}}"}
    assert name in env_names([SECRET])


@pytest.mark.parametrize(
    ("quantity", "limit"),
    [("512Mi", "512m"), ("2Gi", "2g"), ("1.5Gi", "1536m"), ("1536Ki", "1536k"), ("1G", "976562k"), ("1000", "1000b")],
)
def test_memory_is_said_in_the_largest_unit_without_a_rest(quantity: str, limit: str) -> None:
    assert api(resources={"limits": {"memory": quantity}})["mem_limit"] == limit.replace("976562k", "1000000000b")


def test_probes_become_a_check() -> None:
    ready = {"exec": {"command": ["ready"]}, "periodSeconds": 5}
    startup = {"periodSeconds": 2, "failureThreshold": 150}
    assert api(readinessProbe=ready, startupProbe=startup)["healthcheck"] == {
        "test": ["CMD", "ready"],
        "interval": "5s",
        "timeout": "1s",
        "retries": 3,
        "start_period": "300s",
    }


def test_its_own_replaces_a_text_and_adds_to_lists_and_mappings() -> None:
    own = {"user": "me", "command": ["more"], "environment": {"B": "2"}, "ports": ["1:1"]}
    service = api(own, args=["some"], env=[{"name": "A", "value": "1"}])
    assert service["user"] == "me"
    assert service["command"] == ["some", "more"]
    assert service["environment"] == {"A": "1", "B": "2"}
    assert service["ports"] == ["1:1"]


def test_nobody_waits_for_what_somebody_else_runs() -> None:
    assert "depends_on" not in api({"depends_on": {"redis": {"condition": "service_started"}}})


@pytest.mark.parametrize(
    ("reference", "entry"),
    [
        ("127.0.0.1:5000/rowhouse/api:0.1.0", {"name": "127.0.0.1:5000/rowhouse/api", "newTag": "0.1.0"}),
        ("registry.example.com/redis@sha256:1", {"name": "registry.example.com/redis", "digest": "sha256:1"}),
        ("redis:8@sha256:1", {"name": "redis", "digest": "sha256:1"}),
        ("redis", {"name": "redis", "newTag": "latest"}),
    ],
)
def test_kustomize_gets_the_parts_of_a_reference(reference: str, entry: dict[str, str]) -> None:
    files = kustomize([deployment(image=reference)], secrets=[], labels={}, namespace="n", note="")
    content = yaml.safe_load(files["kustomization.yaml"])
    assert content["images"] == [{**entry, "newName": entry["name"]}]
    assert "secretGenerator" not in content


def test_files_are_made_to_be_read() -> None:
    data = {"data": {"ca.crt": CERTIFICATE}, "list": [{"a": "no"}], "umlaut": "ä"}
    text = yaml_text(data)
    assert text == ("data:\n  ca.crt: |\n    -----BEGIN CERTIFICATE-----\n    MIIB\nlist:\n  - a: 'no'\numlaut: ä\n")
    assert yaml.safe_load(text) == data
