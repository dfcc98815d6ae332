"""Releases of an environment of its own: kept, listed, and put back with their settings."""

import base64
import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster.inventory import copied_inventory
from tests.cluster.output import Get, Run, changes, said

NAMESPACE = "rowhouse-rollback"
URL = "http://127.0.0.1:30831/air_quality?limit=1"

# Three runs, and the scenario rollback has more of them.
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Environment:
    """The environment, after a deployment, one with another setting, and a rollback."""

    inventory: Path
    ansible_playbook: Run
    rolled_back: str

    def run(self, playbook: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.ansible_playbook(playbook, "-i", str(self.inventory), *words)

    def releases(self) -> list[dict[str, Any]]:
        done = self.run("playbooks/releases.yml", "-e", "output=json")
        assert done.returncode == 0, said(done)
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("[{")]
        return list(json.loads(line))


def max_age() -> str:
    return httpx.get(URL).raise_for_status().headers["cache-control"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Environment]:
    variables = {"stack_environment": "rollback", "stack_context": "dev", "api_node_port": 30831, "api_replicas": 1}
    variables |= {"redis_mode": "none"}
    inventory = copied_inventory(tmp_path_factory.mktemp("rollback"), variables)

    def run(playbook: str, **extra: object) -> str:
        done = ansible_playbook(playbook, "-i", str(inventory), "-e", json.dumps(extra))
        assert done.returncode == 0, said(done)
        return said(done)

    try:
        run("deploy.yml", release_by="ann", api_settings={"http_max_age_seconds": 11})
        words = run("deploy.yml", release_by="bob", api_settings={"http_max_age_seconds": 22})
        assert "release-2, deploy: good after" in words
        assert "max-age=22" in max_age()
        yield Environment(inventory, ansible_playbook, run("playbooks/rollback.yml", release_by="cyd"))
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


def test_the_settings_are_those_of_the_release_before(environment: Environment) -> None:
    assert "max-age=11" in max_age()
    assert "release-3, rollback to release-1: good after" in environment.rolled_back
    assert "air_quality: version 1, 149,151 rows, which was kept" in environment.rolled_back


def test_each_run_is_listed_with_what_it_deployed(environment: Environment) -> None:
    releases = environment.releases()
    assert [(item["name"], item["what"], item["by"], item["outcome"]) for item in releases] == [
        ("release-3", "rollback to release-1", "cyd", "good"),
        ("release-2", "deploy", "bob", "good"),
        ("release-1", "deploy", "ann", "good"),
    ]
    third, second, first = releases
    assert (
        (first["config"], first["images"]) == (third["config"], third["images"]) != (second["config"], second["images"])
    )
    assert [image.partition("@")[0] for image in first["images"]] == [
        "rowhouse/api",
        "rowhouse/dataset",
        "rowhouse/postgres",
    ]
    assert not [image for image in first["images"] if not image.startswith("rowhouse/") or "@sha256:" not in image]
    assert first["datasets"]["air_quality"] == {"version": 1, "rows": 149_151, "writable": False}
    assert first["datasets"]["users"]["writable"]
    lines = environment.run("playbooks/releases.yml").stdout.splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("release-")]
    assert listed == ["release-3", "release-2", "release-1"]


@pytest.mark.slow
def test_what_is_there_already_is_neither_recorded_nor_pruned(environment: Environment) -> None:
    before = environment.releases()
    done = environment.run("deploy.yml", "-e", json.dumps({"api_settings": {"http_max_age_seconds": 11}}))
    assert changes(done) == 0, said(done)
    assert "release-3 runs as before" in said(done)
    assert environment.releases() == before


def test_a_release_that_is_not_there_is_refused(environment: Environment) -> None:
    done = environment.run("playbooks/rollback.yml", "-e", "release=release-9")
    assert (done.returncode, changes(done)) == (2, 0)
    assert f"There is no release-9 in {NAMESPACE}. Kept there: release-3 (good), release-2 (good)" in said(done)


@pytest.mark.slow
def test_a_check_tells_what_a_rollback_would_change_and_changes_nothing(environment: Environment) -> None:
    done = environment.run("playbooks/rollback.yml", "--check", "--diff", "-e", "release=2")
    assert done.returncode == 0, said(done)
    assert re.search(r"ROWHOUSE_HTTP_MAX_AGE_SECONDS (- value: '11' )?\+ value: '22'", said(done))
    assert "max-age=11" in max_age()


@pytest.mark.usefixtures("environment")
def test_no_password_is_in_a_record(get: Get) -> None:
    records = get("configmaps", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=release")["items"]
    kept = [gzip.decompress(base64.b64decode(item["binaryData"]["objects.json.gz"])) for item in records]
    secrets = get("secrets", "-n", NAMESPACE, "-l", "app.kubernetes.io/part-of=rowhouse")["items"]
    passwords = [base64.b64decode(secret["data"][key]) for secret in secrets for key in secret["data"]]
    assert len(kept) == 3
    assert all(b'"StatefulSet"' in objects for objects in kept)
    assert len(passwords) == 3
    assert [objects for objects in kept for password in passwords if password in objects] == []
