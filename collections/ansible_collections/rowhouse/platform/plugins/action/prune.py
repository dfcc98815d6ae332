"""Action `prune`: deletes objects that an earlier run applied and this one did not.

kubeconfig, context     the target
namespace               where
kinds                   list of {api_version, kind} that may be deleted
manager                 field manager of our applies: what it has not applied is not ours to delete
rendered                all objects of this run
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.ownership import is_applied_by, names


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(namespace="str", kinds=["dict"], manager="str", rendered=["dict"])

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        cluster = self.connect(arguments, variables)
        rendered = set(names(arguments["rendered"]))
        superfluous = [
            item
            for item in cluster.find_kinds(arguments["kinds"], arguments["namespace"])
            if is_applied_by(arguments["manager"], item) and not rendered.intersection(names([item]))
        ]
        if not self._task.check_mode:
            for item in superfluous:
                cluster.delete(item)
        return self.found(names(superfluous))
