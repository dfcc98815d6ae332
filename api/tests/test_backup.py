"""Backups: what counts as one, what does not, and what a restore puts back."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import STATIONS_YML, House
from rowhouse.backup.contents import TableContent, differences
from rowhouse.backup.creator import Creator
from rowhouse.backup.repository import DUMP, Repository, Retention
from rowhouse.backup.restorer import Outcome, Restorer
from rowhouse.errors import BackupError

PEOPLE_YML = """\
title: People
description: Invented rows
writable: true
key: id
columns:
  id: {type: integer}
  name: {type: text}
"""
KEY = {"RESTIC_PASSWORD": "throw-away", "RESTIC_CACHE_DIR": "/nonexistent"}
RETENTION = Retention(last=2, daily=0, weekly=0)


class Backups:
    """Backups of a house, and the way back."""

    def __init__(self, house: House, folder: Path, place: str) -> None:
        self.house = house
        self.work = folder / "work"
        self.work.mkdir()
        self.place = place
        # PostgreSQL refuses to run as root.
        script = f'chown -R nobody {shlex.quote(str(self.work))}; exec setpriv --reuid=nobody --clear-groups "$@"'
        self._prefix = ("sh", "-c", script, "sh") if os.geteuid() == 0 else ()

    def repository(self, **variables: str) -> Repository:
        return Repository(self.place, KEY | variables)

    def creator(self, environment: str = "here") -> Creator:
        return Creator(self.house.settings, self.repository(), self.work, environment, RETENTION, self._prefix)

    def create(self, environment: str = "here") -> str:
        """Take one; return its name."""
        self.house.loader()
        return self.creator(environment).run().name

    def restore(self, name: str = "latest", environment: str = "here") -> Outcome:
        return Restorer(self.house.settings, self.repository(), self.work, environment, keep_aside=1).run(name)

    def names(self) -> list[str]:
        return [backup.name for backup in self.repository().backups()]


@pytest.fixture
def backups(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backups]:
    """Those of a house with two datasets, in a folder."""
    (binaries,) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    # Not below pytest's own folders, which only their owner may enter: the scratch server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="rowhouse-backup-"))
    folder.chmod(0o755)
    house.put_stations(3)
    house.put(yml=PEOPLE_YML, name="people")
    house.load()
    house.sql("INSERT INTO people_rows VALUES (1, 'Ann', 1, now()), (2, E'a\\nb\\\\', 1, now())")
    house.sql("UPDATE dataset_state SET revision = 1, rows = 2, last_key = 2")
    yield Backups(house, folder, str(folder / "store"))
    shutil.rmtree(folder)


def stations(house: House) -> list[tuple[object, ...]]:
    (((table),),) = house.sql("SELECT dataset || '_v' || version FROM dataset_pointer")
    return house.sql(f"SELECT * FROM {table} ORDER BY id")


def test_a_dropped_table_comes_back_whole(backups: Backups) -> None:
    house = backups.house
    before = stations(house), house.sql("SELECT id, name FROM people_rows ORDER BY id")
    name = backups.create()
    assert house.sql("SELECT name, rows > 5, verified_at > taken_at FROM backup") == [(name, True, True)]
    house.sql("DROP TABLE stations_v1; DELETE FROM people_rows WHERE id = 1")
    outcome = backups.restore()
    assert (stations(house), house.sql("SELECT id, name FROM people_rows ORDER BY id")) == before
    assert (outcome.name, {item.dataset: item.rows for item in outcome.datasets}) == (
        name,
        {"stations": 3, "people": 2},
    )
    assert house.sql(f"SELECT id FROM {outcome.aside}.people_rows") == [(2,)]
    # The list of backups is this environment's, and not that of the backup.
    assert house.sql("SELECT name FROM backup") == [(name,)]


@pytest.mark.slow
def test_a_restored_house_is_loaded_and_written_on(backups: Backups) -> None:
    house = backups.house
    backups.create()
    backups.restore()
    house.put_stations(4)
    house.load()
    assert len(stations(house)) == 4
    assert house.tables()[0].startswith("stations_v1")


@pytest.mark.slow
def test_numbers_are_above_all_that_any_cache_may_know(backups: Backups) -> None:
    house = backups.house
    backups.create()
    house.sql("SELECT setval('dataset_version_number', 5000000000); UPDATE dataset_state SET revision = 6000000000")
    house.sql("UPDATE dataset_state SET last_key = 77")
    backups.restore()
    assert house.sql("SELECT version > 5000000000 FROM dataset_pointer") == [(True,)]
    assert house.sql("SELECT revision > 6000000000, last_key FROM dataset_state") == [(True, 77)]
    # A database that was lost, and began to count anew.
    house.sql(f"DROP SCHEMA {house.schema} CASCADE")
    outcome = backups.restore()
    assert outcome.aside is None
    assert house.sql("SELECT version > 1700000000 FROM dataset_pointer") == [(True,)]
    assert house.sql("SELECT revision > 1700000000 FROM dataset_state") == [(True,)]


@pytest.mark.slow
def test_a_key_that_was_revoked_since_stays_revoked_and_a_newer_one_stays(backups: Backups) -> None:
    house, registry = backups.house, backups.house.registry()
    for name in ("old", "gone"):
        registry.add(name, name, "x", ["*:read"], None)
    backups.create()
    registry.revoke("gone")
    registry.add("new", "new", "x", ["*:read"], None)
    backups.restore()
    assert {(key.id, key.revoked_at is None) for key in registry.list()} == {
        ("old", True),
        ("gone", False),
        ("new", True),
    }
    backups.create("there")
    house.sql("DELETE FROM api_key WHERE id = 'old'")
    backups.restore()
    assert {key.id for key in registry.list()} == {"gone", "new"}


@pytest.mark.slow
def test_what_is_restored_otherwise_does_not_count(backups: Backups, monkeypatch: pytest.MonkeyPatch) -> None:
    dumped = Creator._dump

    def dump_otherwise(self: Creator) -> object:
        """Write a dump that does not hold what its manifest says, as by a mistake of ours."""
        manifest = dumped(self)
        backups.house.sql(f"UPDATE {backups.house.schema}.people_rows SET name = 'Anne' WHERE id = 1")
        settings = self.settings
        place = ["-h", settings.database_host, "-p", str(settings.database_port), "-U", settings.database_user]
        words = ["pg_dump", *place, "-Fc", f"--schema={settings.database_schema}", f"--file={self.work / DUMP}"]
        subprocess.run([*words, settings.database_name], check=True)
        return manifest

    backups.house.loader()
    monkeypatch.setattr(Creator, "_dump", dump_otherwise)
    with pytest.raises(BackupError, match="people_rows has as many rows as it had, but others"):
        backups.creator().run()
    assert backups.names() == []
    assert backups.house.sql("SELECT * FROM backup") == []
    with pytest.raises(BackupError, match="no verified backup latest"):
        backups.restore()


def test_every_difference_is_named() -> None:
    ten, eleven = TableContent(10, "x"), TableContent(11, "y")
    wanted, found = {"a": ten, "b": ten, "c": ten}, {"b": eleven, "c": TableContent(10, "y"), "d": ten}
    assert list(differences(wanted, found)) == [
        "a is missing",
        "b has 11 rows instead of 10",
        "c has as many rows as it had, but others",
        "d is there, and was not",
    ]
    assert list(differences(wanted, wanted)) == []


def damage(store: Path) -> None:
    """Change a byte in each file of data."""
    for pack in (store / "data").rglob("*"):
        if pack.is_file():
            content = bytearray(pack.read_bytes())
            content[len(content) // 3] ^= 1
            pack.chmod(0o600)
            pack.write_bytes(content)


@pytest.mark.slow
def test_a_damaged_backup_is_refused_and_nothing_is_changed(backups: Backups) -> None:
    backups.create()
    damage(Path(backups.place))
    before = backups.house.sql("SELECT oid::text FROM pg_class ORDER BY 1")
    with pytest.raises(BackupError, match="is damaged"):
        backups.restore()
    assert backups.house.sql("SELECT oid::text FROM pg_class ORDER BY 1") == before


@pytest.mark.slow
def test_another_key_is_told(backups: Backups) -> None:
    backups.create()
    other = backups.repository(RESTIC_PASSWORD="mistaken")
    with pytest.raises(BackupError, match="backup_key is another one"):
        other.ensure()
    with pytest.raises(BackupError, match="backup_key is another one"):
        other.find("latest")


@pytest.mark.slow
def test_only_so_many_are_kept(backups: Backups, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Creator, "verify", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            backups.create()
    names = [backups.create() for _ in range(3)]
    assert backups.names() == [names[2], names[1]]
    said = subprocess.run(
        ["restic", "-r", backups.place, "snapshots", "--json"], env=os.environ | KEY, check=True, capture_output=True
    )
    # What was killed on its way is gone, too.
    assert len(json.loads(said.stdout)) == 2
    with pytest.raises(BackupError, match=f"There are: {names[2]}, {names[1]}"):
        backups.restore(names[0])


@pytest.mark.slow
def test_a_backup_of_another_description_is_refused(backups: Backups) -> None:
    backups.create()
    backups.house.put("id,name\n1,a\n", yml=STATIONS_YML.partition("  height")[0])
    backups.house.load()
    with pytest.raises(BackupError, match=r"the dataset\.yml of stations said otherwise"):
        backups.restore()


@pytest.mark.slow
def test_a_role_that_may_not_make_a_schema_is_told_so(backups: Backups) -> None:
    backups.create()
    house = backups.house
    house.sql(f"CREATE ROLE limited_{house.schema} LOGIN")
    environment = {**house.environment, "ROWHOUSE_DATABASE_USER": f"limited_{house.schema}"}
    limited = Backups.__new__(Backups)
    vars(limited).update(vars(backups) | {"house": House(house.folder, house.schema, environment)})
    with pytest.raises(BackupError, match="GRANT CREATE ON DATABASE"):
        limited.restore()


def test_an_empty_schema_is_no_backup(house: House, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="deploy first"):
        Creator(house.settings, Repository(str(tmp_path / "store"), KEY), tmp_path, "here", RETENTION).run()


def test_a_store_that_is_away_is_told_at_once() -> None:
    repository = Repository("s3:http://127.0.0.1:1/bucket/here", KEY)
    with pytest.raises(BackupError, match="Look at backup_s3_endpoint"):
        repository.ensure()
