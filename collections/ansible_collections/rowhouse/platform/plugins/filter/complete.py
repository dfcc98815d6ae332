"""Filter `complete`: what every object owes, merged as data, so that no template can forget it."""

from collections.abc import Callable, Mapping
from typing import Any

CLUSTER_SCOPED = frozenset({"Namespace"})


def complete(
    definition: Mapping[str, Any],
    *,
    namespace: str,
    labels: Mapping[str, str],
    pod_defaults: Mapping[str, Any],
    container_defaults: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the object with namespace and labels, its pods with labels and defaults.

    Whatever the definition says itself wins over a default, key by key; labels win over the definition's.
    Selectors and volume claim templates are left alone: they can't be changed later.
    """
    spec = definition.get("spec", {})
    metadata = {**definition["metadata"], "labels": {**definition["metadata"].get("labels", {}), **labels}}
    if definition["kind"] not in CLUSTER_SCOPED:
        metadata.setdefault("namespace", namespace)
    completed = {**definition, "metadata": metadata}
    if "template" in spec:
        completed["spec"] = {**spec, "template": _template(spec["template"], labels, pod_defaults, container_defaults)}
    if "jobTemplate" in spec:
        job = spec["jobTemplate"]
        template = _template(job["spec"]["template"], labels, pod_defaults, container_defaults)
        completed["spec"] = {**spec, "jobTemplate": {**job, "spec": {**job["spec"], "template": template}}}
    return completed


def _template(
    template: Mapping[str, Any],
    labels: Mapping[str, str],
    pod_defaults: Mapping[str, Any],
    container_defaults: Mapping[str, Any],
) -> dict[str, Any]:
    metadata = template.get("metadata", {})
    return {
        "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **labels}},
        "spec": _pod(template["spec"], pod_defaults, container_defaults),
    }


def _pod(
    spec: Mapping[str, Any], pod_defaults: Mapping[str, Any], container_defaults: Mapping[str, Any]
) -> dict[str, Any]:
    pod = _merge(pod_defaults, spec)
    for key in ("initContainers", "containers"):
        if key in pod:
            pod[key] = [_merge(container_defaults, container) for container in pod[key]]
    return pod


def _merge(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge mappings key by key; a list or a scalar of `own` replaces the default's."""
    merged = {**defaults, **own}
    for key in defaults.keys() & own.keys():
        if isinstance(defaults[key], Mapping) and isinstance(own[key], Mapping):
            merged[key] = _merge(defaults[key], own[key])
    return merged


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"complete": complete}
