"""What a deployment makes on a real cluster, and that a second one changes nothing."""

import json
import re
import subprocess
import time

import httpx
import pytest

from tests.cluster.output import Get, Run, changes, said

# Measured in time.
pytestmark = pytest.mark.alone

SECOND_RUN_SECONDS = 30


@pytest.fixture(scope="module")
def deployed(ansible_playbook: Run) -> dict[str, subprocess.CompletedProcess[str]]:
    """Deploy staging and prod beside dev, each by the documented command."""
    runs = {name: ansible_playbook("deploy.yml", "-i", f"inventories/{name}") for name in ("staging", "prod")}
    for done in runs.values():
        assert done.returncode == 0, said(done)
    return runs


@pytest.mark.parametrize(("environment", "replicas"), [("dev", 1), ("staging", 2), ("prod", 5)])
@pytest.mark.usefixtures("deployed")
def test_each_environment_has_its_pods_by_digest(get: Get, environment: str, replicas: int) -> None:
    pods = get("pods", "-n", f"rowhouse-{environment}", "--field-selector=status.phase=Running")["items"]
    names = [
        pod["metadata"]["labels"]["app.kubernetes.io/name"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
    ]
    assert sorted(names) == ["api"] * replicas + ["postgres", "redis"]
    images = [container["image"] for pod in pods for container in pod["spec"]["containers"]]
    assert all(re.fullmatch(r".+@sha256:[0-9a-f]{64}", image) for image in images), images


@pytest.mark.parametrize("port", [30800, 30801, 30802])
@pytest.mark.usefixtures("deployed")
def test_each_environment_answers_on_its_port(port: int) -> None:
    assert httpx.get(f"http://127.0.0.1:{port}/air_quality").json()["meta"]["total"] == 149_151


def test_the_last_words_are_a_curl_line_and_its_answer(deployed: dict[str, subprocess.CompletedProcess[str]]) -> None:
    output = deployed["prod"].stdout
    assert "curl 'http://127.0.0.1:30802/air_quality?limit=1'" in output
    assert "DEBW087" in output
    assert "5 API pods, 1 database, 1 cache" in output


@pytest.mark.usefixtures("deployed")
def test_the_namespace_refuses_what_is_not_restricted(kubectl: Run) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "careless", "namespace": "rowhouse-prod"},
        "spec": {"containers": [{"name": "main", "image": "x"}]},
    }
    done = kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod), check=False)
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted' in done.stderr


@pytest.mark.usefixtures("deployed")
def test_a_second_run_is_quick_changes_nothing_and_keeps_the_secrets(ansible_playbook: Run, get: Get) -> None:
    before = get("secrets", "-n", "rowhouse-prod")
    started = time.monotonic()
    done = ansible_playbook("deploy.yml", "-i", "inventories/prod")
    took = time.monotonic() - started
    assert done.returncode == 0, said(done)
    assert changes(done) == 0, done.stdout
    assert took < SECOND_RUN_SECONDS
    assert get("secrets", "-n", "rowhouse-prod") == before
