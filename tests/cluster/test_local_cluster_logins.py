"""Who may speak with the local cluster: strict clients with a certificate, and nobody without."""

import base64
import contextlib
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.machine import DEFAULTS, STATE, cluster_processes

PORTS = DEFAULTS["local_cluster_ports"]

type Run = Callable[..., subprocess.CompletedProcess[str]]


def node_address(kubectl: Run) -> str:
    path = "--output=jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}"
    return kubectl("get", "nodes", path).stdout


def strict(server_address: tuple[str, int]) -> dict[str, Any]:
    """Shake hands as the strictest of clients and return the server's certificate."""
    cluster = yaml.safe_load((STATE / "kubeconfig").read_text())["clusters"][0]["cluster"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection(server_address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=server_address[0]) as secure,
    ):
        return dict(secure.getpeercert() or {})


@pytest.mark.parametrize("port", ["api", "kubelet"])
def test_certificates_satisfy_strict_clients(kubectl: Run, port: str) -> None:
    assert ("IP Address", node_address(kubectl)) in strict((node_address(kubectl), PORTS[port]))["subjectAltName"]


def addresses(pid: int) -> Iterator[tuple[str, int, str]]:
    """Yield address, port and protocol of each socket that a process of the machine's own network listens on."""
    inodes = set()
    # Pods of other tests come and go: a process that has ended listens on nothing.
    with contextlib.suppress(OSError):
        if Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    for protocol, listening in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == listening and words[9] in inodes:
                address, port = words[1].split(":")
                packed = b"".join(bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8))
                family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
                yield socket.inet_ntop(family, packed), int(port, 16), protocol


def answer(address: str, port: int, path: str) -> int:
    """Return the status that a caller without any login gets over TLS."""
    context = ssl._create_unverified_context()
    with (
        socket.create_connection((address, port), timeout=10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        secure.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int(secure.recv(64).split()[1])


def test_what_listens_beyond_loopback_wants_a_login(kubectl: Run) -> None:
    listening = {(socket_, words) for pid, words in cluster_processes().items() for socket_ in addresses(pid)}
    assert len(listening) >= len(PORTS)
    beyond = {socket_ for socket_, _ in listening if not socket_[0].startswith("127.")}
    assert beyond == {(node_address(kubectl), PORTS[name], "tcp") for name in ("api", "kubelet")}
    for address, port, _ in beyond:
        paths = ("/api/v1/secrets", "/debug/pprof/", "/healthz", "/logs/", "/metrics", "/pods", "/runningpods/")
        said = {path: answer(address, port, path) for path in paths}
        assert set(said.values()) <= {401, 404}, said  # not found: the other of the two has it
        assert said["/metrics"] == 401


def test_the_database_wants_a_certificate() -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        answer("127.0.0.1", PORTS["etcd"], "/version")
