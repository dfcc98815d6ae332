"""What must hold of a cluster before anything is changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster, ClusterError
from kubernetes import client

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
FORBIDDEN = 403


def refuse_storage(classes: Iterable[Mapping[str, Any]], wanted: str) -> None:
    """Raise ClusterError when volumes of the wanted class (empty: of the default class) would never be bound."""
    marks = {item["metadata"]["name"]: item["metadata"].get("annotations", {}).get(DEFAULT_CLASS) for item in classes}
    names = ", ".join(sorted(marks)) or "none at all"
    if wanted and wanted not in marks:
        raise ClusterError(
            f"postgres_storage_class is {wanted}, but the cluster's StorageClasses are {names}. "
            "Set postgres_storage_class in group_vars/all/main.yml of the inventory to one of them."
        )
    if not wanted and "true" not in marks.values():
        raise ClusterError(
            f"The cluster has no default StorageClass (it has {names}), so the database's volume would wait for ever. "
            "Set postgres_storage_class in group_vars/all/main.yml of the inventory, or mark a class as the default."
        )


def refuse_taken_port(services: Iterable[Mapping[str, Any]], port: int | None, namespace: str) -> None:
    """Raise ClusterError when a Service of another namespace holds the node port."""
    for service in services:
        metadata = service["metadata"]
        ports = {item.get("nodePort") for item in service["spec"].get("ports", [])}
        if port in ports - {None} and metadata["namespace"] != namespace:
            raise ClusterError(
                f"Port {port} is taken by Service {metadata['name']} in namespace {metadata['namespace']}. "
                "Set another api_node_port in group_vars/all/main.yml of the inventory."
            )


def list_services(cluster: Cluster) -> list[Mapping[str, Any]]:
    """Return the Services of all namespaces; none where one may see only one's own."""
    try:
        return cluster.find("v1", "Service")
    except client.ApiException as error:
        if error.status == FORBIDDEN:
            return []
        raise
