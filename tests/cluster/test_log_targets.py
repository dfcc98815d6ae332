"""Somebody else's servers of logs take every line once, whatever happens to them and to the collector."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster.deployment import Deployment
from tests.cluster.inventory import copied_inventory
from tests.cluster.log_servers import BulkServer, Elasticsearch, Line, LogServer, Loki, OpenSearch, node_address
from tests.cluster.machine import ROOT, STATE
from tests.cluster.object_store import make_certificate
from tests.cluster.output import Get, Run
from tests.cluster.releases import build_release

# Three servers, one of which Go compiles, and seven deployments.
pytestmark = pytest.mark.slow

PORT = 30872
URL = f"http://127.0.0.1:{PORT}"
NAMESPACE = "rowhouse-log-targets"
COLLECTOR_NAMESPACE = f"{NAMESPACE}-logs"
ENVIRONMENT = {
    "stack_environment": "log-targets",
    "stack_context": "dev",
    "api_node_port": PORT,
    "api_replicas": 2,
    "logging_enabled": True,
    "logging_pods_dir": str(STATE / "log/pods"),
}
REQUESTS = 100
PROXY_PORT = 3180
LOGIN = {"user": "rowhouse", "password": 'throw-away $`"\\'}

# What applications may say under one name; what comes first decides how an index sees all that follow.
VALUES: tuple[dict[str, Any], ...] = (
    {"value": 1},
    {"value": "text"},
    {"value": {"deeper": True}},
    {"value": "2026-01-31"},
    {"value": [None, "1"]},
)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Deployment]:
    remove = ["delete", "namespace", NAMESPACE, COLLECTOR_NAMESPACE, "--ignore-not-found"]
    kubectl(*remove)
    folder = tmp_path_factory.mktemp("log-targets")
    inventory = copied_inventory(folder, ENVIRONMENT)
    release = build_release(ansible_playbook, inventory, "log-targets", ROOT / "files/datasets")
    yield Deployment(copied_inventory(folder / "deployed", ENVIRONMENT | release), ansible_playbook)
    kubectl(*remove, "--wait=false")


class Target:
    """A server that the deployment sends its lines to; it can be stopped and started."""

    def __init__(self, server: LogServer, deployment: Deployment, kubectl: Run) -> None:
        self.server = server
        self._deployment = deployment
        self._kubectl = kubectl
        self._running = ExitStack()

    def start(self) -> None:
        self._running.enter_context(self.server.running())

    def stop(self) -> None:
        self._running.close()

    def deploy(self, **variables: object) -> None:
        there = {"logging_target": self.server.name, "logging_target_url": self.server.url}
        self._deployment.run("deploy.yml", **(there | variables))

    def replace_collector(self) -> None:
        """Let a new one take the place of the collector, which then reads all files from their beginning."""
        self._kubectl("delete", "pods", "--all", "-n", COLLECTOR_NAMESPACE)
        self._kubectl("rollout", "status", "daemonset/log-collector", "-n", COLLECTOR_NAMESPACE, "--timeout=60s")


@pytest.fixture(scope="module", params=[Loki, OpenSearch, Elasticsearch], ids=lambda kind: kind.name)
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, deployment: Deployment, kubectl: Run
) -> Iterator[Target]:
    found = Target(request.param(tmp_path_factory.mktemp("server"), NAMESPACE), deployment, kubectl)
    found.start()
    try:
        found.deploy()
        yield found
    finally:
        found.stop()


@pytest.fixture
def bulk(target: Target) -> BulkServer:
    if not isinstance(target.server, BulkServer):
        pytest.skip("has no fields that could contradict each other")
    return target.server


def ask(prefix: str, number: int = REQUESTS) -> None:
    """Ask so often, by ids with the prefix, which no other target was asked by; every request has to be answered."""
    with httpx.Client(base_url=URL, timeout=10) as client:
        answers = [
            client.get(f"/air_quality?limit={i + 1}", headers={"X-Request-Id": f"{prefix}-{i}"}) for i in range(number)
        ]
    assert [answer.status_code for answer in answers if answer.is_error] == []


def answered(lines: list[Line]) -> Counter[str]:
    """Count the answers by their ids. A request that met a slow cache has said so besides."""
    return Counter(line.request_id for line in lines if line.fields["message"] == "Answered")


def each(prefix: str, number: int = REQUESTS) -> Counter[str]:
    """Return what is counted when every id of the prefix is there once."""
    return Counter(f"{prefix}-{i}" for i in range(number))


def say(kubectl: Run, get: Get, prefix: str) -> None:
    """Let a pod of the environment say VALUES, each by an id of its own."""
    (image,) = {
        container["image"]
        for item in get("deployments", "-n", NAMESPACE)["items"]
        for container in item["spec"]["template"]["spec"]["containers"]
        if container["name"] == "api"
    }
    lines = [json.dumps({"level": "info", "request_id": f"{prefix}-{i}", **value}) for i, value in enumerate(VALUES)]
    container = {
        "name": "application",
        "image": image,
        "command": ["python3.13", "-c", f"import time; print({chr(10).join(lines)!r}, flush=True); time.sleep(3600)"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 0,
    }
    metadata = {"name": prefix, "namespace": NAMESPACE}
    kubectl("delete", "pod", prefix, "-n", NAMESPACE, "--ignore-not-found")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    kubectl("create", "-f", "-", stdin=json.dumps(pod))


def documented_template(name: str) -> dict[str, Any]:
    """Return the index template of docs/logging.md, for this index and server."""
    text = (ROOT / "docs/logging.md").read_text()
    (found,) = re.findall(r"^```json\n(\{\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    template: dict[str, Any] = json.loads(found)
    template["index_patterns"] = [NAMESPACE]
    if name == "elasticsearch":
        template["template"]["mappings"]["properties"]["json"] = {"type": "flattened"}
    return template


def test_a_line_is_found_by_its_request(target: Target, get: Get) -> None:
    prefix = f"{target.server.name}-found"
    ask(prefix, 3)
    (line,) = [line for line in target.server.wait_for(3, prefix) if line.request_id == f"{prefix}-1"]
    assert (line.component, line.level) == ("api", "info")
    assert line.pod in {pod["metadata"]["name"] for pod in get("pods", "-n", NAMESPACE)["items"]}
    assert (line.fields["status"], line.fields["route"]) == (200, "/air_quality")


def test_while_it_is_away_requests_are_answered_and_their_lines_come_once(target: Target) -> None:
    prefix = f"{target.server.name}-away"
    target.stop()
    ask(prefix)
    target.start()
    target.server.wait_for(REQUESTS, prefix)
    assert answered(target.server.find(prefix)) == each(prefix)


def test_a_new_collector_sends_all_again_and_each_line_is_there_once(target: Target) -> None:
    before, after = f"{target.server.name}-before", f"{target.server.name}-after"
    ask(before)
    target.server.wait_for(REQUESTS, before)
    target.replace_collector()
    ask(after)
    target.server.wait_for(REQUESTS, after)
    for prefix in (before, after):
        assert answered(target.server.find(prefix)) == each(prefix)


def test_no_line_is_lost_for_what_another_said_under_the_same_name(bulk: BulkServer, kubectl: Run, get: Get) -> None:
    prefix = f"{bulk.name}-types"
    say(kubectl, get, prefix)
    found = bulk.wait_for(len(VALUES), prefix)
    assert Counter(line.request_id for line in found) == each(prefix, len(VALUES))


def test_with_the_documented_template_no_line_is_lost_and_fields_are_found(
    target: Target, bulk: BulkServer, kubectl: Run, get: Get
) -> None:
    bulk.prepare(documented_template(bulk.name))
    target.deploy(logging_target_json=True)
    # It comes anew, as the template says.
    bulk.forget()
    target.replace_collector()
    prefix = f"{bulk.name}-fields"
    say(kubectl, get, prefix)
    found = bulk.wait_for(len(VALUES), prefix)
    assert Counter(line.request_id for line in found) == each(prefix, len(VALUES))
    own = [{"term": {"json.value": "text"}}, {"prefix": {"request_id": prefix}}]
    question = {"query": {"bool": {"filter": own}}}
    answer = httpx.post(f"{bulk.url}/{NAMESPACE}/_search", json=question, timeout=30).raise_for_status()
    (hit,) = answer.json()["hits"]["hits"]
    assert hit["_source"]["json"]["value"] == "text"


@contextmanager
def proxied(folder: Path, url: str) -> Iterator[dict[str, str]]:
    """Put nginx before a server, to ask for LOGIN by TLS. Yields its url and certificate, which it signed itself."""
    address = node_address()
    certificate = make_certificate(folder, address)
    (folder / "users").write_text(f"{LOGIN['user']}:{{PLAIN}}{LOGIN['password']}\n")
    settings = folder / "nginx.conf"
    settings.write_text(f"""
