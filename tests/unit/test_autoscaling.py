"""Whose matter the number of pods is."""

from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.autoscaling import (
    least_pods,
    left_to_autoscaler,
    with_pods,
)

AUTOSCALER = {
    "kind": "HorizontalPodAutoscaler",
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api"}, "minReplicas": 2},
}
DEPLOYMENT = {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"template": {}}}


def entry(manager: str, operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "fieldsV1": {"f:metadata": {}, "f:spec": {"f:replicas": {}, "f:template": {}}},
        **more,
    }


def live(*entries: dict[str, Any]) -> dict[str, Any]:
    return {**DEPLOYMENT, "metadata": {"name": "api", "managedFields": list(entries)}}


def test_what_is_scaled_and_from_how_many_pods() -> None:
    assert least_pods([DEPLOYMENT, AUTOSCALER]) == {"Deployment/api": 2}
    assert with_pods(DEPLOYMENT, 2)["spec"] == {"template": {}, "replicas": 2}
    assert "replicas" not in DEPLOYMENT["spec"]


def test_the_applys_own_number_is_let_go_and_nothing_else() -> None:
    others = (entry("kubectl", "Update"), entry("us", "Update", subresource="scale"), entry("them"))
    left = left_to_autoscaler("us", live(entry("us"), *others))
    assert left == [{**entry("us"), "fieldsV1": {"f:metadata": {}, "f:spec": {"f:template": {}}}}, *others]
    assert left_to_autoscaler("us", live(*left)) is None
