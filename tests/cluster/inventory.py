"""Inventories of a test's own."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.cluster.machine import ROOT


def copied_inventory(folder: Path, variables: Mapping[str, object] | None = None, of: str = "inventories/dev") -> Path:
    """Copy an inventory, without the passwords that its user may have put there.

    Args:
        folder: Gets the copy.
        variables: All that its main.yml says then; None: what it says in the one that is copied.
        of: Path of that one in the repository.

    Returns:
        What to give to ansible-playbook with -i.
    """
    inventory = shutil.copytree(ROOT / of, folder / "inventory", ignore=shutil.ignore_patterns("secrets.yml"))
    if variables is not None:
        main_file(inventory).write_text(yaml.safe_dump(dict(variables)))
    return inventory


def main_file(inventory: Path) -> Path:
    """Return the path of what an inventory says."""
    return inventory / "group_vars/all/main.yml"
