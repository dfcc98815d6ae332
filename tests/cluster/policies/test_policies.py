"""Every connection is tried between real pods, with the policies enforced, and compared with what they say."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.cluster.machine import ROOT
from tests.cluster.output import Get, Run, said
from tests.contract.network import Connection, Endpoint, Port, reachable

INVENTORY = ROOT / "molecule/inventory"
NAMESPACE = "rowhouse-molecule"
ELSEWHERE = "rowhouse-elsewhere"
NAME = "app.kubernetes.io/name"
COMPONENTS = ("api", "load", "postgres", "redis")
LISTENING = Port(8080)

# Tries each [address, port] on its own, and prints those that are connected to.
TRY = """
import concurrent.futures, json, socket, sys
def opens(target):
    try:
        socket.create_connection(tuple(target), 2).close()
        return True
    except OSError:
        return False
targets = json.load(sys.stdin)
with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps([target for target, opened in zip(targets, pool.map(opens, targets)) if opened]))
"""
RESOLVE = "import socket; print(socket.gethostbyname('kubernetes.default.svc.cluster.local'))"


@pytest.fixture(scope="module")
def endpoints(kubectl: Run, get: Get) -> Iterator[list[Endpoint]]:
    """Start a pod that looks like each component, one that looks like none and one elsewhere; add what is there.

    Those that are there answer; those that look like them ask. They are never ready, so no Service sends them anything.
    """
    kubectl("create", "namespace", ELSEWHERE)
    api = _of(get, "api")[0]
    places = [(name, NAMESPACE) for name in (*COMPONENTS, "unknown")] + [("api", ELSEWHERE)]
    asking = [_asking(name, place, api["spec"]["containers"][0]["image"]) for name, place in places]
    kubectl("apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": asking}))
    for item in asking:
        pod, place = item["metadata"]["name"], item["metadata"]["namespace"]
        kubectl("wait", f"pod/{pod}", "-n", place, "--for=jsonpath={.status.phase}=Running", "--timeout=60s")
    pods = [get("pod", item["metadata"]["name"], "-n", item["metadata"]["namespace"]) for item in asking]
    real = [_of(get, name)[0] for name in ("api", "postgres", "redis")]
    (server,) = get("endpoints", "kubernetes", "-n", "default")["subsets"]
    dns = get("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"][0]
    yield [
        *(_endpoint(pod, f"asking {pod['metadata']['name']} in {pod['metadata']['namespace']}") for pod in pods),
        *(_endpoint(pod, pod["metadata"]["labels"][NAME]) for pod in real),
        _endpoint(dns, "dns"),
        Endpoint("the API server", server["addresses"][0]["ip"], ports=(Port(server["ports"][0]["port"]),)),
    ]
    kubectl("delete", "namespace", ELSEWHERE, "--wait=false")
    kubectl("delete", "pods", "-n", NAMESPACE, "-l", "asking=yes", "--grace-period=1")


def test_what_is_connected_is_what_the_policies_say(kubectl: Run, get: Get, endpoints: list[Endpoint]) -> None:
    policies = get("networkpolicies", "-n", NAMESPACE)["items"]
    expected = {item for item in _tried(endpoints) if item in set(reachable(policies, endpoints))}
    # Both must be there, or the comparison shows nothing.
    assert expected
    assert expected < _tried(endpoints)
    assert _connected(kubectl, endpoints) == expected


@pytest.mark.parametrize(
    ("name", "place", "resolves"),
    [("api", NAMESPACE, True), ("load", NAMESPACE, True), ("redis", NAMESPACE, False), ("unknown", NAMESPACE, False)],
)
@pytest.mark.usefixtures("endpoints")
def test_who_may_resolve_names(kubectl: Run, name: str, place: str, resolves: bool) -> None:
    done = kubectl("exec", f"asking-{name}", "-n", place, "--", "python3.13", "-c", RESOLVE, check=False)
    assert (done.returncode == 0) == resolves, said(done)


def test_without_policies_everything_is_connected(
    kubectl: Run, endpoints: list[Endpoint], ansible_playbook: Run
) -> None:
    kubectl("delete", "networkpolicies", "--all", "-n", NAMESPACE)
    try:
        assert _connected(kubectl, endpoints) == _tried(endpoints)
    finally:
        done = ansible_playbook("deploy.yml", "-i", str(INVENTORY))
    assert done.returncode == 0, said(done)


def _connected(kubectl: Run, endpoints: Sequence[Endpoint]) -> set[Connection]:
    """Return the connections that pods of ours open when they try all."""
    found = set()
    for source in endpoints:
        if not source.name.startswith("asking "):
            continue
        pod = source.name.split()[1]
        targets = {
            (target.address, port.number): (target.name, port)
            for target in endpoints
            for port in target.ports
            if target is not source and port.protocol == "TCP"
        }
        done = kubectl(
            *("exec", "--stdin", pod, "-n", source.namespace, "--", "python3.13", "-c", TRY),
            stdin=json.dumps(list(targets)),
        )
        for address, number in json.loads(done.stdout):
            name, port = targets[address, number]
            found.add((source.name, name, port.protocol, port.number))
    return found


def _tried(endpoints: Sequence[Endpoint]) -> set[Connection]:
    """Return the connections that `_connected` tries."""
    asking = [item for item in endpoints if item.name.startswith("asking ")]
    return {item for item in reachable([], endpoints) if item[2] == "TCP" and item[0] in {pod.name for pod in asking}}


def _of(get: Get, name: str) -> list[dict[str, Any]]:
    pods: list[dict[str, Any]] = get("pods", "-n", NAMESPACE, "-l", f"{NAME}={name},!asking")["items"]
    return [pod for pod in pods if pod["status"]["phase"] == "Running"]


def _endpoint(pod: Mapping[str, Any], name: str) -> Endpoint:
    metadata = pod["metadata"]
    ports = tuple(
        Port(port["containerPort"], port.get("name", ""), port["protocol"])
        for container in pod["spec"]["containers"]
        for port in container["ports"]
    )
    return Endpoint(name, pod["status"]["podIP"], metadata["namespace"], metadata["labels"], ports)


def _asking(name: str, namespace: str, image: str) -> dict[str, Any]:
    labels = {} if name == "unknown" else {NAME: name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"asking-{name}", "namespace": namespace, "labels": labels | {"asking": "yes"}},
        "spec": {
            "automountServiceAccountToken": False,
            "readinessGates": [{"conditionType": "rowhouse.test/never"}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "asking",
                    "image": image,
                    "command": ["python3.13", "-m", "http.server", str(LISTENING.number)],
                    "ports": [{"containerPort": LISTENING.number}],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "1", "memory": "128Mi"},
                    },
                }
            ],
        },
    }
