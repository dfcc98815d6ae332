"""The tests of this folder meet the real cluster, with the images of this source and the dev deployment on it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCAL_CLUSTER = Path("/var/lib/rowhouse")

type Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def _up() -> None:
    done = subprocess.run(["make", "up"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def kubectl() -> Run:
    """Run kubectl as the cluster's administrator: kubectl("get", "pods", "-n", …)."""

    def run(*words: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LOCAL_CLUSTER / "bin/kubectl", *words],
            env=os.environ | {"KUBECONFIG": str(LOCAL_CLUSTER / "kubeconfig")},
            capture_output=True,
            text=True,
            check=check,
            input=stdin,
        )

    return run


@pytest.fixture(scope="session")
def ansible_playbook() -> Run:
    """Run a playbook as a user would, from the root: ansible_playbook("deploy.yml", "-i", "inventories/dev")."""

    def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / ".venv/bin/ansible-playbook", *words], cwd=cwd, capture_output=True, text=True, check=False
        )

    return run
