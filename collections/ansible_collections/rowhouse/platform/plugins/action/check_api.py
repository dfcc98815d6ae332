"""Action `check_api`: has the API itself judge its settings and the datasets, before anything is changed.

One parser for both sides: `rowhouse check` runs here, with the environment that the pods will have.

source_dir      folder of the package `rowhouse`
environment     the pods' ROWHOUSE_* variables
datasets_dir    folder with NAME/dataset.yml and the data files
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.datasets import file_problems
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError


class ActionModule(Action):
    ARGUMENTS = required(source_dir="path", environment="dict", datasets_dir="path")

    def act(self, arguments: dict[str, Any], _variables: Mapping[str, Any]) -> dict[str, Any]:
        folder = arguments["datasets_dir"]
        # Only what the pods will have: a ROWHOUSE_* variable of this shell must not decide.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ROWHOUSE_")}
        environment |= arguments["environment"]
        environment |= {
            "ROWHOUSE_DATASETS_DIR": folder,
            "ROWHOUSE_DATA_DIR": folder,
            "PYTHONPATH": arguments["source_dir"],
        }
        checked = subprocess.run(
            [sys.executable, "-m", "rowhouse", "check"], env=environment, capture_output=True, text=True, check=False
        )
        # The pods of the API have no data files: those are looked at here.
        problems = [checked.stderr.strip()] if checked.returncode else list(file_problems(Path(folder)))
        if problems:
            raise RefusalError("\n".join(problems))
        return {"msg": checked.stdout.strip()}
