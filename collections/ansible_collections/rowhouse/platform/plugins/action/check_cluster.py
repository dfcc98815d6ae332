"""Action `check_cluster`: refuses a cluster that cannot take the deployment, before anything is changed.

kubeconfig, context     the target
namespace               the namespace to deploy to
storage_class           class of the database's volume; empty: the cluster's default; left out: there is no volume
node_port               port that the API shall have on the nodes; null: any
"""

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import (
    Cluster,
    ClusterError,
    list_services,
    refuse_storage,
    refuse_taken_port,
)

ARGUMENTS = {
    "kubeconfig": {"type": "str", "required": True},
    "context": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "storage_class": {"type": "str"},
    "node_port": {"type": "int"},
}


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(ARGUMENTS)
        inventory = Path((task_vars or {})["inventory_dir"])
        namespace = arguments["namespace"]
        try:
            cluster = Cluster.connect(arguments["kubeconfig"], arguments["context"], inventory)
            if arguments["storage_class"] is not None:
                refuse_storage(cluster.list("storage.k8s.io/v1", "StorageClass"), arguments["storage_class"])
            refuse_taken_port(list_services(cluster), arguments["node_port"], namespace)
        except ClusterError as error:
            return {**result, "failed": True, "msg": str(error)}
        exists = cluster.get("v1", "Namespace", namespace) is not None
        return {**result, "changed": False, "namespace_exists": exists}
