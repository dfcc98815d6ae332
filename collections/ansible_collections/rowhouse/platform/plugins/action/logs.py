"""Action `logs`: looks lines up in the store of logs.

kubeconfig, context     the target
namespace               whose logs
beside                  the collector's namespace
question                {request_id, component, level, text, since, until: texts, lines: number}
output                  screen; or json: one line with an object each

Returns `lines`: how many were found.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.log_lookup import Question, journalctl, lines
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.rollout import is_ready

STORE = "log-store"
COLLECTOR = "log-collector"
FOLDER = "/var/lib/logs"
# The collector's note of where the logs are that are in no store of ours.
WHEREABOUTS = "rowhouse/logs"


class ActionModule(ClusterAction):
    ARGUMENTS = (
        TARGET
        | required(namespace="str", beside="str", question="dict")
        | {"output": {"type": "str", "choices": ["screen", "json"], "required": True}}
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        question = Question.of(arguments["question"], datetime.now(UTC))
        cluster = self.connect(arguments, variables)
        namespace = arguments["namespace"]
        pod = _store_pod(cluster, namespace, arguments["beside"])
        answer = cluster.run_in_pod(pod, STORE, journalctl(FOLDER, question.words()), namespace)
        if answer is None:
            raise RefusalError(f"Pod {pod} in {namespace} did not answer: kubectl describe pod {pod} -n {namespace}")
        found = lines(answer, question)
        for line in found:
            Display().display(json.dumps(asdict(line)) if arguments["output"] == "json" else line.shown())
        if not found and arguments["output"] == "screen":
            Display().display("No line was found.")
        return {"lines": len(found)}


def _store_pod(cluster: Cluster, namespace: str, beside: str) -> str:
    """Return the pod to ask, or refuse with what is there in its place."""
    collector = cluster.get("apps/v1", "DaemonSet", COLLECTOR, beside)
    if collector is None:
        raise RefusalError(f"No logs are collected of {namespace}: set logging_enabled to true, build and deploy.")
    elsewhere = collector["metadata"].get("annotations", {}).get(WHEREABOUTS)
    if elsewhere:
        raise RefusalError(f"The logs of {namespace} are in no store of ours. Look there: {elsewhere}")
    pods = cluster.find("v1", "Pod", namespace, f"app.kubernetes.io/name={STORE}")
    ready = [pod["metadata"]["name"] for pod in pods if is_ready(pod)]
    if not ready:
        raise RefusalError(
            f"The store of logs is away: no pod of Deployment {STORE} in {namespace} is ready. What is written "
            f"meanwhile waits on the nodes. Next: kubectl describe deployment {STORE} -n {namespace}"
        )
    return str(ready[0])
