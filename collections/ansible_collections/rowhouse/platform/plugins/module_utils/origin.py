"""Where a deployment comes from: who runs it, and from which commit."""

import getpass
import socket
import subprocess
from pathlib import Path

NO_COMMIT = "none"


def operator() -> str:
    """Return user@host of this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def commit(root: Path) -> str:
    """Return the commit of a checkout, with -dirty behind it when tracked files differ; "none" where none is."""
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        described = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return NO_COMMIT
    return described.stdout.strip() or NO_COMMIT
