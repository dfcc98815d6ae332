"""What programs say, made ready for looking into."""

import re
import subprocess
from collections.abc import Callable
from typing import Any

type Run = Callable[..., subprocess.CompletedProcess[str]]
type Get = Callable[..., Any]


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return all output in one line of single blanks and without colours, so that wrapped messages can be found."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).split())


def changes(done: subprocess.CompletedProcess[str]) -> int:
    """Return how many tasks of a playbook reported a change."""
    return sum(int(count) for count in re.findall(r"changed=(\d+)", done.stdout))
