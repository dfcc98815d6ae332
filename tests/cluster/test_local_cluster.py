"""The local cluster as its users, its neighbours and a power cut meet it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import footprint
from tests.cluster.machine import BRIDGE, DEFAULTS, ROLES, RUN, STATE, cluster_processes

# They kill the cluster.
pytestmark = pytest.mark.alone

STACK = yaml.safe_load((ROLES / "stack/defaults/main.yml").read_text())
IMAGE = f"{STACK['stack_pull_registry']}/rowhouse/python:{STACK['stack_release']}"
NAMESPACE = "local-cluster-test"
# How long the cluster may take to come back after it was killed.
BACK_SECONDS = 60

type Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def namespace(kubectl: Run) -> Iterator[Run]:
    """Run kubectl in a namespace of its own, which goes afterwards."""
    kubectl("create", "namespace", NAMESPACE)

    def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return kubectl("--namespace", NAMESPACE, *words, **options)

    try:
        run("wait", "--for=create", "--timeout=30s", "serviceaccount/default")
        yield run
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")


def pod(name: str, code: str, claim: str | None = None) -> str:
    """Return a manifest of a pod that runs Python code, with the claim's volume at /data."""
    container: dict[str, Any] = {"name": "python", "image": IMAGE, "command": ["/usr/bin/python3.13", "-c", code]}
    spec: dict[str, Any] = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})


