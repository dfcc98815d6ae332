"""Production's data in staging, as docs/backups.md says: each environment has a key and a place of its own."""

from collections.abc import Iterator

import httpx
import pytest

from tests.cluster.backup.place import NOBODY_WAITS, Place
from tests.cluster.deployment import Deployment
from tests.cluster.inventory import copied_inventory
from tests.cluster.object_store import BUCKET, KEYS, S3_PORT, object_store
from tests.cluster.output import Run

OUTSIDE = "rowhouse-between-s3"
ENDPOINT = f"http://s3.{OUTSIDE}.svc:{S3_PORT}"
PORTS = {"between-prod": 30945, "between-staging": 30946}
STORE = NOBODY_WAITS | {
    "stack_context": "dev",
    "api_replicas": 1,
    "backup_store": "s3",
    "backup_s3_endpoint": ENDPOINT,
    "backup_s3_bucket": BUCKET,
    "backup_s3_peers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OUTSIDE}}}],
    **{f"backup_s3_{name}": value for name, value in KEYS.items()},
}
ANN, BO = {"dni": "1", "name": "Ann Lee"}, {"dni": "2", "name": "Bo Day"}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[dict[str, Place]]:
    """Both environments, by name."""
    namespaces = [f"rowhouse-{name}" for name in PORTS]
    kubectl("delete", "namespace", *namespaces, "--ignore-not-found")
    found: dict[str, Place] = {}
    with object_store(tmp_path_factory.mktemp("versitygw"), OUTSIDE, kubectl):
        for name, port in PORTS.items():
            variables = STORE | {"stack_environment": name, "api_node_port": port}
            deployment = Deployment(copied_inventory(tmp_path_factory.mktemp(name), variables), ansible_playbook)
            if not found:
                deployment.run("playbooks/build.yml")
            deployment.run("deploy.yml")
            found[name] = Place(deployment, f"rowhouse-{name}", ansible_playbook, kubectl)
        yield found
    kubectl("delete", "namespace", *namespaces, "--ignore-not-found", "--wait=false")


def login(place: Place) -> dict[str, str]:
    return {"Authorization": f"Bearer {place.deployment.create_key('users:write')}"}


def post(name: str, user: dict[str, str], headers: dict[str, str]) -> int:
    return httpx.post(f"http://127.0.0.1:{PORTS[name]}/users", json=user, headers=headers).status_code


def test_productions_rows_come_along_and_its_keys_do_not(places: dict[str, Place]) -> None:
    prod, staging = places.values()
    theirs, ours = login(prod), login(staging)
    assert post("between-prod", ANN, theirs) == 201
    name = prod.backup()
    assert post("between-staging", BO, ours) == 201
    key = (prod.deployment.inventory / "group_vars/all/backup.key").read_text().strip()
    other = {"backup_from_repository": f"s3:{ENDPOINT}/{BUCKET}/rowhouse-between-prod", "backup_from_key": key}
    # Nobody means another environment than the one that is named.
    words = staging.fails("restore", backup="latest", confirm="between-prod", **other)
    assert "Nothing was restored: that was not between-staging" in words
    words = staging.succeeds("restore", backup="latest", confirm="between-staging", **other)
    assert f"Restored {name} of between-prod" in words
    rows = httpx.get(f"http://127.0.0.1:{PORTS['between-staging']}/users").raise_for_status().json()["data"]
    assert [row["name"] for row in rows] == ["Ann Lee"]
    assert post("between-staging", BO, theirs) == 401
    assert post("between-staging", BO, ours) == 201
    # What is there is nothing of production's.
    assert httpx.get(f"http://127.0.0.1:{PORTS['between-prod']}/users").json()["data"][1:] == []
    # Backups of staging are not mixed up with those.
    assert staging.backup() in staging.listed()
    assert name not in staging.listed()


def test_a_mistaken_key_is_told_by_its_setting_before_anything_is_done(places: dict[str, Place]) -> None:
    staging = places["between-staging"]
    before = staging.sql("SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_class")
    other = {"backup_from_repository": f"s3:{ENDPOINT}/{BUCKET}/rowhouse-between-prod", "backup_from_key": "mistaken"}
    words = staging.fails("restore", backup="latest", confirm="between-staging", **other)
    assert "for those of another environment backup_from_key" in words
    assert staging.sql("SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_class") == before
    # The own one is held against the cluster's before a deployment changes anything.
    release = staging.sql("SHOW max_connections")
    words = staging.deployment.refused(backup_key="mistaken", postgres_max_connections=77)
    assert "backup_key differs from the key in the Secret backup of rowhouse-between-staging" in words
    assert "Refuse to run beside another run" not in words
    assert staging.sql("SHOW max_connections") == release
