"""Action `check_secrets`: refuses Secrets of somebody else that are missing or incomplete, before anything is changed.

kubeconfig, context     the target
namespace               the namespace that the Secrets are in
secrets                 of each {variable: that names it, name, keys: that it must have, formats: see secret_problems}
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.existing_secrets import secret_problems
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(namespace="str", secrets=["dict"])

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        namespace = arguments["namespace"]
        cluster = self.connect(arguments, variables)
        problems = [
            f"{wanted['variable']} is {wanted['name']}: {problem}"
            for wanted in arguments["secrets"]
            for problem in secret_problems(
                cluster.get("v1", "Secret", wanted["name"], namespace), namespace, wanted["keys"], wanted["formats"]
            )
        ]
        if problems:
            raise RefusalError("\n".join(problems))
        return {}