def claim(name: str) -> str:
    """Return a manifest of a claim without a storage class, so that the default one serves it."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return json.dumps({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec})


def deployment(volume: str) -> str:
    """Return a manifest of a deployment, named as its volume, whose pod is there until it is stopped."""
    spec = json.loads(pod(volume, "import time; time.sleep(3600)", volume))["spec"] | {"restartPolicy": "Always"}
    labels = {"app": volume}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": volume},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
    )


def finish(namespace: Run, name: str, code: str, volume: str | None = None) -> str:
    """Run a pod to its end and return what it printed."""
    namespace("create", "--filename=-", stdin=pod(name, code, volume))
    namespace("wait", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s", f"pod/{name}")
    printed = namespace("logs", name).stdout
    namespace("delete", "pod", name)
    return printed


def test_each_context_has_its_namespace(kubectl: Run) -> None:
    contexts = json.loads(kubectl("config", "view", "--output=json").stdout)["contexts"]
    assert {context["name"]: context["context"]["namespace"] for context in contexts} == {
        name: f"rowhouse-{name}" for name in DEFAULTS["local_cluster_contexts"]
    }
    assert (STATE / "kubeconfig").stat().st_mode & 0o777 == 0o600


def test_a_pod_finds_a_service_by_its_name(kubectl: Run, namespace: Run) -> None:
    service = kubectl(
        "get", "service", "kubernetes", "--namespace=default", "--output=jsonpath={.spec.clusterIP}"
    ).stdout
    code = "import socket; print(socket.gethostbyname('kubernetes.default'))"
    assert finish(namespace, "names", code).strip() == service


@pytest.mark.timeout(120)
def test_a_volume_outlives_its_pod_and_goes_with_its_claim(namespace: Run) -> None:
    namespace("create", "--filename=-", stdin=claim("kept"))
    finish(namespace, "writer", "open('/data/note', 'w').write('still here')", "kept")
    assert finish(namespace, "reader", "print(open('/data/note').read())", "kept").strip() == "still here"
    folder = STATE / "volumes" / namespace("get", "pvc", "kept", "--output=jsonpath={.spec.volumeName}").stdout
    assert (folder / "note").exists()
    namespace("delete", "pvc", "kept")
    while folder.exists():  # the test's time limit is the deadline
        time.sleep(0.5)


def test_exec_runs_in_the_pod(namespace: Run) -> None:
    namespace("create", "--filename=-", stdin=pod("sleeper", "import time; time.sleep(600)"))
    namespace("wait", "--for=condition=Ready", "--timeout=60s", "pod/sleeper")
    done = namespace("exec", "sleeper", "--", "/usr/bin/python3.13", "-c", "print(6 * 7)")
    assert done.stdout.strip() == "42"


def kill() -> None:
    """End every process, with no chance to tidy up, and take mounts and links away."""
    while alive := cluster_processes():
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for point in reversed(points):
        if point.startswith((f"{STATE}/", f"{RUN}/")):
            subprocess.run(["umount", "--lazy", point], check=True)
    for port in Path(f"/sys/class/net/{BRIDGE}/brif").iterdir():
        subprocess.run(["ip", "link", "delete", port.name], check=False)  # its namespace may take it along first
    subprocess.run(["ip", "link", "delete", BRIDGE], check=True)


def cut_power() -> None:
    """Leave what a machine has after a reboot: the disk."""
    kill()
    shutil.rmtree(RUN)
    for command in ("iptables", "ip6tables"):
        rules = footprint.output(f"{command}-save")
        kept = [line for line in rules if "KUBE-" not in line and BRIDGE not in line]
        subprocess.run([f"{command}-restore"], input="\n".join([*kept, ""]), text=True, check=True)
    for cgroup in Path("/sys/fs/cgroup").glob("*/rowhouse"):
        for folder, _, _ in os.walk(cgroup, topdown=False):
            Path(folder).rmdir()
    subprocess.run(["sysctl", "--quiet", "--load", str(STATE / "sysctls")], check=True)


# A power cut kills too, and takes more away: the lesser disaster is for the long run.
@pytest.mark.parametrize("disaster", [pytest.param(kill, marks=pytest.mark.slow), cut_power])
def test_the_cluster_comes_back_as_it_was(
    disaster: Callable[[], None], kubectl: Run, namespace: Run, ansible_playbook: Run
) -> None:
    name = disaster.__name__.replace("_", "-")
    namespace("create", "--filename=-", stdin=claim(name))
    finish(namespace, f"{name}-before", "open('/data/note', 'w').write('from before')", name)
    namespace("create", "--filename=-", stdin=deployment(name))
    namespace("rollout", "status", f"deployment/{name}", "--timeout=60s")
    identity = kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}").stdout

    disaster()
    started = time.monotonic()
    done = ansible_playbook("playbooks/cluster.yml", "-i", "inventories/dev")
    assert done.returncode == 0, done.stdout + done.stderr
    assert kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}").stdout == identity
    # The API still says "ready" of before, until the kubelet has looked: exec meets the pod itself.
    read = ("exec", f"deployment/{name}", "--", "/usr/bin/python3.13", "-c", "print(open('/data/note').read())")
    while (seen := namespace(*read, check=False)).returncode != 0 and time.monotonic() - started < BACK_SECONDS:
        time.sleep(1)
    seconds = time.monotonic() - started
    assert seen.stdout.strip() == "from before", seen.stderr
    assert seconds < BACK_SECONDS
    print(f"back {seconds:.0f} s after {name}")  # noqa: T201 # shown by pytest -s and in a failure


def test_a_taken_port_is_refused_by_name(ansible_playbook: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        ports = {name: port + 20000 for name, port in DEFAULTS["local_cluster_ports"].items()} | {"etcd": taken}
        settings = {"local_cluster_root": str(tmp_path / "cluster"), "local_cluster_ports": ports}
        done = ansible_playbook("playbooks/cluster.yml", "-i", "inventories/dev", "-e", json.dumps(settings))
    assert done.returncode != 0
    words = " ".join(done.stderr.split() + done.stdout.split())
    assert f"Port {taken} is taken by" in words
    assert "local_cluster_ports.etcd" in words
    assert str(os.getpid()) in words
    assert not (tmp_path / "cluster").exists()


def test_settings_of_another_cluster_are_refused(ansible_playbook: Run) -> None:
    done = ansible_playbook(
        "playbooks/cluster.yml", "-i", "inventories/dev", "-e", "local_cluster_pod_cidr=10.245.0.0/24"
    )
    assert done.returncode != 0
    assert "-e state=absent" in done.stdout + done.stderr


def test_a_footprint_tells_what_is_new(tmp_path: Path) -> None:
    before = footprint.take()
    cgroup = next(Path("/sys/fs/cgroup").glob("**/cgroup.procs")).parent / "footprint-test"
    chain = ["iptables", "--wait"]
    made = [
        (["ip", "link", "add", "footprint0", "type", "bridge"], ["ip", "link", "delete", "footprint0"]),
        (["mount", "-t", "tmpfs", "footprint", str(tmp_path)], ["umount", str(tmp_path)]),
        (["mkdir", str(cgroup)], ["rmdir", str(cgroup)]),
        ([*chain, "--new-chain", "FOOTPRINT"], [*chain, "--delete-chain", "FOOTPRINT"]),
    ]
    undo = contextlib.ExitStack()
    with undo:
        for make, unmake in made:
            subprocess.run(make, check=True)
            undo.callback(subprocess.run, unmake, check=True)
        undo.enter_context(socket.create_server(("127.0.0.1", 0)))
        sleeper = undo.enter_context(subprocess.Popen(["unshare", "--net", "sleep", "321"]))
        undo.callback(sleeper.terminate)
        time.sleep(0.5)
        added = footprint.new(before, footprint.take())
    assert {"processes", "network namespaces", "mounts", "interfaces", "rules", "cgroups", "sockets"} <= set(added)
    assert "footprint0" in added["interfaces"]
    assert any("FOOTPRINT" in rule for rule in added["rules"])
    assert str(cgroup) in added["cgroups"]
    assert any("sleep 321" in process for process in added["processes"])
