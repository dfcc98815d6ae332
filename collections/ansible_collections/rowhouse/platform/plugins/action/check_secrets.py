"""Action `check_secrets`: refuses Secrets of somebody else that are missing or incomplete, before anything is changed.

kubeconfig, context     the target
namespace               the namespace that the Secrets are in
secrets                 of each {variable: that names it, name, keys: that it must have, formats: see secret_problems}
"""

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster, ClusterError
from ansible_collections.rowhouse.platform.plugins.module_utils.existing_secrets import secret_problems

ARGUMENTS = {
    "kubeconfig": {"type": "str", "required": True},
    "context": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "secrets": {"type": "list", "elements": "dict", "required": True},
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
        except ClusterError as error:
            return {**result, "failed": True, "msg": str(error)}
        problems = [
            f"{wanted['variable']} is {wanted['name']}: {problem}"
            for wanted in arguments["secrets"]
            for problem in secret_problems(
                cluster.get("v1", "Secret", wanted["name"], namespace), namespace, wanted["keys"], wanted["formats"]
            )
        ]
        return {**result, "changed": False, "failed": bool(problems), "msg": "\n".join(problems) or "ok"}
