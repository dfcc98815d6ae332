"""Action `lock`: makes this run the only one that changes a namespace, or refuses because another one does.

The callback rowhouse.platform.guard renews the lock and frees it. A namespace that does not exist yet is made.

kubeconfig, context     the target
namespace               where
"""

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import explain
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.lease import DeployLock, HeldError
from ansible_collections.rowhouse.platform.plugins.module_utils.playbooks import command
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.run_link import RunLink, Target
from kubernetes import client

NOT_ENABLED = (
    "The lock of a deployment is kept by the callback rowhouse.platform.guard, which is not enabled. Set "
    "`callbacks_enabled = rowhouse.platform.guard` under [defaults] in ansible.cfg, or ANSIBLE_CALLBACKS_ENABLED to it."
)


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(namespace="str")
    _supports_check_mode = False

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        run = RunLink.inherited()
        if run is None:
            raise RefusalError(NOT_ENABLED)
        namespace = arguments["namespace"]
        cluster = self.connect(arguments, variables)
        target = Target(arguments["kubeconfig"], arguments["context"], namespace)
        # Told before: whenever this process is killed, the main process knows what it may have to free.
        run.tell(target, held=False)
        try:
            dead = DeployLock(cluster.api, namespace).take(run.holder)
        except HeldError as error:
            lease = error.lease
            raise RefusalError(
                f"{namespace} is being changed by {lease.told}. Wait until that run has ended; if it has died, its "
                f"lock ends by itself at {lease.expires:%H:%M:%S} UTC, in {lease.seconds_left} s. To override it: "
                f"`{command('unlock', variables)}`."
            ) from error
        except client.ApiException as error:
            raise RefusalError(
                f"The lock of {namespace}, its Lease `deploy`, cannot be taken: {explain(error)}. "
                "Who deploys needs get, create, patch and delete of leases.coordination.k8s.io there."
            ) from error
        run.tell(target, held=True)
        if dead is None:
            return {"msg": f"the lock of {namespace} is held by this run"}
        taken_over = f"took over from {dead.told}: without a sign of life since {dead.expires:%H:%M:%S} UTC"
        Display().display(f"    {taken_over}")
        return {"msg": taken_over}
