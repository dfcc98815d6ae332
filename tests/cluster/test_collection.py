"""The collection's tarball alone: an empty folder, an inventory and a dataset are deployed, and no clone is there."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from tests.cluster.machine import ROOT
from tests.cluster.output import Run, changes, said
from tests.cluster.releases import STACK, TABLE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PORT = 30861
NAMESPACE = "rowhouse-collection"
RELEASE = "collection"
BIN = ROOT / ".venv/bin"


@dataclass(frozen=True)
class Folder:
    """An empty folder with the collection in it, as `ansible-galaxy` installs it."""

    path: Path

    def run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of Ansible there, which has to succeed."""
        # Our own are found here only; those of the bundle where that is.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")}
        environment |= {
            "ANSIBLE_COLLECTIONS_PATH": str(self.path / "collections"),
            "ANSIBLE_CALLBACKS_ENABLED": "rowhouse.platform.guard,rowhouse.platform.exit_status",
            "HOME": str(self.path),
        }
        done = subprocess.run([BIN / program, *words], cwd=self.path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, said(done)
        return done

    def play(self, playbook: str, **variables: object) -> subprocess.CompletedProcess[str]:
        extra = json.dumps({"stack_release": RELEASE, **variables})
        return self.run("ansible-playbook", f"rowhouse.platform.{playbook}", "-i", "inventory", "-e", extra)


@pytest.fixture(scope="module")
def tarball() -> Path:
    subprocess.run(["make", "collection"], cwd=ROOT, check=True, capture_output=True)
    (made,) = (ROOT / "artifacts/collection").iterdir()
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tarball: Path) -> Folder:
    made = Folder(tmp_path_factory.mktemp("empty"))
    # Its dependencies are in the bundle.
    made.run("ansible-galaxy", "collection", "install", str(tarball), "--no-deps", "-p", "collections")
    (made.path / "inventory/group_vars/all").mkdir(parents=True)
    shutil.copy(ROOT / "inventories/dev/hosts.yml", made.path / "inventory")
    (made.path / "inventory/group_vars/all/main.yml").write_text(
        yaml.safe_dump(
            {
                "stack_environment": "collection",
                "stack_context": "dev",
                "stack_datasets_dir": "{{ inventory_dir }}/../datasets",
                "api_node_port": PORT,
            }
        )
    )
    shutil.copytree(ROOT / "files/datasets/restaurants", made.path / "datasets/restaurants")
    return made


@pytest.fixture(scope="module")
def deployed(folder: Folder, kubectl: Run) -> Iterator[Folder]:
    # What this source has been built to already: only the data is another.
    for row in TABLE.values():
        source = f"docker://{STACK['stack_push_registry']}/{row['repository']}"
        options = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        tags = [f"{source}:{STACK['stack_release']}", f"{source}:{RELEASE}"]
        subprocess.run(["skopeo", "copy", "-q", *options, *tags], check=True)
    folder.play("build")
    folder.play("deploy")
    yield folder
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_it_answers_and_a_second_run_changes_nothing(deployed: Folder) -> None:
    answer = httpx.get(f"http://127.0.0.1:{PORT}/restaurants")
    assert answer.status_code == 200, answer.text
    assert answer.json()["meta"]["total"] > 0
    assert changes(deployed.play("build")) == 0
    assert changes(deployed.play("deploy")) == 0


def test_keys_are_made_without_a_clone(deployed: Folder) -> None:
    words = {"keys_action": "create", "keys_name": "tests", "keys_scopes": "restaurants:read"}
    assert "rh_" in deployed.play("keys", **words).stdout


def test_the_documentation_of_every_role_can_be_read(folder: Folder) -> None:
    listed = json.loads(folder.run("ansible-doc", "-t", "role", "-l", "--json", "rowhouse.platform").stdout)
    roles = {path.parent.parent.name for path in ROOT.glob("collections/*/*/*/roles/*/meta/argument_specs.yml")}
    assert {name.removeprefix("rowhouse.platform.") for name in listed} == roles
    assert "stack_environment" in folder.run("ansible-doc", "-t", "role", "rowhouse.platform.stack").stdout


def test_the_tarball_has_what_is_needed_and_nothing_of_tests_or_runs(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = set(archive.getnames())
    assert {"playbooks/deploy.yml", "api/src/rowhouse/cli.py", "api/requirements.txt", "api/.dockerignore"} <= names
    litter = ("__pycache__", "tests/", "secrets.yml")
    assert [name for name in names if any(word in name for word in litter)] == []
