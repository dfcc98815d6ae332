"""Action `check_cluster`: refuses a cluster that cannot take the deployment, before anything is changed.

kubeconfig, context     the target
namespace               the namespace to deploy to
storage_class           class of the database's volume; empty: the cluster's default
node_port               port that the API shall have on the nodes; null: any
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import (
    Cluster,
    list_services,
    refuse_storage,
    refuse_taken_port,
)

ARGUMENTS = {
    "kubeconfig": {"type": "str", "required": True},
    "context": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "storage_class": {"type": "str", "required": True},
    "node_port": {"type": "int"},
}


class ActionModule(Action):
    ARGUMENTS = ARGUMENTS

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        namespace = arguments["namespace"]
        cluster = Cluster.connect(arguments["kubeconfig"], arguments["context"], Path(variables["inventory_dir"]))
        refuse_storage(cluster.list("storage.k8s.io/v1", "StorageClass"), arguments["storage_class"])
        refuse_taken_port(list_services(cluster), arguments["node_port"], namespace)
        return {"namespace_exists": cluster.get("v1", "Namespace", namespace) is not None}
