"""Action `run_with_progress`: runs a long command on the controller and says every few seconds how far it is.

argv            the command
chdir           its folder
environment     variables on top of the controller's own
unit            what a line on its standard error stands for, such as "packages compiled"
total           how many such lines at most; 0 when nobody knows
hint            what to do when the command fails

Returns `stdout_lines`. It fails with the end of the standard error and the hint.
"""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from ansible.utils.display import Display
from ansible_collections.rowhouse.platform.plugins.module_utils.action import Action, required
from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError

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


class ActionModule(Action):
    ARGUMENTS = required(argv=["str"], chdir="path", unit="str", hint="str") | {
        "environment": {"type": "dict", "default": {}},
        "total": {"type": "int", "default": 0},
    }
    _supports_check_mode = False

    def act(self, arguments: dict[str, Any], _variables: Mapping[str, Any]) -> dict[str, Any]:
        argv: list[str] = arguments["argv"]
        started = time.monotonic()
        lines: list[str] = []
        with tempfile.TemporaryFile("w+") as output:
            process = _start(argv, arguments["chdir"], arguments["environment"], output)
            reader = threading.Thread(target=_collect, args=(process.stderr, lines), daemon=True)
            reader.start()
            while not _has_ended(process):
                seconds = time.monotonic() - started
                said = progress(self._task.get_name(), len(lines), arguments["total"], arguments["unit"], seconds)
                Display().display(f"  {said}")
            reader.join()
            if process.returncode:
                ended = f"{' '.join(argv[:2])} ended with code {process.returncode}."
                raise RefusalError("\n".join([ended, *lines[-SHOWN_LINES:], arguments["hint"]]))
            output.seek(0)
            return {"changed": True, "stdout_lines": output.read().splitlines()}


def _start(argv: list[str], folder: str, environment: Mapping[str, Any], output: IO[str]) -> subprocess.Popen[str]:
    try:
        # A run that is stopped by Ctrl-C or killed must not leave the command behind.
        return subprocess.Popen(  # noqa: S603 # the role's own words
            ["/usr/bin/setpriv", "--pdeathsig", "TERM", *argv],
            cwd=folder,
            env=os.environ | {key: str(value) for key, value in environment.items()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        raise RefusalError(f"cannot start {argv[0]}: {error}") from error


def _has_ended(process: subprocess.Popen[str]) -> bool:
    try:
        process.wait(timeout=INTERVAL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _collect(stream: IO[str], lines: list[str]) -> None:
    """Append the lines of the stream, as they come, until it ends."""
    lines.extend(line.rstrip() for line in stream)
