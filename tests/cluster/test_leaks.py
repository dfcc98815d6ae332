"""No password is anywhere but in its Secret: each one of all environments is looked for in every other place."""

import base64
import gzip
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT, STATE
from tests.cluster.output import Get, Run, said

NAMESPACE = "rowhouse-leaks"
# What a run prints of all that it does, and of what it sends.
VERBOSE = ("-vvv", "--diff")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[str]:
    """Deploy to an empty namespace, where passwords are generated; return all that was printed."""
    variables = {"stack_environment": "leaks", "stack_context": "dev", "api_node_port": 30817, "api_replicas": 1}
    inventory = copied_inventory(tmp_path_factory.mktemp("leaks"), variables)
    done = ansible_playbook("deploy.yml", "-i", str(inventory), *VERBOSE)
    assert done.returncode == 0, said(done)
    yield done.stdout + done.stderr
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def passwords(output: str, get: Get) -> list[bytes]:  # noqa: ARG001 - that environment must be there
    """Return each password of all our namespaces, as it is and as a Secret writes it."""
    secrets = get("secrets", "--all-namespaces", "-l", "app.kubernetes.io/part-of=rowhouse")["items"]
    encoded = [value for secret in secrets for key, value in secret["data"].items() if key.endswith("password")]
    assert len(encoded) >= 4
    return [form for value in encoded for form in (value.encode(), base64.b64decode(value))]


def leaks(passwords: list[bytes], content: bytes) -> int:
    """Return how many of the passwords are in the content."""
    return sum(password in content for password in passwords)


def leaking(passwords: list[bytes], folders: Iterable[Path]) -> Iterator[Path]:
    """Look through all files of the folders, but for those that other tests' ends remove meanwhile."""
    for path in (path for folder in folders if folder.exists() for path in folder.rglob("*") if path.is_file()):
        with suppress(FileNotFoundError):
            if leaks(passwords, path.read_bytes()):
                yield path


def test_the_search_finds_them_where_they_are(passwords: list[bytes], kubectl: Run) -> None:
    assert leaks(passwords, kubectl("get", "secrets", "-n", NAMESPACE, "-o", "yaml").stdout.encode()) == 4


def test_none_is_printed_by_a_run(passwords: list[bytes], output: str) -> None:
    assert leaks(passwords, output.encode()) == 0


def test_none_is_in_another_object(passwords: list[bytes], kubectl: Run) -> None:
    kinds = kubectl("api-resources", "--verbs=list", "--output=name").stdout.split()
    kinds.remove("secrets")
    objects = kubectl("get", ",".join(kinds), "--all-namespaces", "-o", "yaml", "--show-managed-fields", check=False)
    assert "kind: StatefulSet" in objects.stdout
    assert leaks(passwords, objects.stdout.encode()) == 0


def test_none_is_in_a_log(passwords: list[bytes], kubectl: Run, get: Get) -> None:
    pods = get("pods", "-n", NAMESPACE)["items"]
    assert len(pods) >= 4
    for pod in pods:
        name = pod["metadata"]["name"]
        log = kubectl("logs", name, "-n", NAMESPACE, "--all-containers")
        assert leaks(passwords, log.stdout.encode()) == 0, name
    assert any((STATE / "log").rglob("*.log"))
    assert list(leaking(passwords, [STATE / "log"])) == []


def test_none_is_on_a_command_line(passwords: list[bytes]) -> None:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue  # it has ended
    assert any(b"redis-server" in line for line in lines)
    assert [line for line in lines if leaks(passwords, line)] == []


def test_none_is_in_an_image(passwords: list[bytes]) -> None:
    blobs = list((STATE / "registry").rglob("blobs/sha256/*/*/data"))
    assert blobs
    for path in blobs:
        content = path.read_bytes()
        # A layer; manifests and configurations are plain.
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        assert leaks(passwords, content) == 0, path


def test_none_is_in_what_is_kept_of_a_failure(passwords: list[bytes], tmp_path: Path) -> None:
    subprocess.run([ROOT / "scripts/evidence", tmp_path], check=True, capture_output=True)
    assert any(NAMESPACE in str(path) for path in tmp_path.rglob("*"))
    assert list(leaking(passwords, [tmp_path, ROOT / "artifacts"])) == []


def test_none_is_in_what_ansible_and_molecule_leave_behind(passwords: list[bytes]) -> None:
    folders = [Path.home() / ".ansible/tmp", Path.home() / ".cache/molecule", ROOT / "molecule", ROOT / ".ansible"]
    assert list(leaking(passwords, folders)) == []
