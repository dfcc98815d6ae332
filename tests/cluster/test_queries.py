"""The API's own tests of queries, asked of pods: PostgreSQL, Redis and all of the way between are the cluster's."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from table import YML, as_csv, make_rows

from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.output import Run, said
from tests.cluster.releases import build_release

pytestmark = pytest.mark.slow
PORT = 30818
ENVIRONMENT = {"stack_environment": "queries", "stack_context": "dev", "api_node_port": PORT, "api_replicas": 2}


@pytest.fixture
def api(tmp_path: Path, ansible_playbook: Run, kubectl: Run) -> Iterator[str]:
    """Deploy the table of those tests; returns where it is served."""
    folder = tmp_path / "datasets/rows"
    folder.mkdir(parents=True)
    (folder / "dataset.yml").write_text(YML)
    (folder / "rows.csv").write_text(as_csv(make_rows()))
    inventory = copied_inventory(tmp_path, ENVIRONMENT)
    variables = build_release(ansible_playbook, inventory, "queries", folder.parent)
    done = ansible_playbook("deploy.yml", "-i", str(inventory), "-e", json.dumps(variables))
    assert done.returncode == 0, said(done)
    yield f"http://127.0.0.1:{PORT}"
    kubectl("delete", "namespace", "rowhouse-queries", "--wait=false")


def test_the_api_on_the_cluster_answers_as_the_model_does(api: str) -> None:
    words = [sys.executable, "-m", "pytest", "-q", "api/tests/test_queries.py", f"--api={api}"]
    # Against the store there are more examples; here it is the way to it that counts.
    words += ["--hypothesis-profile", "few"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
