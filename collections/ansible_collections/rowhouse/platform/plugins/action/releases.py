"""Action `releases`: prints the releases that are kept, the newest first.

kubeconfig, context     the target
namespace               whose releases
output                  table; or json: one line with a list

Returns `releases`: the facts of each, with its name.
"""

import json
from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.release_store import ReleaseStore
from ansible_collections.rowhouse.platform.plugins.module_utils.release_text import table


class ActionModule(ClusterAction):
    ARGUMENTS = (
        TARGET | required(namespace="str") | {"output": {"type": "str", "choices": ["table", "json"], "required": True}}
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        store = ReleaseStore(self.connect(arguments, variables), arguments["namespace"])
        releases = [{"name": release.name, **release.facts} for release in store.releases()]
        for line in table(releases) if arguments["output"] == "table" else [json.dumps(releases)]:
            # Not for the screen alone: an answer is cut nowhere, and no colour is in it.
            Display().display(line)
        return {"releases": releases}
