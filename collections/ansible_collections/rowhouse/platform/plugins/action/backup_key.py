"""Action `backup_key`: has the key of the backups, and sees that it is not only in the cluster.

kubeconfig, context     the target
namespace, kept_in      where the cluster keeps the key, as `key`
supplied                the key of the inventory; empty: it is in the file, or is generated once
file                    where a key is written that nobody supplied

Returns `key`. A cluster with another key is refused: what was backed up by that could not be read.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.filter.secret_data import secret_data
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.backup_key import known_key
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction


class ActionModule(ClusterAction):
    ARGUMENTS = (
        TARGET
        | required(namespace="str", kept_in="str", file="path")
        | {"supplied": {"type": "str", "required": True, "no_log": True}}
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        cluster = self.connect(arguments, variables)
        secret = cluster.get("v1", "Secret", arguments["kept_in"], arguments["namespace"])
        file = Path(arguments["file"])
        written = file.exists() and file.read_text().strip()
        key = known_key(secret, arguments["namespace"], arguments["supplied"], file)
        key = key or secret_data({"key": ""}, {})["key"]
        is_new = not arguments["supplied"] and not written
        if is_new and not self._task.check_mode:
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
                output.write(f"{key}\n")
        if is_new:
            Display().display(
                f"    The key of the backups {'would be' if self._task.check_mode else 'is'} in {file}."
                " Keep a copy of it elsewhere: without it no backup can be read."
            )
        return {"changed": is_new, "key": key, "_ansible_no_log": True}
