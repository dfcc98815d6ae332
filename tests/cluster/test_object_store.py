"""An object store that somebody else looks after, within the cluster: set up, used, mistaken, and taken out again."""

import json
from collections.abc import Iterator

import httpx
import pytest
from obstore.store import S3Store

from tests.cluster.deployment import Deployment
from tests.cluster.forward import forwarded
from tests.cluster.inventory import copied_inventory
from tests.cluster.object_store import BUCKET, KEYS, S3_PORT, object_store
from tests.cluster.output import Run

# An image, a server and five deployments.
pytestmark = pytest.mark.slow

NAMESPACE = "rowhouse-store"
OUTSIDE = "rowhouse-s3"
PORT = 30822
URL = f"http://127.0.0.1:{PORT}"

STORE = {
    "api_object_store_endpoint": f"http://s3.{OUTSIDE}.svc:{S3_PORT}",
    "api_object_store_bucket": BUCKET,
    "api_object_store_peers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OUTSIDE}}}],
}
SUPPLIED = {f"api_object_store_{name}": value for name, value in KEYS.items()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, kubectl: Run) -> Iterator[None]:
    with object_store(tmp_path_factory.mktemp("versitygw"), OUTSIDE, kubectl):
        yield


@pytest.fixture(scope="module")
def deployment(
    server: None,  # noqa: ARG001 - the deployment is about it
    tmp_path_factory: pytest.TempPathFactory,
    ansible_playbook: Run,
    kubectl: Run,
) -> Iterator[Deployment]:
    variables = {"stack_environment": "store", "stack_context": "dev", "api_node_port": PORT, "api_replicas": 2}
    inventory = copied_inventory(tmp_path_factory.mktemp("store"), variables)
    deployment = Deployment(inventory, ansible_playbook)
    deployment.run("deploy.yml", **STORE, **SUPPLIED)
    yield deployment
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.mark.usefixtures("deployment")
def test_an_object_is_written_and_is_there() -> None:
    assert httpx.get(f"{URL}/api/health").json()["parts"]["object_store"] == "ok"
    answer = httpx.post(f"{URL}/api/upload-random")
    assert answer.status_code == 201, answer.text
    written = answer.json()
    with forwarded(OUTSIDE, "service/s3", S3_PORT) as port:
        store = S3Store(
            BUCKET,
            endpoint=f"http://127.0.0.1:{port}",
            region="us-east-1",
            access_key_id=KEYS["access_key"],
            secret_access_key=KEYS["secret_key"],
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        assert len(store.get(written["key"]).bytes()) == written["size"] > 0


def test_a_second_run_changes_nothing(deployment: Deployment) -> None:
    assert "changed=0" in deployment.run("deploy.yml", **STORE, **SUPPLIED)


def test_another_key_is_refused(deployment: Deployment) -> None:
    words = deployment.refused(**STORE, **SUPPLIED | {"api_object_store_secret_key": "mistaken"})
    assert "api_object_store_secret_key in " in words
    assert "differs from the Secret" in words
    assert "mistaken" not in words


def test_a_secret_of_somebody_else_is_looked_at_and_used(deployment: Deployment, kubectl: Run) -> None:
    metadata = {"name": "s3-login", "namespace": NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    theirs = STORE | {"api_object_store_existing_secret": "s3-login"}
    kubectl("create", "-f", "-", stdin=json.dumps(secret | {"stringData": {"access-key": KEYS["access_key"]}}))
    assert "api_object_store_existing_secret is s3-login: the Secret" in deployment.refused(**theirs)
    whole = {"access-key": KEYS["access_key"], "secret-key": KEYS["secret_key"]}
    kubectl("apply", "-f", "-", stdin=json.dumps(secret | {"stringData": whole}))
    deployment.run("deploy.yml", **theirs)
    assert httpx.post(f"{URL}/api/upload-random").status_code == 201


def test_taken_out_again_it_is_missed_by_nobody(deployment: Deployment) -> None:
    deployment.run("deploy.yml")
    answer = httpx.post(f"{URL}/api/upload-random")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:problem-type:rowhouse:no-object-store")
    assert httpx.get(f"{URL}/api/health").json()["parts"]["object_store"] == "none"
    assert "changed=0" in deployment.run("deploy.yml")
