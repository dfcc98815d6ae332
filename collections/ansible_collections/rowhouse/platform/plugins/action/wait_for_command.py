"""Action `wait_for_command`: runs a command on the controller every second until it succeeds; says what it waits for.

argv            the command; its exit code 0 means ready
timeout         seconds
logs            files whose ends explain a failure

After the timeout it fails with what the command said last and the ends of the logs.
"""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError

INTERVAL_SECONDS = 1
SHOWN_EVERY = 5
SHOWN_LINES = 15


class ActionModule(Action):
    ARGUMENTS = required(argv=["str"], timeout="int") | {"logs": {"type": "list", "elements": "path", "default": []}}

    def act(self, arguments: dict[str, Any], _variables: Mapping[str, Any]) -> dict[str, Any]:
        if self._task.check_mode:
            return {"skipped": True}
        started = time.monotonic()
        attempts = 0
        while (said := _attempt(arguments["argv"])) is not None:
            seconds = time.monotonic() - started
            if seconds > arguments["timeout"]:
                logs = (_tail(Path(path)) for path in arguments["logs"])
                raise RefusalError("\n".join([f"Not ready after {seconds:.0f} s: {said}", *logs]))
            attempts += 1
            if attempts % SHOWN_EVERY == 0:
                Display().display(f"  {self._task.get_name()}: {said.splitlines()[-1]}, {seconds:.0f}s")
            time.sleep(INTERVAL_SECONDS)
        return {}


def _attempt(argv: list[str]) -> str | None:
    """Return None when the command succeeds, else what it said."""
    try:
        process = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 # the role's
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if process.returncode == 0:
        return None
    return process.stderr.strip() or process.stdout.strip() or f"exit code {process.returncode}"


def _tail(path: Path) -> str:
    """Return the last lines of a log under its name."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        lines = [str(error)]
    return "\n".join([f"--- the end of {path}:", *lines[-SHOWN_LINES:]])
