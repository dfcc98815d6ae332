"""Rows that clients write, on the cluster: with keys of the playbook, on all replicas, through deployments."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.cluster.deployment import Deployment, key_id
from tests.cluster.forward import forwarded
from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.output import Get, Run
from tests.cluster.releases import build_release

PORT = 30819
URL = f"http://127.0.0.1:{PORT}/users"
NAMESPACE = "rowhouse-writing"
ENVIRONMENT = {"stack_environment": "writing", "stack_context": "dev", "api_node_port": PORT, "api_replicas": 2}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writing") / "datasets"
    shutil.copytree(ROOT / "files/datasets/users", folder / "users")
    return folder


@pytest.fixture(scope="module")
def release(datasets: Path, ansible_playbook: Run) -> dict[str, object]:
    return build_release(ansible_playbook, copied_inventory(datasets.parent, ENVIRONMENT), "writing", datasets)


@pytest.fixture(scope="module")
def deployment(datasets: Path, release: dict[str, object], ansible_playbook: Run, kubectl: Run) -> Iterator[Deployment]:
    made = Deployment(datasets.parent / "inventory", ansible_playbook)
    made.run("deploy.yml", **release)
    yield made
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def token(deployment: Deployment) -> str:
    return deployment.create_key("users:write")


@pytest.fixture(scope="module")
def client(token: str) -> Iterator[httpx.Client]:
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def test_without_a_key_it_can_be_read_and_not_written(client: httpx.Client) -> None:
    answer = httpx.post(URL, json={"dni": "0", "name": "Nobody"})
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:problem-type:rowhouse:api-key-required"
    assert httpx.get(URL).json()["data"] == client.get(URL).json()["data"] == []


def test_a_write_is_in_the_next_answer_of_each_pod_and_outlives_deployments(
    client: httpx.Client, deployment: Deployment, release: dict[str, object], get: Get
) -> None:
    created = client.post(URL, json={"dni": "12345678Z", "name": "Ann Lee"})
    assert created.status_code == 201, created.text
    row = created.json()["data"]
    pods = get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=api")["items"]
    assert len(pods) == 2
    for number, pod in enumerate(pods):
        with forwarded(NAMESPACE, f"pod/{pod['metadata']['name']}", 8000) as port:
            url = f"http://127.0.0.1:{port}/users/{row['id']}"
            assert httpx.get(url).json()["data"] == row
            row = client.patch(url, json={"name": f"Ann {number}"}).json()["data"]
            assert httpx.get(f"{URL}/{row['id']}").json()["data"]["name"] == f"Ann {number}"
    assert client.post(URL, json={"dni": "12345678Z", "name": "Bob"}).status_code == 409
    done = deployment.run("deploy.yml", **release)
    assert "changed=0" in done
    assert client.get(URL).json()["data"] == [row]


@pytest.mark.slow
def test_a_schema_that_its_rows_would_break_is_refused(
    client: httpx.Client, deployment: Deployment, datasets: Path, ansible_playbook: Run
) -> None:
    before = client.get(URL).json()["data"]
    assert before
    folder = shutil.copytree(datasets, datasets.parent / "stricter")
    description = folder / "users/dataset.yml"
    content = yaml.safe_load(description.read_text())
    content["columns"]["email"] = {"type": "text", "required": True}
    description.write_text(yaml.safe_dump(content, sort_keys=False))
    stricter = build_release(ansible_playbook, deployment.inventory, "writing-stricter", folder)
    words = deployment.refused(**stricter)
    assert "email" in words
    assert "1 row" in words
    assert "UPDATE" in words
    assert client.get(URL).json()["data"] == before


def test_keys_are_listed_revoked_and_nowhere_in_the_cluster(
    client: httpx.Client, deployment: Deployment, token: str, get: Get, kubectl: Run
) -> None:
    listed = deployment.run("playbooks/keys.yml")
    assert key_id(token) in listed
    assert token not in listed
    kinds = "pods,jobs,configmaps,secrets,deployments,statefulsets,events"
    assert token not in json.dumps(get(kinds, "-n", NAMESPACE))
    for pod in get("pods", "-n", NAMESPACE)["items"]:
        assert token not in kubectl("logs", pod["metadata"]["name"], "-n", NAMESPACE, "--all-containers").stdout
    assert client.delete(f"{URL}/1").status_code == 204
    deployment.revoke_key(token)
    answers = {client.post(URL, json={"dni": "1", "name": "Too Late"}).status_code for _ in range(20)}
    assert answers == {401}
