"""Who may read what, and how often, on the cluster: a private dataset, and one limit for all processes of all pods."""

import shutil
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.deployment import Deployment
from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.output import Get, Run
from tests.cluster.releases import build_release

# A release of its own, two deployments and a load.
pytestmark = pytest.mark.slow

PORT = 30821
NAMESPACE = "rowhouse-access"
PUBLIC = f"http://127.0.0.1:{PORT}/restaurants"
PRIVATE = f"http://127.0.0.1:{PORT}/guests"

PODS, WORKERS = 2, 2
PER_SECOND, BURST = 2, 12
# What processes may hold that the bucket knows nothing of any more: docs/access.md.
BATCH = 1
ENVIRONMENT = {
    "stack_environment": "access",
    "stack_context": "dev",
    "api_node_port": PORT,
    "api_replicas": PODS,
    "api_settings": {"workers": WORKERS, "rate_limit_per_minute": 60 * PER_SECOND, "rate_limit_burst": BURST},
}
SECONDS = 10
ANOTHER_EACH_TIME = httpx.Limits(max_keepalive_connections=0)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Deployment]:
    """Deploy the same table twice, one of them private."""
    datasets = tmp_path_factory.mktemp("access") / "datasets"
    for name in ("restaurants", "guests"):
        shutil.copytree(ROOT / "files/datasets/restaurants", datasets / name)
    with (datasets / "guests/dataset.yml").open("a") as description:
        description.write("private: true\n")
    inventory = copied_inventory(datasets.parent, ENVIRONMENT)
    deployment = Deployment(inventory, ansible_playbook)
    deployment.run("deploy.yml", **build_release(ansible_playbook, inventory, "access", datasets))
    yield deployment
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_a_private_dataset_is_read_with_its_key_until_that_is_revoked(deployment: Deployment) -> None:
    nobody = httpx.get(PRIVATE)
    assert (nobody.status_code, nobody.json()["type"]) == (401, "urn:problem-type:rowhouse:api-key-required")
    others = deployment.create_key("restaurants:write")
    assert statuses(others) == {403}
    token = deployment.create_key("guests:read")
    assert statuses(token) == {200}
    deployment.revoke_key(token)
    # What is no key counts for the address, whose limit is low.
    assert statuses(token, BURST - 2) == {401}


def statuses(token: str, times: int = 40) -> set[int]:
    """Return how the pods answer a key; on another connection each time, so that every process is met."""
    with httpx.Client(limits=ANOTHER_EACH_TIME, headers={"Authorization": f"Bearer {token}"}) as client:
        return {client.get(PRIVATE).status_code for _ in range(times)}


@pytest.mark.usefixtures("deployment")
def test_all_pods_keep_one_limit() -> None:
    time.sleep(BURST / PER_SECOND)
    answers, seconds = ask_without_a_break(SECONDS)
    passed = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert len(passed) <= BURST + seconds * PER_SECOND + PODS * WORKERS * BATCH
    assert len(passed) >= 0.9 * (BURST + SECONDS * PER_SECOND)
    refused = answers[-1] if answers[-1].status_code == 429 else answers[-2]
    assert refused.headers["RateLimit-Policy"].startswith('"address";q=')
    assert refused.json()["type"] == "urn:problem-type:rowhouse:too-many-requests"
    time.sleep(int(refused.headers["Retry-After"]))
    assert httpx.get(PUBLIC).status_code == 200


@pytest.mark.usefixtures("deployment")
def test_without_the_cache_each_process_keeps_the_limit_alone(kubectl: Run, get: Get) -> None:
    kubectl("scale", "deployment", "redis", "-n", NAMESPACE, "--replicas=0")
    try:
        kubectl("wait", "pod", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=redis", "--for=delete", "--timeout=60s")
        before = counted_alone(get)
        answers, seconds = ask_without_a_break(SECONDS)
    finally:
        kubectl("scale", "deployment", "redis", "-n", NAMESPACE, "--replicas=1")
    assert {answer.status_code for answer in answers} == {200, 429}
    passed = sum(answer.status_code == 200 for answer in answers)
    assert passed <= PODS * WORKERS * (BURST + seconds * PER_SECOND)
    assert passed > BURST + seconds * PER_SECOND
    assert counted_alone(get) - before >= 0.9 * len(answers)


def ask_without_a_break(seconds: float) -> tuple[list[httpx.Response], float]:
    """Ask for some seconds with several clients, all of one address; return the answers and how long it took."""
    answers: list[httpx.Response] = []
    started = time.monotonic()

    def ask() -> None:
        with httpx.Client(limits=ANOTHER_EACH_TIME) as client:
            while time.monotonic() - started < seconds:
                answers.append(client.get(PUBLIC, params={"limit": 1}))
                time.sleep(0.01)

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return answers, time.monotonic() - started


def counted_alone(get: Get) -> float:
    """Return how many requests processes have counted alone."""
    pods = get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=api")["items"]
    texts = [httpx.get(f"http://{pod['status']['podIP']}:8001/metrics").raise_for_status().text for pod in pods]
    return sum(
        sample.value
        for text in texts
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "rowhouse_limit_alone_total"
    )
