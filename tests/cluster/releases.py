"""Releases of a test's own: the same images under another tag, but for the data."""

import json
import subprocess
from pathlib import Path

import yaml

from tests.cluster.machine import ROLES
from tests.cluster.output import Run, said

STACK = yaml.safe_load((ROLES / "stack/defaults/main.yml").read_text())
# Without what only some inventories want.
TABLE = {
    name: row
    for name, row in yaml.safe_load((ROLES / "stack/vars/main/images.yml").read_text())["stack_image_table"].items()
    if "wanted" not in row
}


def build_release(ansible_playbook: Run, inventory: Path, release: str, datasets: Path) -> dict[str, object]:
    """Build the images of a release with these datasets; returns the variables that deploy it.

    What is in the registry for the release of this source is tagged anew first, so that only the data is built.
    """
    for row in TABLE.values():
        source = f"docker://{STACK['stack_push_registry']}/{row['repository']}"
        options = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        tags = [f"{source}:{STACK['stack_release']}", f"{source}:{release}"]
        subprocess.run(["skopeo", "copy", "-q", *options, *tags], check=True)
    variables: dict[str, object] = {"stack_release": release, "stack_datasets_dir": str(datasets)}
    done = ansible_playbook("playbooks/build.yml", "-i", str(inventory), "-e", json.dumps(variables))
    assert done.returncode == 0, said(done)
    return variables
