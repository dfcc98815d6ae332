"""Logs are collected, kept within bounds and found again, and the API does not mind when nobody takes them."""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.cluster.deployment import Deployment
from tests.cluster.forward import forwarded
from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT, STATE
from tests.cluster.output import Get, Run, said
from tests.cluster.releases import build_release

# A deployment of its own.
pytestmark = pytest.mark.slow

PORT = 30871
URL = f"http://127.0.0.1:{PORT}"
NAMESPACE = "rowhouse-logging"
COLLECTOR_NAMESPACE = f"{NAMESPACE}-logs"
MEGABYTES = 16
ENVIRONMENT = {
    "stack_environment": "logging",
    "stack_context": "dev",
    "api_node_port": PORT,
    "api_replicas": 1,
    "logging_enabled": True,
    "logging_pods_dir": str(STATE / "log/pods"),
    "logging_max_megabytes": MEGABYTES,
}
REQUESTS = 200
PATIENCE = 60
# What status and plan end with then.
SOMETHING_TO_DO = 3


class Logs:
    """What a user sees of the logs."""

    def __init__(self, deployment: Deployment, ansible_playbook: Run) -> None:
        self._deployment = deployment
        self._ansible_playbook = ansible_playbook

    def screen(self, **question: object) -> str:
        return self._deployment.run("playbooks/logs.yml", **question)

    def find(self, **question: object) -> list[dict[str, Any]]:
        written = self.screen(output="json", **question)
        return [json.loads(line) for line in written.splitlines() if line.startswith("{")]

    def wait_for(self, number: int, **question: object) -> list[dict[str, Any]]:
        """Look until there are so many lines; what comes late comes within a minute."""
        end = time.monotonic() + PATIENCE
        while len(found := self.find(**question)) < number and time.monotonic() < end:
            time.sleep(1)
        return found

    def refusal(self, **question: object) -> str:
        inventory = str(self._deployment.inventory)
        done = self._ansible_playbook("playbooks/logs.yml", "-i", inventory, "-e", json.dumps(question))
        assert done.returncode not in {0, 3}, said(done)
        return said(done)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Deployment]:
    remove = ["delete", "namespace", NAMESPACE, COLLECTOR_NAMESPACE, "--ignore-not-found"]
    kubectl(*remove)
    folder = tmp_path_factory.mktemp("logging")
    release = build_release(ansible_playbook, copied_inventory(folder, ENVIRONMENT), "logging", ROOT / "files/datasets")
    made = Deployment(copied_inventory(folder / "deployed", ENVIRONMENT | release), ansible_playbook)
    made.run("deploy.yml")
    yield made
    kubectl(*remove, "--wait=false")


@pytest.fixture(scope="module")
def logs(deployment: Deployment, ansible_playbook: Run) -> Logs:
    return Logs(deployment, ansible_playbook)


def ask(prefix: str, number: int = REQUESTS) -> float:
    """Ask so often, by ids with the prefix; every request has to be answered. Returns the seconds that it took."""
    started = time.monotonic()
    with httpx.Client(base_url=URL, timeout=10) as client:
        failures = [
            answer.status_code
            for i in range(number)
            if (answer := client.get(f"/air_quality?limit={i + 1}", headers={"X-Request-Id": f"{prefix}-{i}"})).is_error
        ]
    assert failures == []
    return time.monotonic() - started


def ids(lines: list[dict[str, Any]], prefix: str) -> list[str]:
    """Return the ids of requests that were answered. One that met a slow cache has said so besides."""
    answers = [line for line in lines if line["request_id"].startswith(f"{prefix}-") and '"Answered"' in line["text"]]
    return sorted(line["request_id"] for line in answers)


def expected(prefix: str) -> list[str]:
    return sorted(f"{prefix}-{i}" for i in range(REQUESTS))


def test_a_request_is_found_by_its_id_and_by_all_else_that_is_known_of_it(logs: Logs) -> None:
    ask("found", 3)
    assert httpx.get(f"{URL}/air_quality?nonsense=1", headers={"X-Request-Id": "wrong"}).status_code == 400
    (line,) = logs.wait_for(1, request_id="found-1")
    assert (line["component"], line["level"]) == ("api", "info")
    assert json.loads(line["text"])["route"] == "/air_quality"
    assert "found-2" in logs.screen(component="api", text="ANSWERED", since="5m")
    assert "found-2" not in logs.screen(component="api", until="1970-01-01T00:00")
    assert "found-2" not in logs.screen(component="api", level="error")
    assert [item["component"] for item in logs.find(component="postgres", since="1d", lines=3)] == ["postgres"] * 3
    now = logs.find(request_id="found-1", since="10m", until="0s")
    assert [item["request_id"] for item in now] == ["found-1"]
    newest = logs.find(since="1d", lines=50)
    assert [line["time"] for line in newest] == sorted(line["time"] for line in newest)


