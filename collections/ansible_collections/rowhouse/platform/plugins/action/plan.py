"""Action `plan`: tells in tables what a deployment would change, or what one has changed.

The run ends with 3 when something would change.

kubeconfig, context     the target
namespace               where
objects                 all objects that the deployment applies
changes                 of those that change: {Kind/name: made or changed}
secrets                 names of Secrets that are made
gone                    Kind/name of objects that are removed
edits                   sentences about what was set by hand
datasets                names of the datasets
is_loading              whether data are loaded
log                     what `rowhouse load` wrote, or its dry run; empty where it did not run
is_done                 whether the deployment has happened, and its release is not yet on record
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.ownership import names
from ansible_collections.rowhouse.platform.plugins.module_utils.plan import (
    Plan,
    dataset_rows,
    image_changes,
    object_changes,
)
from ansible_collections.rowhouse.platform.plugins.module_utils.release_store import ReleaseStore
from ansible_collections.rowhouse.platform.plugins.module_utils.releases import current, unpack
from ansible_collections.rowhouse.platform.plugins.module_utils.rollout import KINDS

type Object = Mapping[str, Any]

# Loads are no workload that goes on: their images are those of the table of datasets.
WORKLOADS = KINDS - {"Job"}
SOMETHING_CHANGES = 3


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(
        namespace="str",
        objects=["dict"],
        changes="dict",
        secrets=["str"],
        gone=["str"],
        edits=["str"],
        datasets=["str"],
        is_loading="bool",
        log="str",
        is_done="bool",
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        cluster = self.connect(arguments, variables)
        is_done = arguments["is_done"]
        before = _released(cluster, arguments["namespace"]) if is_done else partial(_present, cluster)
        plan = Plan(
            object_changes(arguments["changes"], arguments["secrets"], arguments["gone"]),
            image_changes((before(item), item) for item in arguments["objects"] if item["kind"] in WORKLOADS),
            dataset_rows(arguments["datasets"], arguments["log"]) if arguments["is_loading"] else [],
            arguments["is_loading"],
            arguments["edits"],
            is_done,
        )
        for line in plan.lines():
            Display().display(f"    {line}".rstrip())
        would_change = not (is_done or plan.is_empty)
        return {"changed": would_change, "exit_status": SOMETHING_CHANGES if would_change else 0}


def _present(cluster: Cluster, item: Object) -> Object | None:
    """Return the object as it is in the cluster."""
    return cluster.get(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"]["namespace"])


def _released(cluster: Cluster, namespace: str) -> Callable[[Object], Object | None]:
    """Return what finds the object as it was in the last release on record."""
    release = current(ReleaseStore(cluster, namespace).releases())
    parts = unpack(release.packed, release.facts["registry"]) if release else {}
    found = {name: item for items in parts.values() for name, item in zip(names(items), items, strict=True)}
    return lambda item: found.get(names([item])[0])
