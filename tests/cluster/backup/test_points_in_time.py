"""Points in time on the cluster: PostgreSQL's log in an S3 store or a volume, and what was there at a time put back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.cluster.backup.place import NOBODY_WAITS, Place
from tests.cluster.deployment import Deployment
from tests.cluster.inventory import copied_inventory
from tests.cluster.object_store import BUCKET, KEYS, S3_PORT, object_store
from tests.cluster.output import Run, said

ENVIRONMENT = {"stack_environment": "pitr", "stack_context": "dev", "api_node_port": 30943, "api_replicas": 1}
BESIDE = ENVIRONMENT | {"stack_environment": "pitr-volume", "api_node_port": 30948}
NAMESPACE = "rowhouse-pitr"
OUTSIDE = "rowhouse-pitr-s3"
URL = "http://127.0.0.1:30943"
VOLUME = NOBODY_WAITS | {"backup_pitr": True, "backup_pitr_archive_timeout": 10}
S3 = VOLUME | {
    "backup_store": "s3",
    "backup_s3_endpoint": f"https://s3.{OUTSIDE}.svc:{S3_PORT}",
    "backup_s3_bucket": BUCKET,
    "backup_s3_peers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OUTSIDE}}}],
    **{f"backup_s3_{name}": value for name, value in KEYS.items()},
}
ANN, BO = {"dni": "1", "name": "Ann Lee"}, {"dni": "2", "name": "Bo Day"}


@contextmanager
def archiving(folder: Path, variables: dict[str, object], ansible_playbook: Run, kubectl: Run) -> Iterator[Place]:
    """Deploy an environment whose log is archived, with one base backup."""
    namespace = f"rowhouse-{variables['stack_environment']}"
    kubectl("delete", "namespace", namespace, "--ignore-not-found")
    deployment = Deployment(copied_inventory(folder, variables), ansible_playbook)
    deployment.run("playbooks/build.yml")
    deployment.run("deploy.yml")
    found = Place(deployment, namespace, ansible_playbook, kubectl)
    found.backup()
    yield found
    kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Place]:
    """One that archives into S3."""
    with object_store(tmp_path_factory.mktemp("versitygw"), OUTSIDE, kubectl, secure=True) as certificate:
        variables = ENVIRONMENT | S3 | {"backup_s3_ca_certificate": certificate}
        with archiving(tmp_path_factory.mktemp("pitr"), variables, ansible_playbook, kubectl) as found:
            yield found


@pytest.fixture
def beside(tmp_path: Path, ansible_playbook: Run, kubectl: Run) -> Iterator[Place]:
    """One that archives into a volume."""
    with archiving(tmp_path, BESIDE | VOLUME, ansible_playbook, kubectl) as found:
        yield found


def moment() -> str:
    """Return a time between what was written before and what is written next."""
    time.sleep(1)
    found = datetime.now(UTC).isoformat(sep=" ")
    time.sleep(1)
    return found


def names(url: str = URL) -> list[str]:
    return [row["name"] for row in httpx.get(f"{url}/users").raise_for_status().json()["data"]]


def test_from_a_volume_what_was_there_at_a_time_is_back(beside: Place) -> None:
    url = f"http://127.0.0.1:{BESIDE['api_node_port']}"
    login = {"Authorization": f"Bearer {beside.deployment.create_key('users:write')}"}
    assert httpx.post(f"{url}/users", json=ANN, headers=login).status_code == 201
    one = moment()
    assert httpx.post(f"{url}/users", json=BO, headers=login).status_code == 201
    beside.sql("DROP TABLE rowhouse.users_rows CASCADE")
    assert "users 1" in beside.succeeds("restore", time=one, confirm="pitr-volume")
    assert names(url) == ["Ann Lee"]


def test_what_was_there_at_a_time_is_back(place: Place) -> None:
    login = {"Authorization": f"Bearer {place.deployment.create_key('users:write')}"}
    for user in (ANN, BO):
        assert httpx.post(f"{URL}/users", json=user, headers=login).status_code == 201
    both = moment()
    assert httpx.delete(f"{URL}/users/1", headers=login).status_code == 204
    one = moment()
    place.sql("DROP TABLE rowhouse.users_rows CASCADE")
    words = place.succeeds("restore", time=both, confirm="pitr")
    assert "What was served before is in the schema rowhouse_before_" in words
    assert "users 2" in words
    assert names() == ["Ann Lee", "Bo Day"]
    # And another time, from what was archived since then.
    words = place.succeeds("restore", time=one, confirm="pitr")
    assert names() == ["Bo Day"]
    assert "Dropped what earlier restores had put aside: rowhouse_before_" in words
    assert place.sql("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^rowhouse_before_'") == "1"
    assert httpx.post(f"{URL}/users", json=ANN, headers=login).status_code == 201


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_time_that_cannot_be_restored_is_told_with_those_that_can(place: Place, hours: int) -> None:
    target = datetime.now(UTC) + timedelta(hours=hours)
    words = place.fails("restore", time=target.isoformat(), confirm="pitr")
    assert "cannot be restored: only what was between" in words


def test_both_a_name_and_a_time_are_refused(place: Place) -> None:
    assert "Name the backup" in place.fails("restore", backup="latest", time="2026-01-01", confirm="pitr")


def test_the_list_says_since_when_and_a_second_deployment_changes_nothing(place: Place) -> None:
    assert "can be restored." in place.succeeds("backup", backup_action="list")
    assert "changed=0" in place.deployment.run("deploy.yml")
    assert "drift: none" in said(place.play("status"))


def test_a_database_that_is_lost_gets_an_archive_again_and_its_former_one_is_kept(place: Place, kubectl: Run) -> None:
    before = moment()
    assert names() == ["Bo Day", "Ann Lee"]
    # Its log of until now is archived, as nothing else is of it.
    place.succeeds("backup")
    kubectl("delete", "statefulset", "postgres", "-n", NAMESPACE)
    # Kubernetes keeps a volume that a pod has named, even one that has ended.
    kubectl("delete", "jobs", "-l", "app.kubernetes.io/name=backup", "-n", NAMESPACE)
    kubectl("delete", "pvc", "data-postgres-0", "-n", NAMESPACE)
    place.deployment.run("deploy.yml")
    assert httpx.get(f"{URL}/users").is_error or names() == []
    place.succeeds("restore", time=before, confirm="pitr")
    assert names() == ["Bo Day", "Ann Lee"]
    # The new one's log follows.
    assert "Base backup" in place.succeeds("backup")
