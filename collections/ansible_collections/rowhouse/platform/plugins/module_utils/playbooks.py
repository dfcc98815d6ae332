"""What a playbook of ours is called: its file in a clone, a name where the collection is installed from its tarball."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_COLLECTION = Path(__file__).parents[2]


def playbook(name: str) -> str:
    """Return what ansible-playbook knows it by."""
    return f"rowhouse.platform.{name}" if (_COLLECTION / "playbooks").is_dir() else f"playbooks/{name}.yml"


def command(name: str, variables: Mapping[str, Any]) -> str:
    """Return the command that plays it with the inventory of this run."""
    return f"ansible-playbook {playbook(name)} -i {os.path.relpath(variables['inventory_dir'])}"
