"""An environment whose table the tests make up, with a release for each state of it."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.output import Run, said
from tests.cluster.releases import build_release

PORT = 30832
URL = f"http://127.0.0.1:{PORT}"
NAMESPACE = "rowhouse-rollback-data"
ENVIRONMENT = {"stack_environment": "rollback-data", "stack_context": "dev", "api_node_port": PORT, "api_replicas": 1}
PLACES = {
    "title": "Places",
    "description": "Made up.",
    "source": "Made up",
    "file": "places.csv",
    "key": "id",
    "columns": {"id": {"type": "integer"}, "name": {"type": "text"}},
}


class Deployment:
    """The environment, and how its releases are made."""

    def __init__(self, folder: Path, ansible_playbook: Run) -> None:
        self._folder = folder
        self._ansible_playbook = ansible_playbook
        self._inventory = copied_inventory(folder, ENVIRONMENT)

    def build(self, release: str, *names: str, users: Mapping[str, Any] | None = None) -> dict[str, object]:
        """Build the images of a release whose table has a row a name; returns the variables that deploy it.

        Args:
            release: Tag of its images.
            names: Of the places.
            users: Columns of users beside the usual ones.
        """
        datasets = self._folder / release
        shutil.copytree(ROOT / "files/datasets/users", datasets / "users")
        description = datasets / "users/dataset.yml"
        content = yaml.safe_load(description.read_text())
        content["columns"] |= users or {}
        description.write_text(yaml.safe_dump(content, sort_keys=False))
        (datasets / "places").mkdir()
        (datasets / "places/dataset.yml").write_text(yaml.safe_dump(PLACES, sort_keys=False))
        rows = [f"{number},{name}\n" for number, name in enumerate(names, 1)]
        (datasets / "places/places.csv").write_text("".join(["id,name\n", *rows]))
        return build_release(self._ansible_playbook, self._inventory, f"rollback-{release}", datasets)

    def run(self, playbook: str, **variables: object) -> subprocess.CompletedProcess[str]:
        return self._ansible_playbook(playbook, "-i", str(self._inventory), "-e", json.dumps(variables))

    def succeeds(self, playbook: str, **variables: object) -> str:
        """Return what the run said."""
        done = self.run(playbook, **variables)
        assert done.returncode == 0, said(done)
        return said(done)

    def fails(self, playbook: str, **variables: object) -> str:
        """Return what the run said."""
        done = self.run(playbook, **variables)
        assert done.returncode == 2, said(done)
        return said(done)

    def releases(self) -> list[dict[str, Any]]:
        """Return the facts of all, the newest first."""
        done = self.run("playbooks/releases.yml", output="json")
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("[")]
        return list(json.loads(line))


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Deployment]:
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    yield Deployment(tmp_path_factory.mktemp("rollback"), ansible_playbook)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


def places() -> list[str]:
    """Return the names of the places that are served."""
    data = httpx.get(f"{URL}/places").raise_for_status().json()["data"]
    return [row["name"] for row in data]
