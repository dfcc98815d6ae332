"""A deployment without Ansible, by the lines of docs/without-ansible.md, on the real cluster."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from kubernetes_validate.utils import validate

from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT, STATE
from tests.cluster.output import Run, said
from tests.cluster.releases import STACK, TABLE

pytestmark = pytest.mark.slow

PORT = 30851
NAMESPACE = "rowhouse-render"
PAGE = (ROOT / "docs/without-ansible.md").read_text()
RENDER, PASSWORDS, FOLDER, ONE_BY_ONE = re.findall(r"^```sh\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)[:4]
VARIABLES = {"stack_environment": "render", "stack_context": "dev", "api_node_port": PORT, "api_replicas": 2}


class Reader:
    """Somebody who types what the page says, of an environment of this test."""

    def __init__(self, inventory: Path, rendered: Path) -> None:
        self._words = {
            "-i inventories/prod": f"-i {inventory}",
            "rendered/prod": str(rendered),
            "rowhouse-prod": NAMESPACE,
            "30802": str(PORT),
            # Without -f curl takes a 404 for a success, and a Service takes a moment.
            "curl ": "curl --fail --silent --show-error --retry 20 --retry-delay 1 --retry-all-errors ",
        }
        self.folder = rendered / "kustomize"

    def types(self, block: str, folder: Path = ROOT) -> str:
        for page, here in self._words.items():
            block = block.replace(page, here)
        path = f"{ROOT}/.venv/bin:{STATE}/bin:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", block],
            cwd=folder,
            env=os.environ | {"PATH": path, "KUBECONFIG": str(STATE / "kubeconfig")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment whose images are named by digest, as those of a deployment are."""
    overrides = {}
    for image in ("api", "dataset", "postgres", "redis"):
        repository = f"{STACK['stack_pull_registry']}/{TABLE[image]['repository']}"
        command = ["skopeo", "inspect", "--no-tags", "--tls-verify=false"]
        tag = f"docker://{repository}:{STACK['stack_release']}"
        asked = subprocess.run([*command, tag], capture_output=True, text=True, check=True)
        overrides[image] = f"{repository}@{json.loads(asked.stdout)['Digest']}"
    return copied_inventory(tmp_path_factory.mktemp("render"), {**VARIABLES, "stack_image_overrides": overrides})


@pytest.fixture(scope="module")
def reader(inventory: Path, tmp_path_factory: pytest.TempPathFactory, kubectl: Run) -> Iterator[Reader]:
    reader = Reader(inventory, tmp_path_factory.mktemp("render") / "rendered")
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    reader.types(RENDER)
    reader.types(PASSWORDS)
    yield reader
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


def rows_that_are_served() -> int:
    answer = httpx.get(f"http://127.0.0.1:{PORT}/air_quality", timeout=10)
    total: int = answer.raise_for_status().json()["meta"]["total"]
    return total


def test_kustomize_builds_what_the_files_say(reader: Reader, kubectl: Run) -> None:
    built = list(yaml.safe_load_all(kubectl("kustomize", str(reader.folder)).stdout))
    version = json.loads(kubectl("get", "--raw", "/version").stdout)
    for item in built:
        validate(item, f"{version['major']}.{version['minor']}", strict=True)
    by_name = {f"{item['kind']}/{item['metadata']['name']}": item for item in built}
    (postgres, redis) = (by_name.pop(f"Secret/{name}") for name in ("postgres", "redis"))
    assert postgres["data"].keys() == {"superuser-password", "loader-password", "api-password"}
    assert len(set(postgres["data"].values())) == 3
    assert redis["data"].keys() == {"password", "auth.conf"}
    files = [yaml.safe_load(path.read_text()) for path in sorted(reader.folder.glob("[0-9]*.yaml"))]
    assert by_name == {f"{item['kind']}/{item['metadata']['name']}": item for item in files}


def test_a_tag_or_a_registry_is_a_line_of_the_kustomization(reader: Reader, kubectl: Run) -> None:
    path = reader.folder / "kustomization.yaml"
    before = path.read_text()
    content = yaml.safe_load(before)
    for entry in content["images"]:
        entry.update(newName=entry["name"].replace(STACK["stack_pull_registry"], "registry.example.com"), newTag="9.9")
        del entry["digest"]
    try:
        path.write_text(yaml.safe_dump(content))
        built = kubectl("kustomize", str(reader.folder)).stdout
    finally:
        path.write_text(before)
    images = set(re.findall(r"\bimage: (\S+)", built))
    assert images == {
        f"registry.example.com/{TABLE[image]['repository']}:9.9" for image in ("api", "dataset", "postgres", "redis")
    }


@pytest.mark.timeout(600)
def test_the_folder_deploys_and_answers(reader: Reader) -> None:
    assert "DEBW087" in reader.types(FOLDER, reader.folder)
    assert rows_that_are_served() == 149_151


@pytest.mark.timeout(900)
def test_one_by_one_the_files_do_the_same_and_ansible_may_take_over(
    reader: Reader, inventory: Path, ansible_playbook: Run, kubectl: Run
) -> None:
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    reader.types(ONE_BY_ONE, reader.folder)
    kubectl("rollout", "status", "deployment/api", "-n", NAMESPACE, "--timeout=5m")
    reader.types(f"curl http://127.0.0.1:{PORT}/health")
    assert rows_that_are_served() == 149_151

    # What a deployment applies is what is there: it takes the objects over and has no difference to show.
    done = ansible_playbook("deploy.yml", "-i", str(inventory), "--check", "--diff")
    assert done.returncode == 0, said(done)
    assert not re.findall(r"^(?:---|\+\+\+) .*", done.stdout, re.MULTILINE), done.stdout
    other = ("--extra-vars", json.dumps({"api_replicas": 3}))
    assert "+++ " in ansible_playbook("deploy.yml", "-i", str(inventory), "--check", "--diff", *other).stdout
