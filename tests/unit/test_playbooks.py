"""Errors name a playbook by what it is called where they are read: in a clone, or where the collection is installed."""

import json
import os
import subprocess
from pathlib import Path

from ansible_collections.rowhouse.platform.plugins.module_utils.playbooks import playbook

ROOT = Path(__file__).parents[2]
COLLECTION = "ansible_collections/rowhouse/platform"


def install(folder: Path) -> Path:
    """Return the folder of a collection that has its playbooks, as `make collection` packs it."""
    made = folder / COLLECTION
    made.mkdir(parents=True)
    for part in ("plugins", "meta", "galaxy.yml"):
        (made / part).symlink_to(ROOT / "collections" / COLLECTION / part)
    (made / "playbooks").symlink_to(ROOT / "playbooks")
    return folder


def test_in_a_clone_a_playbook_is_a_file() -> None:
    assert playbook("build") == "playbooks/build.yml"
    assert (ROOT / playbook("build")).exists()


def test_in_a_collection_it_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    skopeo = tmp_path / "bin/skopeo"
    skopeo.write_text("#!/bin/sh\necho 'manifest unknown' >&2\nexit 1\n")
    skopeo.chmod(0o755)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/hosts").write_text("localhost ansible_connection=local\n")
    arguments = {
        "push_registry": "registry.example.com",
        "pull_registry": "registry.example.com",
        "authfile": "",
        "repositories": {"api": "rowhouse/api"},
        "release": "1",
        "source_hashes": {"api": "x"},
        "by_tag": False,
    }
    done = subprocess.run(
        ["ansible", "all", "-i", "inventory", "-m", "rowhouse.platform.image_digests", "-a", json.dumps(arguments)],
        cwd=tmp_path,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE")},
            "ANSIBLE_COLLECTIONS_PATH": str(install(tmp_path / "collections")),
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert (
        "rowhouse/api:1 is not in the registry. Run `ansible-playbook rowhouse.platform.build -i inventory`"
        in done.stdout
    )
