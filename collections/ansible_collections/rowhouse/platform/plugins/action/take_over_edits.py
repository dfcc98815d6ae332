"""Action `take_over_edits`: makes the next apply put right what somebody set by hand beside what we apply.

Server-side apply takes back fields that it applies, and leaves alone what others added: a variable, a label of a
selector, a port. Such fields become ours here, and go with the next apply.

kubeconfig, context     the target
namespaces              where, and these namespaces themselves; one that is not there holds no edits
kinds                   list of {api_version, kind} that are looked at
manager                 field manager of our applies
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.ownership import edits, is_applied_by, names, taken_over


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(namespaces=["str"], kinds=["dict"], manager="str")

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        manager = arguments["manager"]
        cluster = self.connect(arguments, variables)
        items = [
            item
            for namespace in arguments["namespaces"]
            for item in cluster.find_with_namespace(arguments["kinds"], namespace)
        ]
        edited = [item for item in items if is_applied_by(manager, item) and edits(manager, item)]
        found = [
            f"{name}: {path} was set by {edit.manager}"
            for name, item in zip(names(edited), edited, strict=True)
            for edit in edits(manager, item)
            for path in edit.paths
        ]
        if not self._task.check_mode:
            for item in edited:
                cluster.set_managed_fields(item, partial(taken_over, manager))
        return self.found(found)
