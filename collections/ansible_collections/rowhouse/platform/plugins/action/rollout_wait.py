"""Action `rollout_wait`: waits until workloads run as applied; tells how far, and at once why not.

kubeconfig, context     the target
objects                 applied objects; those that are no Deployment, StatefulSet, DaemonSet or Job are ignored
timeout                 seconds that all of them together may take
"""

import time
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.rollout import (
    KINDS,
    LogSource,
    Patience,
    Verdict,
    current_pods,
    judge,
)
from urllib3.exceptions import HTTPError

# Seconds between two looks, and after how many a line is printed although nothing changed.
POLL = 1.0
SIGN_OF_LIFE = 10.0


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(objects=["dict"], timeout="int")
    _supports_check_mode = False

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        workloads = [item for item in arguments["objects"] if item["kind"] in KINDS]
        if not workloads:
            return {"msg": "nothing to wait for"}
        started = time.monotonic()
        cluster = self.connect(arguments, variables)
        for workload in workloads:
            _Wait(cluster, workload, started, arguments["timeout"]).until_done()
        return {"msg": f"ready after {time.monotonic() - started:.0f} s"}


class _Wait:
    """The wait for one workload; times in seconds of the monotonic clock."""

    def __init__(self, cluster: Cluster, workload: Mapping[str, Any], started: float, timeout: int) -> None:
        self._cluster = cluster
        self._api_version = workload["apiVersion"]
        self._kind = workload["kind"]
        self._name = workload["metadata"]["name"]
        self._namespace = workload["metadata"]["namespace"]
        self._started = started
        self._timeout = timeout
        self._patience = Patience()
        self._printed = ("", started)

    def until_done(self) -> None:
        while True:
            try:
                verdict = self._look()
            except HTTPError:
                # A control plane may restart during a rollout: that is for the timeout to judge.
                verdict = Verdict(done=False, progress="the cluster does not answer")
            now = time.monotonic()
            self._print(verdict, now)
            if verdict.done:
                return
            doom = self._patience.exhausted(verdict.dooms, now)
            if doom:
                raise RefusalError(self._explain(doom.reason, doom.log))
            if now - self._started >= self._timeout:
                reason = f"not ready after {self._timeout} s: {verdict.progress}"
                raise RefusalError(self._explain(reason, verdict.log))
            time.sleep(POLL)

    def _look(self) -> Verdict:
        workload = self._cluster.get(self._api_version, self._kind, self._name, self._namespace)
        if workload is None:
            raise RefusalError(f"{self._kind} {self._name} was deleted by somebody else. Run the playbook again.")
        replica_sets = (
            self._cluster.find("apps/v1", "ReplicaSet", self._namespace) if self._kind == "Deployment" else []
        )
        pods = current_pods(workload, self._cluster.find("v1", "Pod", self._namespace), replica_sets)
        claims = (
            self._cluster.find("v1", "PersistentVolumeClaim", self._namespace) if self._kind == "StatefulSet" else []
        )
        events = [] if self._kind == "Deployment" else self._cluster.find("v1", "Event", self._namespace)
        return judge(workload, pods, claims, events)

    def _print(self, verdict: Verdict, now: float) -> None:
        text, when = self._printed
        # What is done at the first look has nothing to tell.
        if (verdict.done and not text) or (text == verdict.progress and now - when < SIGN_OF_LIFE):
            return
        self._printed = (verdict.progress, now)
        Display().display(f"    {self._name}: {verdict.progress}, {now - self._started:.0f} s")

    def _explain(self, reason: str, log: LogSource | None) -> str:
        message = f"{self._kind} {self._name} in {self._namespace}: {reason}"
        if log is None:
            return message
        lines = self._cluster.last_log_lines(log.pod, self._namespace, log.container, previous=log.previous)
        return f"{message}\nLast lines of {log.container} in pod {log.pod}:\n{lines}"
