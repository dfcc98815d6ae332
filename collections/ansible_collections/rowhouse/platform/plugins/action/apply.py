"""Action `apply`: server-side apply of several objects as kubernetes.core.k8s does it, with a diff that can be read.

It runs that module's own code in this process: starting the module takes longer than all of its requests. For several
objects the module keeps their diffs to itself, and in a namespace that does not exist it can check nothing: then what
is told is the objects themselves.

kubeconfig, context     the target
objects                 what to apply
manager                 field manager of our applies
namespace_exists        whether the objects' namespace was there before this run

Returns `changes`: {Kind/name: made or changed} of what is no longer as it was.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import yaml
from ansible.parsing.yaml.dumper import AnsibleDumper
from ansible.utils.display import Display
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.core import requires
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.runner import perform_action
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.service import K8sService
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.autoscaling import (
    least_pods,
    left_to_autoscaler,
    with_pods,
)
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster import Cluster
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.ownership import names
from ansible_collections.rowhouse.platform.plugins.module_utils.plan import CHANGED, MADE

# What the cluster counts for itself.
COUNTED = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"})


class ActionModule(ClusterAction):
    ARGUMENTS = TARGET | required(objects=["dict"], manager="str", namespace_exists="bool")

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        objects = arguments["objects"]
        if self._task.check_mode and not arguments["namespace_exists"]:
            changes = dict.fromkeys(names(objects), MADE)
            return {"changed": True, "changes": changes, "diff": [_diff(item, {}, item) for item in objects]}
        module = _Module(
            {
                "kubeconfig": arguments["kubeconfig"],
                "context": arguments["context"],
                "state": "present",
                "apply": True,
                "server_side_apply": {"field_manager": arguments["manager"], "force_conflicts": True},
            },
            check_mode=self._task.check_mode,
        )
        done: list[dict[str, Any]] = []
        failure = {}
        try:
            service = K8sService(get_api_client(module), module)
            scaled = _Scaled(self.connect(arguments, variables), arguments["manager"], objects)
            for item in objects:
                wanted = scaled.before(item, is_trial=self._task.check_mode)
                done.append(perform_action(service, copy.deepcopy(dict(wanted)), module.params))
                scaled.after(item, is_trial=self._task.check_mode)
        except CoreException as error:
            # What was applied before it is told too.
            failure = {"failed": True, "msg": f"{names([objects[len(done)]])[0]}: {error}"}
        changed = [item for item in done if item["changed"]]
        return {
            "changed": bool(changed),
            "changes": {
                # The lock of a first run makes the namespace, so that there is a place for it.
                name: CHANGED if item["diff"]["before"] and arguments["namespace_exists"] else MADE
                for name, item in zip(names(item["result"] for item in changed), changed, strict=True)
            },
            "diff": list(_diffs(changed)) if self._task.diff else [],
            **failure,
        }


class _Scaled:
    """Leaves the number of pods to the autoscalers among the objects."""

    def __init__(self, cluster: Cluster, manager: str, objects: Iterable[Mapping[str, Any]]) -> None:
        self._cluster = cluster
        self._manager = manager
        self._least = least_pods(objects)

    def before(self, item: Mapping[str, Any], *, is_trial: bool) -> Mapping[str, Any]:
        """Return what is to be applied."""
        (name,) = names([item])
        if name not in self._least:
            return item
        live = self._live(item)
        if live is None:
            return with_pods(item, self._least[name])
        if is_trial:
            # What the apply then leaves alone.
            return with_pods(item, live["spec"]["replicas"]) if left_to_autoscaler(self._manager, live) else item
        self._leave(live)
        return item

    def after(self, item: Mapping[str, Any], *, is_trial: bool) -> None:
        """Let go of the number of pods that a new one began with."""
        if not is_trial and names([item])[0] in self._least and (live := self._live(item)):
            self._leave(live)

    def _leave(self, live: Mapping[str, Any]) -> None:
        self._cluster.set_managed_fields(live, partial(left_to_autoscaler, self._manager))

    def _live(self, item: Mapping[str, Any]) -> Mapping[str, Any] | None:
        metadata = item["metadata"]
        return self._cluster.get(item["apiVersion"], item["kind"], metadata["name"], metadata["namespace"])


class _Module:
    """What that code asks of the module that runs it."""

    requires = staticmethod(requires)

    # By which an object that is new is told from one that was there.
    _diff = True

    def __init__(self, params: dict[str, Any], *, check_mode: bool) -> None:
        self.params = params
        self.check_mode = check_mode
        self.server_side_dry_run = check_mode

    def warn(self, text: str) -> None:
        Display().warning(text)


def _diffs(changed: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for item in changed:
        yield _diff(item["result"], item["diff"]["before"], item["diff"]["after"])


def _diff(item: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    (name,) = names([item])
    return {"before_header": name, "after_header": name, "before": _shown(before), "after": _shown(after)}


def _shown(content: Mapping[str, Any]) -> str:
    metadata = {key: value for key, value in content.get("metadata", {}).items() if key not in COUNTED}
    shown = {key: value for key, value in content.items() if key not in {"metadata", "status"}}
    if metadata:
        shown["metadata"] = metadata
    return yaml.dump(shown, Dumper=AnsibleDumper) if shown else ""
