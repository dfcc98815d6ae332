"""Action `api_key`: makes the token of a new API key, by the API's own program; nothing is kept anywhere.

source_dir      folder of the package `rowhouse`

Returns `key`: id, digest and token. The task that calls it hides its result.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError


class ActionModule(Action):
    ARGUMENTS = required(source_dir="path")

    def act(self, arguments: dict[str, Any], _variables: Mapping[str, Any]) -> dict[str, Any]:
        made = subprocess.run(
            [sys.executable, "-m", "rowhouse", "keys", "make"],
            env=os.environ | {"PYTHONPATH": arguments["source_dir"]},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RefusalError(made.stderr.strip())
        return {"key": json.loads(made.stdout)}
