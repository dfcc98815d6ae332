"""Action `check_variables`: refuses variables with a role's prefix that no role knows.

argument_specs accept any further variable, so a typo would quietly leave the default in place.

roles_dir   folder of the roles
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError
from ansible_collections.rowhouse.platform.plugins.module_utils.variables import known_variables, unknown_variables


class ActionModule(Action):
    ARGUMENTS = required(roles_dir="path")

    def act(self, arguments: dict[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        known = known_variables(Path(arguments["roles_dir"]))
        unknown = unknown_variables(variables, known, [Path(variables["inventory_dir"])])
        if unknown:
            raise RefusalError("\n".join(map(str, unknown)))
        return {}
