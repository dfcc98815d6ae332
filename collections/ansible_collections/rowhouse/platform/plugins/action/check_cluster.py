"""Action `check_cluster`: refuses a cluster that cannot take the deployment, before anything is changed.

kubeconfig, context     the target
namespace               the namespace to deploy to
storage_class           class of the database's volume; empty: the cluster's default; left out: there is no volume
backup_key, backup_key_file  what the inventory says of the key of backups; left out: none are taken
node_port               port that the API shall have on the nodes; null: any
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.backup_key import known_key
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.preconditions import (
    list_services,
    refuse_storage,
    refuse_taken_port,
)


class ActionModule(ClusterAction):
    ARGUMENTS = (
        TARGET
        | required(namespace="str")
        | {"storage_class": {"type": "str"}, "node_port": {"type": "int"}}
        | {"backup_key": {"type": "str", "no_log": True}, "backup_key_file": {"type": "path"}}
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        namespace = arguments["namespace"]
        cluster = self.connect(arguments, variables)
        if arguments["storage_class"] is not None:
            refuse_storage(cluster.find("storage.k8s.io/v1", "StorageClass"), arguments["storage_class"])
        refuse_taken_port(list_services(cluster), arguments["node_port"], namespace)
        if arguments["backup_key_file"] is not None:
            secret = cluster.get("v1", "Secret", "backup", namespace)
            known_key(secret, namespace, arguments["backup_key"], Path(arguments["backup_key_file"]))
        return {"namespace_exists": cluster.get("v1", "Namespace", namespace) is not None}
