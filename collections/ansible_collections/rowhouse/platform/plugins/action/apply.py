"""Action `apply`: server-side apply of several objects by kubernetes.core.k8s, with a diff that can be read.

For several objects the module keeps their diffs to itself, and in a namespace that does not exist it can check nothing:
then what is told is the objects themselves.

kubeconfig, context     the target
objects                 what to apply
manager                 field manager of our applies
namespace_exists        whether the objects' namespace was there before this run
"""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from ansible.parsing.yaml.dumper import AnsibleDumper
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.ownership import names

ARGUMENTS = TARGET | {
    "objects": {"type": "list", "elements": "dict", "required": True},
    "manager": {"type": "str", "required": True},
    "namespace_exists": {"type": "bool", "required": True},
}
# What the cluster counts for itself.
COUNTED = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"})


class ActionModule(ClusterAction):
    ARGUMENTS = ARGUMENTS

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        objects = arguments["objects"]
        if self._task.check_mode and not arguments["namespace_exists"]:
            return {"changed": True, "msg": names(objects), "diff": [_diff(item, {}, item) for item in objects]}
        module: dict[str, Any] = self._execute_module(
            module_name="kubernetes.core.k8s",
            module_args={
                "kubeconfig": arguments["kubeconfig"],
                "context": arguments["context"],
                "definition": objects,
                "apply": True,
                "server_side_apply": {"field_manager": arguments["manager"], "force_conflicts": True},
            },
            task_vars=dict(variables),
        )
        # One object's result stands alone, those of several in a list.
        done = module.get("result", {}).get("results") or [module]
        changed = [item for item in done if item.get("changed")]
        result = {key: module[key] for key in ("changed", "failed", "msg", "warnings", "exception") if key in module}
        return result | {"objects": names(item["result"] for item in changed), "diff": list(_diffs(changed))}


def _diffs(changed: list[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for item in changed:
        # The module makes none unless --diff asks for it.
        if item.get("diff"):
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
