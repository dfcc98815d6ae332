"""Backups on the cluster: taken, verified, restored after a mistake; mistaken keys, stores and damage told."""

import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterator

import httpx
import pytest
from obstore.store import S3Store

from tests.cluster.backup.place import NOBODY_WAITS, Place
from tests.cluster.deployment import Deployment
from tests.cluster.forward import forwarded
from tests.cluster.inventory import copied_inventory
from tests.cluster.machine import ROOT
from tests.cluster.object_store import BUCKET, KEYS, S3_PORT, object_store
from tests.cluster.output import Run, said

ENVIRONMENT = {"stack_environment": "backup-restore", "stack_context": "dev", "api_node_port": 30942, "api_replicas": 2}
NAMESPACE = "rowhouse-backup-restore"
OUTSIDE = "rowhouse-backup-s3"
URL = "http://127.0.0.1:30942"
VOLUME = NOBODY_WAITS
S3 = VOLUME | {
    "backup_store": "s3",
    "backup_s3_endpoint": f"http://s3.{OUTSIDE}.svc:{S3_PORT}",
    "backup_s3_bucket": BUCKET,
    "backup_s3_peers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": OUTSIDE}}}],
    **{f"backup_s3_{name}": value for name, value in KEYS.items()},
}
REPOSITORY = f"s3:{S3['backup_s3_endpoint']}/{BUCKET}/{NAMESPACE}"
USER = {"dni": "1", "name": "Ann Lee"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, ansible_playbook: Run, kubectl: Run) -> Iterator[Place]:
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    deployment = Deployment(copied_inventory(tmp_path_factory.mktemp("backup"), ENVIRONMENT), ansible_playbook)
    # Images that only those who take backups want.
    deployment.run("playbooks/build.yml", **VOLUME)
    deployment.run("deploy.yml", **VOLUME)
    yield Place(deployment, NAMESPACE, ansible_playbook, kubectl)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def in_s3(place: Place, tmp_path_factory: pytest.TempPathFactory, kubectl: Run) -> Iterator[Place]:
    """The environment with its backups in S3, and one there."""
    with object_store(tmp_path_factory.mktemp("versitygw"), OUTSIDE, kubectl):
        place.deployment.run("deploy.yml", **S3)
        place.backup()
        yield place


def lose_the_table(place: Place) -> None:
    name = place.sql("SELECT dataset || '_v' || version FROM rowhouse.dataset_pointer WHERE dataset = 'air_quality'")
    place.sql(f"DROP TABLE rowhouse.{name}")
    assert httpx.get(f"{URL}/air_quality.csv").status_code >= 400


def rows() -> list[list[str]]:
    """Return all rows that are served, without the header."""
    return list(csv.reader(io.StringIO(httpx.get(f"{URL}/air_quality.csv").raise_for_status().text)))[1:]


def digest() -> str:
    return hashlib.sha256(httpx.get(f"{URL}/air_quality.csv").raise_for_status().content).hexdigest()


def test_a_dropped_table_and_a_deleted_row_are_back(place: Place) -> None:
    token = place.deployment.create_key("users:write")
    login = {"Authorization": f"Bearer {token}"}
    written = httpx.post(f"{URL}/users", json=USER, headers=login)
    assert written.status_code == 201, written.text
    before, name = digest(), place.backup()
    assert place.listed() == [name]
    lose_the_table(place)
    assert httpx.delete(f"{URL}{written.headers['location']}", headers=login).status_code == 204
    words = place.fails("restore", backup="latest")
    assert "Nothing was restored: that was not backup-restore" in words
    words = place.succeeds("restore", backup="latest", confirm="backup-restore")
    assert f"Restored {name} of backup-restore" in words
    assert "air_quality 149,151" in words
    assert digest() == before
    assert len(rows()) == 149151
    assert httpx.get(f"{URL}{written.headers['location']}").json()["data"]["name"] == "Ann Lee"
    # Keys that were there stay, and rows are written as before.
    assert httpx.post(f"{URL}/users", json=USER | {"dni": "2"}, headers=login).status_code == 201
    (aside,) = re.findall(r"rowhouse_before_\w+", words)
    assert place.sql(f"SELECT count(*) FROM {aside}.users_rows") == "0"


def test_what_is_back_is_what_is_in_the_file(place: Place) -> None:  # noqa: ARG001 - it was restored
    with gzip.open(ROOT / "files/datasets/air_quality/air_quality.csv.gz", "rt") as file:
        _, *wanted = csv.reader(file)
    assert sorted(map(_row, rows())) == sorted(map(_row, wanted))


def _row(cells: list[str]) -> tuple[int, str, str, float]:
    number, date, station, *_, pm10 = cells
    return int(number), date, station, float(pm10)


def test_the_status_tells_of_the_last_one_and_a_second_deployment_changes_nothing(place: Place) -> None:
    words = said(place.play("status"))
    assert re.search(r"last verified backup: \d+ (s|min) ago", words)
    assert "drift: none" in words
    assert "changed=0" in place.deployment.run("deploy.yml", **VOLUME)


def test_only_the_last_is_kept_when_so_set(place: Place) -> None:
    place.deployment.run("deploy.yml", **VOLUME, backup_keep_last=1, backup_keep_daily=0, backup_keep_weekly=0)
    name = place.backup()
    assert place.listed() == [name]


def test_another_key_is_refused(place: Place) -> None:
    words = place.deployment.refused(**VOLUME, backup_key="mistaken")
    assert "backup_key differs from the key in the Secret backup" in words


def test_the_key_is_on_this_machine_too(place: Place) -> None:
    file = place.deployment.inventory / "group_vars/all/backup.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text().strip()) == 32


def test_a_table_comes_back_from_s3(in_s3: Place) -> None:
    before = digest()
    lose_the_table(in_s3)
    in_s3.succeeds("restore", backup="latest", confirm="backup-restore")
    assert digest() == before


def test_a_mistaken_key_of_another_environment_is_told(in_s3: Place) -> None:
    other = {"backup_from_repository": REPOSITORY, "backup_from_key": "mistaken"}
    words = in_s3.fails("restore", backup="latest", confirm="backup-restore", **other)
    assert "The key does not open the backups" in words


def test_a_damaged_backup_is_refused_and_nothing_is_changed(in_s3: Place) -> None:
    before = digest()
    with forwarded(OUTSIDE, "service/s3", S3_PORT) as port:
        store = S3Store(
            BUCKET,
            endpoint=f"http://127.0.0.1:{port}",
            region="us-east-1",
            access_key_id=KEYS["access_key"],
            secret_access_key=KEYS["secret_key"],
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        packs = [item["path"] for part in store.list(f"{NAMESPACE}/data/") for item in part]
        for pack in packs:
            content = bytearray(store.get(pack).bytes())
            content[len(content) // 3] ^= 1
            store.put(pack, bytes(content))
    assert packs
    words = in_s3.fails("restore", backup="latest", confirm="backup-restore")
    assert "is damaged" in words
    assert digest() == before


def test_a_store_that_is_away_is_told_with_its_setting(in_s3: Place, kubectl: Run) -> None:
    kubectl("delete", "pod", "s3", "-n", OUTSIDE)
    words = in_s3.fails("backup")
    assert "cannot be reached" in words
    assert "backup_s3_endpoint" in words
