"""What a local cluster has on this machine, found without the role's help."""

import contextlib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ROLES = ROOT / "collections/ansible_collections/rowhouse/platform/roles"
DEFAULTS = yaml.safe_load((ROLES / "local_cluster/defaults/main.yml").read_text())
STATE = Path(DEFAULTS["local_cluster_root"])
RUN = Path(DEFAULTS["local_cluster_run_dir"])
BRIDGE = DEFAULTS["local_cluster_bridge"]


def cluster_processes() -> dict[int, str]:
    """Return process id and words of all that the cluster started, pods too."""
    found = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit():
                words = (folder / "cmdline").read_text().replace("\0", " ")
                started = str((folder / "exe").readlink()).startswith(f"{STATE}/")
                managed = f"{STATE}/etc/" in words and ("supervisord" in words or "docker-registry" in words)
                contained = ":/rowhouse/" in (folder / "cgroup").read_text()
                if started or managed or contained:
                    found[int(folder.name)] = words
    return found
