"""The filters and tests that templates and tasks use."""

from base64 import b64encode
from typing import Any

from ansible_collections.rowhouse.platform.plugins.filter.complete import complete
from ansible_collections.rowhouse.platform.plugins.filter.secret_data import secret_data, secret_differences
from ansible_collections.rowhouse.platform.plugins.test.has_condition import has_condition

DEPLOYMENT: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "api"},
    "spec": {
        "selector": {"matchLabels": {"name": "api"}},
        "template": {
            "metadata": {"annotations": {"checksum": "1"}},
            "spec": {
                "containers": [{"name": "api", "securityContext": {"readOnlyRootFilesystem": False}}],
                "initContainers": [{"name": "check"}],
            },
        },
    },
}
OPTIONS: dict[str, Any] = {
    "namespace": "rowhouse-dev",
    "labels": {"name": "api", "part-of": "rowhouse"},
    "pod_defaults": {"enableServiceLinks": False},
    "container_defaults": {"securityContext": {"readOnlyRootFilesystem": True, "privileged": False}},
}


def test_an_object_gets_namespace_and_labels_its_selector_stays() -> None:
    completed = complete(DEPLOYMENT, **OPTIONS)
    assert completed["metadata"] == {"name": "api", "namespace": "rowhouse-dev", "labels": OPTIONS["labels"]}
    assert completed["spec"]["selector"] == {"matchLabels": {"name": "api"}}


def test_pods_get_labels_and_defaults_and_their_own_values_win() -> None:
    template = complete(DEPLOYMENT, **OPTIONS)["spec"]["template"]
    assert template["metadata"] == {"annotations": {"checksum": "1"}, "labels": OPTIONS["labels"]}
    assert template["spec"] == {
        "enableServiceLinks": False,
        "containers": [{"name": "api", "securityContext": {"readOnlyRootFilesystem": False, "privileged": False}}],
        "initContainers": [{"name": "check", "securityContext": {"readOnlyRootFilesystem": True, "privileged": False}}],
    }


def test_a_namespace_has_no_namespace() -> None:
    completed = complete({"kind": "Namespace", "metadata": {"name": "n", "labels": {"team": "data"}}}, **OPTIONS)
    assert completed["metadata"] == {"name": "n", "labels": {"team": "data", **OPTIONS["labels"]}}


def test_an_object_that_names_its_namespace_stays_there() -> None:
    elsewhere = {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "rowhouse-dev-logs"}}
    assert complete(elsewhere, **OPTIONS)["metadata"]["namespace"] == "rowhouse-dev-logs"


def test_passwords_are_generated_where_none_is_supplied() -> None:
    formats = {"auth.conf": {"key": "password", "format": "requirepass %s"}}
    data = secret_data({"password": "", "other": "given"}, formats)
    assert data["other"] == "given"
    assert len(data["password"]) == 32
    assert data["password"].isalnum()
    assert data["auth.conf"] == f"requirepass {data['password']}"
    assert secret_data({"password": ""}, {})["password"] != data["password"]


def test_supplied_passwords_are_compared_with_the_secret() -> None:
    data = {"a": b64encode("ä".encode()).decode()}
    assert secret_differences({"a": "ä", "b": ""}, data) == []
    assert secret_differences({"a": "x", "b": "y"}, data) == ["a", "b"]


def test_a_condition_counts_only_when_it_holds() -> None:
    assert has_condition([{"type": "Failed", "status": "True"}], "Failed")
    assert not has_condition([{"type": "Failed", "status": "False"}, {"type": "Complete", "status": "True"}], "Failed")
