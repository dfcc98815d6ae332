"""The entrypoint of the postgres image, in pods of its own."""

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

type Kubectl = Callable[..., subprocess.CompletedProcess[str]]

STACK = Path(__file__).parents[2] / "collections/ansible_collections/rowhouse/platform/roles/stack"
DEFAULTS = yaml.safe_load((STACK / "defaults/main.yml").read_text())
IMAGE = f"{DEFAULTS['stack_pull_registry']}/rowhouse/postgres:{DEFAULTS['stack_release']}"
NAMESPACE = "rowhouse-test-postgres-image"
PASSWORDS = {"superuser-password": 'su"per $HOME', "loader-password": "l'oad\\er;`id`", "api-password": 'äpi "%s" :x'}
CONFIGURATION = {
    "postgresql.conf": "listen_addresses = ''\njit = off\nlog_statement = all\n",
    "pg_hba.conf": "local all all scram-sha-256\n",
}


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> Iterator[str]:
    create(kubectl, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    create(kubectl, in_namespace("ConfigMap", "configuration", data=CONFIGURATION))
    yield NAMESPACE
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def create(kubectl: Kubectl, definition: Mapping[str, Any]) -> None:
    kubectl("create", "-f", "-", stdin=json.dumps(definition))


def in_namespace(kind: str, name: str, **content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, **content}


def start(kubectl: Kubectl, name: str, passwords: Mapping[str, str], command: list[str] | None = None) -> None:
    """Start a pod of the image, with a Secret of its own and what the role postgres would mount."""
    encoded = {key: base64.b64encode(password.encode()).decode() for key, password in passwords.items()}
    create(kubectl, in_namespace("Secret", name, data=encoded))
    volumes: dict[str, tuple[str, dict[str, Any]]] = {
        "secret": ("/run/secrets/postgres", {"secret": {"secretName": name}}),
        "configuration": ("/etc/postgresql", {"configMap": {"name": "configuration"}}),
        "data": ("/var/lib/postgresql/data", {"emptyDir": {}}),
        "socket": ("/run/postgresql", {"emptyDir": {}}),
        "temporary": ("/tmp", {"emptyDir": {}}),
    }
    container = {
        "name": "postgres",
        "image": IMAGE,
        "imagePullPolicy": "Always",
        "securityContext": {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False},
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, (path, _) in volumes.items()],
    } | ({"command": command} if command else {})
    spec = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": volume, **source} for volume, (_, source) in volumes.items()],
        "securityContext": {"runAsNonRoot": True, "fsGroup": 10001},
    }
    create(kubectl, in_namespace("Pod", name, spec=spec))


def wait_for_log(kubectl: Kubectl, pod: str, words: str) -> str:
    deadline = time.monotonic() + 60
    log = ""
    while time.monotonic() < deadline:
        log = kubectl("logs", pod, "--namespace", NAMESPACE, check=False).stdout
        if words in log:
            return log
        time.sleep(0.5)
    pytest.fail(f"{pod} did not print {words!r} within 60 s:\n{log}")


def query(kubectl: Kubectl, pod: str, user: str, password: str, sql: str) -> subprocess.CompletedProcess[str]:
    psql = ["psql", "--no-psqlrc", "-qAtX", f"--username={user}", "--dbname=rowhouse", f"--command={sql}"]
    login = ["env", f"PGPASSWORD={password}"]
    return kubectl("exec", pod, "--namespace", NAMESPACE, "--", *login, *psql, check=False)


@pytest.mark.usefixtures("namespace")
def test_a_set_up_killed_half_way_starts_over_and_any_password_works(kubectl: Kubectl) -> None:
    interrupted = "timeout --signal=KILL 0.5 rowhouse-postgres; ls $PGDATA.unfinished; exec rowhouse-postgres"
    start(kubectl, "whole", PASSWORDS, ["/bin/sh", "-c", interrupted])
    log = wait_for_log(kubectl, "whole", "[1] LOG:  database system is ready")
    assert log.count("making a new database cluster") == 2
    assert not any(password in log for password in PASSWORDS.values())

    def ask(user: str, password: str, sql: str) -> subprocess.CompletedProcess[str]:
        return query(kubectl, "whole", user, PASSWORDS[password], sql)

    assert ask("rowhouse_loader", "loader-password", "CREATE TABLE rowhouse.t AS SELECT 7 AS a").stderr == ""
    assert ask("rowhouse_api", "api-password", "SELECT a FROM rowhouse.t").stdout == "7\n"
    assert "permission denied" in ask("rowhouse_api", "api-password", "DELETE FROM rowhouse.t").stderr
    assert "password authentication failed" in ask("rowhouse_api", "loader-password", "SELECT 1").stderr
    assert ask("postgres", "superuser-password", "SHOW data_checksums").stdout == "on\n"


@pytest.mark.usefixtures("namespace")
def test_a_missing_password_is_named(kubectl: Kubectl) -> None:
    start(kubectl, "lacking", {key: password for key, password in PASSWORDS.items() if key != "api-password"})
    wait_for_log(kubectl, "lacking", "/run/secrets/postgres/api-password is missing or empty: the Secret postgres must")