def test_only_this_environments_pods_are_read_and_no_secret_is_in_what_they_say(
    logs: Logs, kubectl: Run, get: Get
) -> None:
    found = kubectl(
        *("exec", "-n", NAMESPACE, "deployment/log-store", "--"),
        *("journalctl", "--directory=/var/lib/logs", "--output=json", "--all", "--output-fields=POD,MESSAGE"),
    ).stdout
    written = [json.loads(line) for line in found.splitlines()]
    pods = {pod["metadata"]["name"] for pod in get("pods", "-n", NAMESPACE)["items"]}
    assert {entry["POD"] for entry in written} <= pods
    secrets = [
        b64decode(value).decode()
        for secret in get("secrets", "-n", NAMESPACE, "--selector=app.kubernetes.io/part-of=rowhouse")["items"]
        for value in secret["data"].values()
    ]
    assert secrets
    assert [number for number, value in enumerate(secrets) if value and value in found] == []
    assert logs.find(request_id="found-0")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"request_id": "a b"}, "request_id is 'a b': give 1 to 128 letters, digits or ._~:+/=-."),
        ({"component": "api;ls"}, "component is 'api;ls': give the name of a container"),
        ({"level": "bad"}, "level is 'bad': give one of debug, info, warning, error, critical."),
        ({"since": "yesterday"}, "since is 'yesterday': give how long ago, as 90s, 15m, 3h or 2d, or a time"),
        ({"since": "5d", "until": "1d"}, "until is to be after since, and by a day at most"),
        ({"lines": 0}, "lines is 0: give a number from 1 to 10000."),
    ],
)
def test_malformed_questions_are_refused(question: dict[str, object], words: str, logs: Logs) -> None:
    assert words in logs.refusal(**question)


def test_while_the_store_is_away_requests_are_answered_and_their_lines_come_later(
    logs: Logs, kubectl: Run, record_testsuite_property: Callable[[str, object], None]
) -> None:
    usual = ask("usual")
    kubectl("scale", "deployment/log-store", "-n", NAMESPACE, "--replicas=0")
    kubectl("wait", "--for=delete", "pod", "--selector=app.kubernetes.io/name=log-store", "-n", NAMESPACE)
    try:
        away = ask("away")
        assert f"The store of logs is away: no pod of Deployment log-store in {NAMESPACE} is ready" in logs.refusal()
    finally:
        kubectl("scale", "deployment/log-store", "-n", NAMESPACE, "--replicas=1")
        kubectl("rollout", "status", "deployment/log-store", "-n", NAMESPACE, "--timeout=60s")
    record_testsuite_property("seconds with and without the store", f"{usual:.2f} {away:.2f}")
    logs.wait_for(1, request_id=f"away-{REQUESTS - 1}")
    assert ids(logs.find(component="api", since="10m", lines=5000), "away") == expected("away")


def test_while_the_collector_is_gone_requests_are_answered_and_a_new_one_finds_their_lines(
    logs: Logs, deployment: Deployment, kubectl: Run, record_testsuite_property: Callable[[str, object], None]
) -> None:
    kubectl("delete", "daemonset/log-collector", "-n", COLLECTOR_NAMESPACE)
    gone = ask("gone")
    record_testsuite_property("seconds without a collector", f"{gone:.2f}")
    deployment.run("deploy.yml")
    logs.wait_for(1, request_id=f"gone-{REQUESTS - 1}")
    # The new one has read again what the one before had sent.
    found = logs.find(component="api", since="10m", lines=5000)
    assert ids(found, "gone") == expected("gone")
    assert ids(found, "away") == expected("away")


def test_a_second_run_changes_nothing_and_the_status_knows_the_collector(
    deployment: Deployment, ansible_playbook: Run
) -> None:
    assert "changed=0" in deployment.run("deploy.yml")
    done = ansible_playbook("playbooks/status.yml", "-i", str(deployment.inventory))
    assert "DaemonSet/log-collector 1/1" in said(done)
    assert "Deployment/log-store 1/1" in said(done)