pid {folder}/pid; error_log {folder}/error.log; daemon off; worker_processes 1; user root;
events {{}}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}; proxy_temp_path {folder}; client_max_body_size 10m;
  server {{
    listen {address}:{PROXY_PORT} ssl;
    ssl_certificate {folder}/tls.crt; ssl_certificate_key {folder}/tls.key;
    auth_basic logs; auth_basic_user_file {folder}/users;
    location / {{ proxy_pass {url}; }}
  }}
}}
""")
    process = subprocess.Popen(["nginx", "-c", str(settings), "-e", f"{folder}/error.log"])
    try:
        yield {"url": f"https://{address}:{PROXY_PORT}", "certificate": certificate["tls.crt"]}
    finally:
        process.terminate()
        process.wait()


def test_one_that_asks_who_it_is_and_has_a_certificate_of_its_own(target: Target, kubectl: Run, tmp_path: Path) -> None:
    if not isinstance(target.server, Loki):
        pytest.skip("asked once, as all are sent the same")
    subprocess.run([ROOT / "scripts/packages", "nginx-light"], check=True)
    words = [f"--from-literal={key}={value}" for key, value in LOGIN.items()]
    kubectl("create", "secret", "generic", "logs-login", "-n", NAMESPACE, *words)
    with proxied(tmp_path, target.server.url) as proxy:
        target.deploy(
            logging_target_url=proxy["url"],
            logging_target_ca_certificate=proxy["certificate"],
            logging_target_secret="logs-login",
        )
        ask("login")
        target.server.wait_for(REQUESTS, "login")
        assert answered(target.server.find("login")) == each("login")
        assert f"- {LOGIN['user']} [" in (tmp_path / "access.log").read_text()
