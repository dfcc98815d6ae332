"""Action `plan`: tells in tables what a deployment would change; the run ends with 3 when it is something.

kubeconfig, context     the target
objects                 all objects that the deployment would apply
diffs                   of those that would change: {before_header, before, after}
secrets                 names of Secrets that would be made
gone                    Kind/name of objects that would be removed
edits                   sentences about what was set by hand
datasets                names of the datasets
is_loading              whether data would be loaded
log                     what `rowhouse load --dry-run` wrote; empty where it could not run
"""

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.plan import (
    Plan,
    dataset_rows,
    image_changes,
    object_changes,
)

# Loads are no workload that goes on: their images are those of the table of datasets.
WORKLOADS = frozenset({"Deployment", "StatefulSet"})
SOMETHING_CHANGES = 3


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(
        objects=["dict"],
        diffs=["dict"],
        secrets=["str"],
        gone=["str"],
        edits=["str"],
        datasets=["str"],
        is_loading="bool",
        log="str",
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        cluster = self.connect(arguments, variables)
        pairs = [
            (
                cluster.get(item["apiVersion"], item["kind"], item["metadata"]["name"], item["metadata"]["namespace"]),
                item,
            )
            for item in arguments["objects"]
            if item["kind"] in WORKLOADS
        ]
        plan = Plan(
            object_changes(arguments["diffs"], arguments["secrets"], arguments["gone"]),
            image_changes(pairs),
            dataset_rows(arguments["datasets"], arguments["log"]) if arguments["is_loading"] else [],
            arguments["is_loading"],
            arguments["edits"],
        )
        for line in plan.lines():
            Display().display(f"    {line}".rstrip())
        return {"changed": not plan.is_empty, "exit_status": 0 if plan.is_empty else SOMETHING_CHANGES}
