"""A copy of this repository: what somebody edits meanwhile is of no concern to it."""

import shutil
import subprocess
from pathlib import Path

from tests.cluster.machine import ROOT


def copy_checkout(folder: Path) -> None:
    """Copy into the folder what a clone of this state would hold: tracked files, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.rstrip("\0").split("\0"):
        # One that was deleted is tracked until that is committed.
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name, follow_symlinks=False)
