"""Runs a long command on the controller and says every few seconds how far it is.

Arguments:
    argv: the command.
    chdir: its folder.
    environment: variables on top of the controller's own.
    unit: what a line on its standard error stands for, such as "packages compiled".
    total: how many such lines at most; 0 when nobody knows.
    hint: what to do when the command fails.

Returns `stdout_lines` and `seconds`. It fails with the end of the standard error and the hint.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from typing import IO, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

INTERVAL_SECONDS = 10
SHOWN_LINES = 20


def elapsed(seconds: float) -> str:
    """Return a duration as people say it: 45s, 2m10s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def progress(name: str, done: int, total: int, unit: str, seconds: float) -> str:
    """Return one line: what, how far, how long."""
    of_total = f" of at most {total:,}" if total else ""
    return f"{name}: {done:,}{of_total} {unit}, {elapsed(seconds)}"


class ActionModule(ActionBase):
    """See the module's text."""

    _requires_connection = False
    _supports_check_mode = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={
                "argv": {"type": "list", "elements": "str", "required": True},
                "chdir": {"type": "path", "required": True},
                "environment": {"type": "dict", "default": {}},
                "unit": {"type": "str", "required": True},
                "total": {"type": "int", "default": 0},
                "hint": {"type": "str", "required": True},
            }
        )
        started = time.monotonic()
        lines: list[str] = []
        with tempfile.TemporaryFile("w+") as output:
            try:
                # A run that is stopped by Ctrl-C or killed must not leave the command behind.
                process = subprocess.Popen(  # noqa: S603 # the role's own words
                    ["/usr/bin/setpriv", "--pdeathsig", "TERM", *options["argv"]],
                    cwd=options["chdir"],
                    env=os.environ | {key: str(value) for key, value in options["environment"].items()},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            except OSError as error:
                raise AnsibleActionFail(f"cannot start {options['argv'][0]}: {error}") from error
            reader = threading.Thread(target=collect, args=(process.stderr, lines), daemon=True)
            reader.start()
            while True:
                try:
                    process.wait(timeout=INTERVAL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    seconds = time.monotonic() - started
                    Display().display(
                        "  " + progress(self._task.get_name(), len(lines), options["total"], options["unit"], seconds)
                    )
            reader.join()
            output.seek(0)
            result["stdout_lines"] = output.read().splitlines()
        result["seconds"] = round(time.monotonic() - started)
        result["changed"] = True
        if process.returncode != 0:
            result["failed"] = True
            result["msg"] = "\n".join(
                [
                    f"{' '.join(options['argv'][:2])} ended with code {process.returncode}.",
                    *lines[-SHOWN_LINES:],
                    options["hint"],
                ]
            )
        return result


def collect(stream: IO[str], lines: list[str]) -> None:
    """Append the lines of the stream, as they come, until it ends."""
    lines.extend(line.rstrip() for line in stream)
