"""The commands of the pipelines' jobs, each as its job would run it: in a clone, told by variables what it is for.

Those that need no cluster run elsewhere, as `ELSEWHERE` says.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cluster.checkout import copy_checkout
from tests.cluster.inventory import main_file
from tests.cluster.machine import ROOT
from tests.cluster.output import Get, Run, changes, said
from tests.cluster.releases import STACK, TABLE
from tests.contract.pipelines import Event, Step, github

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PORT = 30862
ENVIRONMENT = {"stack_environment": "jobs", "stack_context": "dev", "api_node_port": PORT, "api_replicas": 1}
NAMESPACE = "rowhouse-jobs"
TTL = {"dev": 101, "staging": 102, "prod": 103}
# One that no clone of somebody else has.
RELEASE = "0.0.1"
# What runs a command that needs no cluster, and no other test does.
ELSEWHERE = {
    "make check": "scripts/test",
    "make test-api": "scripts/test",
    "make scan-secrets": "tests/tools/test_scans.py",
    "make collection": "tests/cluster/test_collection.py",
    "make cloud-validate": "tests/tools/test_cloud.py",
    "make cloud-plan": "tests/tools/test_cloud.py",
    "make cloud-apply": "tests/tools/test_cloud.py",
}


# They ask machines that no test asks: a database of vulnerabilities, and the registry that everybody pulls from.
NOT_RUN = {"make scan-vulnerabilities", "make test-compose"}


@dataclass(frozen=True)
class Clone:
    """A clone of this source as release RELEASE, whose inventories all lead to one namespace."""

    folder: Path

    def git(self, *words: str) -> str:
        person = {
            f"GIT_{role}_{field}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=os.environ | person, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def run(self, step: Step, ref: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"REF": ref, "INVENTORY": step.inventory} | variables
        done = subprocess.run(step.command.split(), cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, said(done)
        return done


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, kubectl: Run) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("jobs"))
    copy_checkout(made.folder)
    shutil.rmtree(made.folder / "files/datasets/air_quality")
    (made.folder / ".venv").symlink_to(ROOT / ".venv")
    for inventory in (made.folder / "inventories").iterdir():
        # By a setting that is another in each, a release can be told from the one before.
        settings = {"api_settings": {"cache_ttl_seconds": TTL[inventory.name]}}
        main_file(inventory).write_text(yaml.safe_dump(ENVIRONMENT | settings))
    defaults = made.folder / "collections/ansible_collections/rowhouse/platform/roles/stack/defaults/main.yml"
    text = defaults.read_text()
    defaults.write_text(text.replace(f"\nstack_release: {STACK['stack_release']}\n", f"\nstack_release: {RELEASE}\n"))
    made.git("init", "--quiet")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "All of it")
    made.git("update-ref", "refs/remotes/origin/master", "HEAD")
    made.git("tag", f"v{RELEASE}")
    yield made
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def commit(clone: Clone) -> str:
    return clone.git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def built(commit: str) -> None:
    """Spare the builds of what this source has been built to already: only the data is another."""
    for row in TABLE.values():
        source = f"docker://{STACK['stack_push_registry']}/{row['repository']}"
        options = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        words = ["skopeo", "copy", "-q", *options, f"{source}:{STACK['stack_release']}", f"{source}:{commit}"]
        subprocess.run(words, check=True)


def labels_and_digest(repository: str, tag: str) -> tuple[dict[str, str], str]:
    reference = f"docker://{STACK['stack_push_registry']}/{repository}:{tag}"
    words = ["skopeo", "inspect", "--no-tags", "--tls-verify=false", reference]
    answer = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return answer["Labels"], answer["Digest"]


def deployed_container(get: Get) -> dict[str, Any]:
    (container,) = get("deployment", "api", "-n", NAMESPACE)["spec"]["template"]["spec"]["containers"]
    return dict(container)


def deployed_digest(get: Get) -> str:
    return str(deployed_container(get)["image"].rpartition("@")[2])


def deployed_ttl(get: Get) -> int:
    values = {variable["name"]: variable.get("value") for variable in deployed_container(get)["env"]}
    return int(str(values["ROWHOUSE_CACHE_TTL_SECONDS"]))


def test_every_command_of_a_job_is_run() -> None:
    events = [
        *(Event("push", ref, cloud=True) for ref in ("development", "staging", "master", f"v{RELEASE}")),
        Event("pull_request", cloud=True),
        Event("workflow_dispatch", inputs={"environment": "dev", "release": RELEASE}),
    ]
    commands = {step.command for event in events for step in github(event)}
    assert commands == ELSEWHERE.keys() | NOT_RUN | {"make images", "make sbom", "make deploy", "make rollback"}
    for command, file in ELSEWHERE.items():
        assert command.removeprefix("make ") in (ROOT / file).read_text(), file


@pytest.mark.usefixtures("built")
def test_a_merge_to_development_is_built_listed_and_deployed(clone: Clone, commit: str, get: Get) -> None:
    for verb in ("images", "sbom", "deploy"):
        clone.run(Step(f"make {verb}", "inventories/dev"), "development")
    assert deployed_digest(get) == labels_and_digest("rowhouse/api", commit)[1]
    assert httpx.get(f"http://127.0.0.1:{PORT}/restaurants").json()["meta"]["total"] > 0
    listed = {
        file.name.removesuffix(".spdx.json"): json.loads(file.read_text())
        for file in (clone.folder / "artifacts/sbom").iterdir()
    }
    assert listed.keys() == TABLE.keys()
    names = {name: {package["name"] for package in document["packages"]} for name, document in listed.items()}
    assert {"falcon", "libpython3.13-minimal"} <= names["api"] & names["dataset"]
    assert "postgresql-17" in names["postgres"]
    assert "redis-server" in names["redis"]
    # Nothing is listed twice.
    assert changes(clone.run(Step("make sbom", "inventories/dev"), "development")) == 0


def test_a_merge_to_master_has_one_digest_under_three_tags(clone: Clone, commit: str) -> None:
    clone.run(Step("make images", "inventories/prod"), "master")
    for row in TABLE.values():
        assert len({labels_and_digest(row["repository"], tag)[1] for tag in (RELEASE, "stable", commit)}) == 1


def test_the_tag_of_a_release_builds_nothing_and_deploys_it(clone: Clone, get: Get) -> None:
    assert changes(clone.run(Step("make images", "inventories/prod"), f"v{RELEASE}")) == 0
    clone.run(Step("make deploy", "inventories/prod"), f"v{RELEASE}")
    assert deployed_digest(get) == labels_and_digest("rowhouse/api", RELEASE)[1]
    assert deployed_ttl(get) == TTL["prod"]


def test_the_way_back_leads_to_the_release_before(clone: Clone, get: Get) -> None:
    (step,) = github(Event("workflow_dispatch", inputs={"environment": "prod", "release": "release-1"}))
    clone.run(step, "master", RELEASE="release-1")
    assert deployed_ttl(get) == TTL["dev"]
