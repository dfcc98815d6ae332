"""Action `check_variables`: refuses variables with a role's prefix that no role knows.

argument_specs accept any further variable, so a typo would quietly leave the default in place.

roles_dir   folder of the roles
"""

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.rowhouse.platform.plugins.module_utils.variables import known_variables, unknown_variables


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec({"roles_dir": {"type": "path", "required": True}})
        variables = task_vars or {}
        unknown = unknown_variables(
            variables, known_variables(Path(arguments["roles_dir"])), [Path(variables["inventory_dir"])]
        )
        return {**result, "changed": False, "failed": bool(unknown), "msg": "\n".join(map(str, unknown)) or "ok"}
