"""Runs a command on the controller every second until it succeeds, and says what it waits for.

Arguments:
    argv: the command; its exit code 0 means ready.
    timeout: seconds.
    logs: files whose ends explain a failure.

Returns `seconds`. After the timeout it fails with what the command said last and the ends of the logs.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

INTERVAL_SECONDS = 1
SHOWN_EVERY = 5
SHOWN_LINES = 15


def tail(path: Path) -> str:
    """Return the last lines of a log under its name."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        lines = [str(error)]
    return "\n".join([f"--- the end of {path}:", *lines[-SHOWN_LINES:]])


class ActionModule(ActionBase):
    """See the module's text."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={
                "argv": {"type": "list", "elements": "str", "required": True},
                "timeout": {"type": "int", "required": True},
                "logs": {"type": "list", "elements": "path", "default": []},
            }
        )
        result["changed"] = False
        if self._task.check_mode:
            result["skipped"] = True
            return result
        started = time.monotonic()
        attempts = 0
        while True:
            said = self._attempt(options["argv"])
            seconds = time.monotonic() - started
            result["seconds"] = round(seconds)
            if said is None:
                return result
            if seconds > options["timeout"]:
                break
            attempts += 1
            if attempts % SHOWN_EVERY == 0:
                Display().display(f"  {self._task.get_name()}: {said.splitlines()[-1]}, {seconds:.0f}s")
            time.sleep(INTERVAL_SECONDS)
        result["failed"] = True
        result["msg"] = "\n".join(
            [f"Not ready after {seconds:.0f} s: {said}", *(tail(Path(path)) for path in options["logs"])]
        )
        return result

    @staticmethod
    def _attempt(argv: list[str]) -> str | None:
        """Return None when the command succeeds, else what it said."""
        try:
            process = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 # the role's
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if process.returncode == 0:
            return None
        return process.stderr.strip() or process.stdout.strip() or f"exit code {process.returncode}"
