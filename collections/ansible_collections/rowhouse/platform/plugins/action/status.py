"""Action `status`: tells how a deployment is, and ends the run with 3 when something is wrong with it.

kubeconfig, context     the target
namespace               whose status
manager                 field manager of our applies
backup_days             days that a verified backup may be old, where backups are taken
output                  screen; or json: one line with an object

Returns `problems`: {what, next_step} of each.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import required
from ansible_collections.rowhouse.platform.plugins.module_utils.cluster_action import TARGET, ClusterAction
from ansible_collections.rowhouse.platform.plugins.module_utils.status import as_json, problems, screen
from ansible_collections.rowhouse.platform.plugins.module_utils.status_source import StatusSource

SOMETHING_IS_WRONG = 3


class ActionModule(ClusterAction):
    ARGUMENTS = (
        TARGET
        | required(namespace="str", manager="str")
        | {
            "backup_days": {"type": "int", "required": True},
            "output": {"type": "str", "choices": ["screen", "json"], "required": True},
        }
    )

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        cluster = self.connect(arguments, variables)
        backup_limit = timedelta(days=arguments["backup_days"])
        facts = StatusSource(cluster, arguments["namespace"], arguments["manager"], backup_limit).facts()
        now = datetime.now(UTC)
        found = problems(facts, now)
        if arguments["output"] == "json":
            lines = [json.dumps(as_json(facts, found), default=datetime.isoformat)]
        else:
            lines = screen(facts, found, now)
        for line in lines:
            Display().display(line)
        return {"problems": [asdict(item) for item in found], "exit_status": SOMETHING_IS_WRONG if found else 0}
