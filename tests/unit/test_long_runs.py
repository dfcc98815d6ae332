"""make test-all knows its parts, and does not begin with what it cannot end."""

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts/test-all"


def refusal(*parts: str, **variables: str) -> str:
    done = subprocess.run([SCRIPT, *parts], env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr


def test_a_part_that_there_is_not_is_told_with_those_that_there_are() -> None:
    words = refusal("faults", "fault")
    assert words.startswith("There is no part fault. There are: test properties ")


def test_the_cluster_that_somebody_uses_is_not_removed() -> None:
    assert "network_policies removes the local cluster" in refusal("network_policies", KUBECONFIG="theirs")
