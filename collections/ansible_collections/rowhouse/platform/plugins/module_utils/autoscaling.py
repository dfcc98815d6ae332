"""Deployments whose number of pods is an autoscaler's matter: what an apply says of it, and what it leaves alone.

An apply that no longer names a field that it had set removes it, which would leave one pod; a Deployment that is new
would begin with one.
https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
"""

from collections.abc import Iterable, Mapping
from typing import Any

type Object = Mapping[str, Any]

_KIND = "HorizontalPodAutoscaler"
_FIELD = "f:replicas"


def least_pods(objects: Iterable[Object]) -> dict[str, int]:
    """Return {Kind/name: pods at the least} of what the autoscalers among the objects scale."""
    targets = (
        (item["spec"]["scaleTargetRef"], item["spec"]["minReplicas"]) for item in objects if item["kind"] == _KIND
    )
    return {f"{target['kind']}/{target['name']}": least for target, least in targets}


def with_pods(item: Object, number: int) -> dict[str, Any]:
    """Return the object with so many pods."""
    return {**item, "spec": {**item["spec"], "replicas": number}}


def left_to_autoscaler(manager: str, item: Object) -> list[dict[str, Any]] | None:
    """Return managedFields in which the manager's apply does not own the number of pods; None when it does not now."""
    entries = item["metadata"].get("managedFields", [])
    own = [entry for entry in entries if _owns(manager, entry)]
    return [_without(entry) if entry in own else entry for entry in entries] if own else None


def _owns(manager: str, entry: Object) -> bool:
    is_apply = entry["manager"] == manager and entry["operation"] == "Apply" and not entry.get("subresource")
    return is_apply and _FIELD in entry["fieldsV1"].get("f:spec", {})


def _without(entry: Object) -> dict[str, Any]:
    fields = entry["fieldsV1"]
    spec = {key: value for key, value in fields["f:spec"].items() if key != _FIELD}
    return {**entry, "fieldsV1": {**fields, "f:spec": spec}}
