"""The tests of this folder meet the real cluster, with the images of this source and the dev deployment on it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.machine import ROOT, STATE
from tests.cluster.output import Get, Run


@pytest.fixture(scope="session", autouse=True)
def _up() -> None:
    # make test has done it, once for all that it runs side by side.
    if os.environ.get("CLUSTER_IS_UP"):
        return
    done = subprocess.run(["make", "up"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def kubectl() -> Run:
    """Run kubectl as the administrator of the local cluster; its words are the arguments."""

    def run(*words: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [STATE / "bin/kubectl", *words],
            env=os.environ | {"KUBECONFIG": str(STATE / "kubeconfig")},
            capture_output=True,
            text=True,
            check=check,
            input=stdin,
        )

    return run


@pytest.fixture(scope="session")
def ansible_playbook() -> Run:
    """Run ansible-playbook as a user would, from the root; its words are the arguments."""

    def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / ".venv/bin/ansible-playbook", *words], cwd=cwd, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def get(kubectl: Run) -> Get:
    """Read objects of the cluster, with the words of kubectl: `get("pods", "-n", …)["items"]`."""

    def run(*words: str) -> Any:
        return json.loads(kubectl("get", *words, "--output=json").stdout)

    return run
