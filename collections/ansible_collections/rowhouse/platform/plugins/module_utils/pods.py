"""Where an object says what its pods are."""

from collections.abc import Mapping
from typing import Any

type Object = Mapping[str, Any]


def pod_of(item: Object) -> Object | None:
    """Return the description of the pods that a workload makes; those of a CronJob belong to its Jobs."""
    spec = item.get("spec", {})
    if "jobTemplate" in spec:
        return pod_of(spec["jobTemplate"])
    pod: Object | None = spec.get("template", {}).get("spec")
    return pod


def with_pod(item: Object, pod: Object) -> Object:
    """Return the workload with these pods."""
    spec = item["spec"]
    if "jobTemplate" in spec:
        return {**item, "spec": {**spec, "jobTemplate": with_pod(spec["jobTemplate"], pod)}}
    return {**item, "spec": {**spec, "template": {**spec["template"], "spec": pod}}}
