"""Action `unlock`: frees the lock of a namespace, whosever it is, and says whose it was.

kubeconfig, context     the target
namespace               where
"""

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.lease import DeployLock
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(namespace="str")

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        namespace = arguments["namespace"]
        lock = DeployLock(self.connect(arguments, variables).api, namespace)
        lease = lock.look()
        if lease is None:
            Display().display(f"    nobody holds the lock of {namespace}")
            return {}
        if not self._task.check_mode and not lock.remove(lease):
            raise RefusalError(
                f"The lock of {namespace} changed hands at this moment. Look again: run the playbook again."
            )
        state = "alive, it stops within seconds" if lease.is_live else f"dead since {lease.expires:%H:%M:%S} UTC"
        return self.found([f"the lock of {namespace} was held by {lease.told} ({state})"])
