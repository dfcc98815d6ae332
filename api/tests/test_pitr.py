"""Points in time: base backups that were recovered and compared, and what was there at a time put back."""

import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house import House, make_house
from parts import Postgres
from rowhouse.backup.archive import Archive, Base
from rowhouse.backup.bases import BaseCreator
from rowhouse.backup.contents import TableContent
from rowhouse.backup.repository import Repository
from rowhouse.backup.restorer import Outcome, Restorer
from rowhouse.backup.rewinder import Rewinder, moment
from rowhouse.errors import BackupError
from sqlalchemy import Engine
from test_backup import PEOPLE_YML

KEY = "throw-away"


class Archived:
    """A house whose server archives its log, base backups of it, and the way back."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.work = folder / "work"
        self.work.mkdir()
        # PostgreSQL refuses to run as root, and pgBackRest writes what that has to read.
        script = f'chown -R nobody {shlex.quote(str(self.work))}; exec setpriv --reuid=nobody --clear-groups "$@"'
        self._prefix = ("sh", "-c", script, "sh") if os.geteuid() == 0 else ()

    def archive(self, **variables: str) -> Archive:
        return Archive(self.house.settings, variables, self._prefix)

    def take(self) -> Base:
        return BaseCreator(self.house.settings, self.archive(), self.work, 7, self._prefix).run()

    def rewind(self, target: datetime) -> Outcome:
        restorer = Restorer(self.house.settings, Repository("nowhere", {}), self.work, "here", keep_aside=1)
        return Rewinder(restorer, self.archive(), self._prefix).run(target)

    def people(self) -> list[tuple[object, ...]]:
        return self.house.sql("SELECT id, name FROM people_rows ORDER BY id")


@pytest.fixture(scope="module")
def archived() -> Iterator[Archived]:
    """One with a writable dataset, and a base backup of it."""
    # Not below pytest's own folders, which only their owner may enter: the server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="rowhouse-pitr-"))
    folder.chmod(0o777)
    for name in ("server", "datasets"):
        (folder / name).mkdir()
    (binaries,) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    server = Postgres(folder / "server")
    variables = {
        # What Debian's package brings along is for the one who owns it.
        "PGBACKREST_CONFIG": "/dev/null",
        "PGBACKREST_STANZA": "rowhouse",
        "PGBACKREST_PG1_PATH": str(folder / "server/data"),
        "PGBACKREST_REPO1_PATH": str(folder / "repository"),
        "PGBACKREST_REPO1_CIPHER_TYPE": "aes-256-cbc",
        "PGBACKREST_REPO1_CIPHER_PASS": KEY,
        "PGBACKREST_REPO1_RETENTION_FULL_TYPE": "time",
        "PGBACKREST_REPO1_RETENTION_FULL": "7",
        "PGBACKREST_START_FAST": "y",
        "PGBACKREST_LOCK_PATH": str(folder / "lock"),
        "PGBACKREST_SPOOL_PATH": str(folder / "spool"),
        "PGBACKREST_LOG_LEVEL_CONSOLE": "off",
        "PGBACKREST_LOG_LEVEL_FILE": "off",
        "PGBACKREST_LOG_LEVEL_STDERR": "warn",
    }
    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    script = folder / "pgbackrest-push"
    pushed = f'export {words}; pgbackrest archive-push "$1" || {{ pgbackrest stanza-create && exit 1; }}'
    script.write_text(
        f"#!/bin/sh\nexport PGHOST=127.0.0.1 PGBACKREST_PG1_PORT={server.port} PGBACKREST_PG1_USER=loader\n{pushed}\n"
    )
    script.chmod(0o755)
    with (folder / "server/data/postgresql.conf").open("a") as file:
        file.write(f"archive_mode = on\narchive_command = '{script} %p'\narchive_timeout = 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
        # The server that recovers asks pgBackRest for the log.
        for name, value in variables.items():
            patch.setenv(name, value)
        server.start()
        house = make_house(server, folder / "datasets")
        house.sql("CREATE ROLE reader LOGIN")
        house.put(yml=PEOPLE_YML, name="people")
        house.load()
        found = Archived(house, folder)
        deadline = time.monotonic() + 30
        while not (folder / "repository/archive").exists():
            house.sql("SELECT pg_switch_wal(), pg_current_xact_id()")
            assert time.monotonic() < deadline
            time.sleep(0.2)
        found.take()
        yield found
        server.stop()
    shutil.rmtree(folder)


def now() -> datetime:
    """Return a time that is neither that of what was written before, nor of what is written afterwards."""
    time.sleep(0.05)
    found = datetime.now(UTC)
    time.sleep(0.05)
    return found


def put(archived: Archived, rows: str) -> None:
    archived.house.sql(f"INSERT INTO people_rows VALUES {rows}")
    archived.house.sql("UPDATE dataset_state SET revision = revision + 1, rows = rows + 1, last_key = last_key + 1")


@pytest.mark.slow
def test_rows_that_were_deleted_and_a_table_that_was_dropped_are_back(archived: Archived) -> None:
    # A base backup ends within a second, which pgBackRest does not tell more exactly.
    time.sleep(1)
    put(archived, "(1, 'Ann', 1, now()), (2, 'Bo', 1, now())")
    both = now()
    archived.house.sql("DELETE FROM people_rows WHERE id = 1")
    one = now()
    archived.house.sql("DROP TABLE people_rows CASCADE")
    outcome = archived.rewind(both)
    assert archived.people() == [(1, "Ann"), (2, "Bo")]
    assert (outcome.name, outcome.environment, outcome.dropped) == (both.isoformat(), "here", [])
    # And again, from what was archived since; what the first one put aside is gone.
    again = archived.rewind(one)
    assert archived.people() == [(2, "Bo")]
    assert again.dropped == [outcome.aside]


@pytest.mark.slow
def test_a_base_backup_that_is_recovered_otherwise_does_not_count(
    archived: Archived, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len([base for base in archived.archive().bases() if base.is_verified])
    position_and_contents = BaseCreator._now

    def otherwise(self: BaseCreator, engine: Engine) -> tuple[str, dict[str, TableContent]]:
        position, contents = position_and_contents(self, engine)
        return position, contents | {"people_rows": TableContent(77, "x")}

    with monkeypatch.context() as patch:
        patch.setattr(BaseCreator, "_now", otherwise)
        with pytest.raises(BackupError, match="does not count, as it was recovered otherwise: people_rows has"):
            archived.take()
    assert len([base for base in archived.archive().bases() if base.is_verified]) == before
    # One that is not known to be any good is nothing to stand on, and the next one counts.
    assert archived.take().is_verified is False
    assert len([base for base in archived.archive().bases() if base.is_verified]) == before + 1


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-24, 1])
def test_a_time_that_cannot_be_restored_is_told_with_those_that_can(archived: Archived, hours: int) -> None:
    target = datetime.now(UTC) + timedelta(hours=hours)
    earliest = archived.archive().bases()[-1].ended_at.isoformat()
    with pytest.raises(BackupError) as error:
        archived.rewind(target)
    assert f"cannot be restored: only what was between {earliest}" in str(error.value)


@pytest.mark.slow
def test_another_key_is_told(archived: Archived) -> None:
    with pytest.raises(BackupError, match="backup_key does not open the archive"):
        archived.archive(PGBACKREST_REPO1_CIPHER_PASS="mistaken").bases()


@pytest.mark.parametrize("text", ["yesterday", "2026-11-22 09:00:00"])
def test_a_time_says_its_zone(text: str) -> None:
    with pytest.raises(BackupError, match="is no time with its zone"):
        moment(text)
    assert moment("2026-11-22 09:00:00+00") == datetime(2026, 11, 22, 9, tzinfo=UTC)