def test_edits_by_hand_are_told_and_give_way_as_everywhere(
    deployment: Deployment, ansible_playbook: Run, kubectl: Run
) -> None:
    kubectl("set", "env", "daemonset/log-collector", "BY_HAND=1", "-n", COLLECTOR_NAMESPACE)
    kubectl("patch", "configmap/log-collector", "-n", COLLECTOR_NAMESPACE, "--patch", '{"data": {"BY_HAND": "1"}}')
    edits = [
        "ConfigMap/log-collector: data.BY_HAND was set by kubectl-patch",
        "DaemonSet/log-collector: spec.template.spec.containers[name=log-collector].env was set by kubectl-set",
    ]
    for playbook in ("playbooks/status.yml", "playbooks/plan.yml"):
        done = ansible_playbook(playbook, "-i", str(deployment.inventory))
        assert done.returncode == SOMETHING_TO_DO, said(done)
        assert [edit for edit in edits if edit not in said(done)] == []
    told = deployment.run("deploy.yml")
    assert [edit for edit in edits if edit not in told] == []
    left = kubectl("get", "daemonset,configmap", "-n", COLLECTOR_NAMESPACE, "-o", "yaml").stdout
    assert "BY_HAND" not in left
    assert "changed=0" in deployment.run("deploy.yml")


def test_what_is_too_much_is_dropped_the_oldest_first(logs: Logs, kubectl: Run) -> None:
    """Entries as the collector sends them, of more bytes than the store may keep."""
    sent = 60_000
    with forwarded(NAMESPACE, "service/log-store", 19532) as port, httpx.Client(timeout=60) as client:
        for first in range(0, sent, 10_000):
            now = time.time()
            told = "".join(entry(number, now) for number in range(first, first + 10_000))
            answer = client.post(
                f"http://127.0.0.1:{port}/upload",
                content=told,
                headers={"Content-Type": "application/vnd.fdo.journal"},
            )
            assert answer.status_code == 202, answer.text
    assert logs.find(request_id=f"flood-{sent - 1}")
    assert logs.find(request_id="flood-0") == []
    used = kubectl("exec", "-n", NAMESPACE, "deployment/log-store", "--", "du", "-sB1", "/var/lib/logs").stdout
    # A file, a sixteenth of all, is the step.
    assert int(used.split()[0]) <= MEGABYTES * 1_000_000 * 17 / 16


def entry(number: int, now: float) -> str:
    written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return (
        f"__REALTIME_TIMESTAMP={int(now * 1e6)}\n__MONOTONIC_TIMESTAMP=1\n_BOOT_ID=00000000000000000000000000000001\n"
        f"TIME={written}.{number:09}Z\nMINUTE={written[:16]}\nCOMPONENT=flood\nPOD=flood\nSTREAM=stdout\nLEVEL=\n"
        f"REQUEST_ID=flood-{number}\nMESSAGE=line {number} of a flood, {number * 7919} {number * 104729}\n\n"
    )


def test_another_target_takes_the_place_of_the_store_and_the_volume_stays(
    logs: Logs, deployment: Deployment, kubectl: Run
) -> None:
    deployment.run("deploy.yml", logging_target="stdout")
    ask("standard", 1)
    collector = ["daemonset/log-collector", "-n", COLLECTOR_NAMESPACE]
    end = time.monotonic() + PATIENCE
    while "standard-0" not in (text := kubectl("logs", *collector, "--tail=-1").stdout) and time.monotonic() < end:
        time.sleep(1)
    (line,) = [json.loads(line) for line in text.splitlines() if '"standard-0"' in line]
    assert (line["component"], line["level"], line["json"]["status"]) == ("api", "info", 200)
    assert f"kubectl logs --namespace {COLLECTOR_NAMESPACE}" in logs.refusal()
    assert kubectl("get", "deployment,service,pvc", "-n", NAMESPACE, "-o", "name").stdout.count("log-store") == 1


def test_switched_off_all_of_it_goes_but_the_volume(logs: Logs, deployment: Deployment, kubectl: Run) -> None:
    deployment.run("deploy.yml", logging_enabled=False)
    kubectl("wait", "--for=delete", f"namespace/{COLLECTOR_NAMESPACE}", "--timeout=60s", check=False)
    assert kubectl("get", "namespace", COLLECTOR_NAMESPACE, check=False).returncode != 0
    kinds = "all,configmaps,networkpolicies,persistentvolumeclaims"
    left = kubectl("get", kinds, "-n", NAMESPACE, "-o", "name").stdout.split()
    assert [name for name in left if "log-" in name] == ["persistentvolumeclaim/log-store"]
    assert f"No logs are collected of {NAMESPACE}: set logging_enabled to true" in logs.refusal()
