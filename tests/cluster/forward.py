"""A port of something in the cluster, on this machine."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.machine import STATE


@contextmanager
def forwarded(namespace: str, target: str, port: int) -> Iterator[int]:
    """Forward a free local port to the target's port."""
    process = subprocess.Popen(
        [STATE / "bin/kubectl", "port-forward", "-n", namespace, target, f":{port}"],
        env=os.environ | {"KUBECONFIG": str(STATE / "kubeconfig")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        assert found, line
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()
