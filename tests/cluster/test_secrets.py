"""Supplied passwords, in an environment of its own: encrypted, used, never printed, never changed behind one's back."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg2
import pytest
import yaml

from tests.cluster.forward import forwarded
from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.output import Run, said


@dataclass(frozen=True)
class Environment:
    """A temporary inventory with an encrypted secrets.yml, and how to deploy it."""

    inventory: Path
    namespace: str
    passwords: dict[str, str]
    deploy: Run


@pytest.fixture(scope="module")
def vaulted(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Environment]:
    folder = tmp_path_factory.mktemp("vaulted")
    variables = {"stack_environment": "vaulttest", "stack_context": "dev", "api_node_port": 30810, "api_replicas": 1}
    # The example names the keys of an object store too; nobody answers there (RFC 5737).
    variables |= {"api_object_store_endpoint": "http://192.0.2.20:9000", "api_object_store_bucket": "air"}
    inventory = copied_inventory(folder, variables)
    example = yaml.safe_load((inventory / "group_vars/all/secrets.yml.example").read_text())
    # No backups are taken here: their keys would contradict that.
    passwords = {name: f"supplied-{name}" for name in example if not name.startswith("backup_")}
    vault_password = folder / "vault-password"
    vault_password.write_text("open sesame\n")
    secrets = inventory / "group_vars/all/secrets.yml"
    secrets.write_text(yaml.safe_dump(passwords))
    vault = f"--vault-password-file={vault_password}"
    subprocess.run([ROOT / ".venv/bin/ansible-vault", "encrypt", vault, secrets], check=True, capture_output=True)
    assert secrets.read_text().startswith("$ANSIBLE_VAULT")

    def deploy(*words: str) -> subprocess.CompletedProcess[str]:
        return ansible_playbook("deploy.yml", "-i", str(inventory), vault, *words)

    yield Environment(inventory, "rowhouse-vaulttest", passwords, deploy)
    kubectl("delete", "namespace", "rowhouse-vaulttest", "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def vaulted_run(vaulted: Environment) -> subprocess.CompletedProcess[str]:
    done = vaulted.deploy()
    assert done.returncode == 0, said(done)
    return done


@pytest.mark.usefixtures("vaulted_run")
@pytest.mark.parametrize("role", ["api", "loader"])
def test_a_supplied_password_opens_the_database_and_no_other_does(vaulted: Environment, role: str) -> None:
    with forwarded(vaulted.namespace, "service/postgres", 5432) as port:
        login = f"host=127.0.0.1 port={port} dbname=rowhouse user=rowhouse_{role}"
        psycopg2.connect(login, password=vaulted.passwords[f"postgres_{role}_password"]).close()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(login, password="another")


@pytest.mark.usefixtures("vaulted_run")
def test_the_superuser_cannot_log_in_from_outside_the_pod(vaulted: Environment) -> None:
    password = vaulted.passwords["postgres_superuser_password"]
    with (
        forwarded(vaulted.namespace, "service/postgres", 5432) as port,
        pytest.raises(psycopg2.OperationalError, match=r"no pg_hba\.conf entry"),
    ):
        psycopg2.connect(host="127.0.0.1", dbname="rowhouse", user="postgres", port=port, password=password)


@pytest.mark.usefixtures("vaulted_run")
def test_the_api_uses_the_supplied_password_of_the_cache() -> None:
    for _ in range(20):
        if httpx.get("http://127.0.0.1:30810/air_quality").headers["X-Cache"] == "hit":
            return
        time.sleep(0.2)
    pytest.fail("no answer came from the cache")


def test_no_password_is_printed(vaulted: Environment, vaulted_run: subprocess.CompletedProcess[str]) -> None:
    assert [password for password in vaulted.passwords.values() if password in said(vaulted_run)] == []


@pytest.mark.usefixtures("vaulted_run")
@pytest.mark.slow
def test_a_load_that_runs_again_finds_the_content_there(vaulted: Environment, kubectl: Run) -> None:
    kubectl("delete", "jobs", "-n", vaulted.namespace, "--all")
    done = vaulted.deploy()
    assert done.returncode == 0, said(done)
    log = kubectl("logs", "-n", vaulted.namespace, "-l", "app.kubernetes.io/name=load").stdout
    assert "air_quality" in log
    page = httpx.get("http://127.0.0.1:30810/air_quality?limit=1").json()
    assert page["meta"]["version"] == 1, log


@pytest.mark.usefixtures("vaulted_run")
def test_a_password_that_differs_is_refused(vaulted: Environment) -> None:
    done = vaulted.deploy("-e", "postgres_api_password=another")
    assert done.returncode != 0
    assert f"postgres_api_password in {vaulted.inventory}/group_vars/all/secrets.yml differs" in said(done)
    assert "another" not in said(done)


@pytest.mark.usefixtures("vaulted_run")
def test_an_incomplete_set_of_passwords_is_refused(vaulted: Environment) -> None:
    done = vaulted.deploy("-e", "postgres_api_password=")
    assert done.returncode != 0
    assert "only postgres_superuser_password, postgres_loader_password is supplied. Supply all of" in said(done)


@pytest.mark.usefixtures("vaulted_run")
def test_new_passwords_for_old_data_are_refused(vaulted: Environment, kubectl: Run) -> None:
    secret = kubectl("get", "secret", "postgres", "-n", vaulted.namespace, "--output=json").stdout
    kubectl("delete", "secret", "postgres", "-n", vaulted.namespace)
    done = vaulted.deploy()
    kubectl("create", "-f", "-", stdin=secret)
    assert done.returncode != 0
    assert "The Secret postgres is missing in rowhouse-vaulttest, but the volume data-postgres-0 is there" in said(done)


@pytest.mark.usefixtures("vaulted_run")
@pytest.mark.slow
def test_an_image_that_cannot_be_pulled_ends_the_run_and_the_next_one_mends_it(vaulted: Environment) -> None:
    done = vaulted.deploy("-e", "stack_pull_registry=127.0.0.1:5000/nowhere")
    assert done.returncode != 0
    assert "StatefulSet postgres in rowhouse-vaulttest: pod postgres-0: " in said(done)
    assert "ImagePull" in said(done)
    mended = vaulted.deploy()
    assert mended.returncode == 0, said(mended)
