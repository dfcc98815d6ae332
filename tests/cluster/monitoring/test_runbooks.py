"""What the runbooks say to type runs, as it stands there."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.cluster.deployment import Deployment
from tests.cluster.machine import ROOT, STATE
from tests.cluster.monitoring.conftest import NAMESPACE

PAGES = sorted((ROOT / "docs/runbooks").glob("Rowhouse*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page: Path, deployment: Deployment) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    environment = os.environ | {
        "KUBECONFIG": str(STATE / "kubeconfig"),
        "INVENTORY": str(deployment.inventory),
        "NAMESPACE": NAMESPACE,
        "PATH": f"{STATE / 'bin'}:{ROOT / '.venv/bin'}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Of a program that the image does not have, `;` and pipes would leave no other trace.
    assert not re.search("error|: not found", done.stderr, re.IGNORECASE), done.stderr
