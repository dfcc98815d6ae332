"""The store of the backups: a repository of restic, which encrypts, checks and keeps them.

Where it is and what opens it are variables of restic's own: RESTIC_REPOSITORY, RESTIC_PASSWORD, AWS_… .
"""

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from rowhouse.backup.programs import run
from rowhouse.errors import BackupError

DUMP = "rowhouse.dump"
MANIFEST = "manifest.json"
# The variable that says where the repository is.
PLACE = "RESTIC_REPOSITORY"
# What a snapshot is tagged by until its content was restored and compared, and from then on.
_UNVERIFIED, _VERIFIED = "unverified", "verified"
_CONNECT_SECONDS = 5
_S3 = "s3:"
# What restic says, and what is to be done about it.
_REMEDIES = (
    (
        "wrong password or no key found",
        "The key does not open the backups in {place}: backup_key is another one, or for those of another environment"
        " backup_from_key.",
    ),
    (
        "ciphertext verification failed|does not match|invalid data returned|blob .* not found|unexpected EOF"
        "|file too short|pack .* not found|failed to load",
        "The backup in {place} is damaged.",
    ),
    (
        "bucket does not exist|NoSuchBucket",
        "There is no such bucket at {place}: make it, or set backup_s3_bucket to one.",
    ),
    (
        "InvalidAccessKeyId|SignatureDoesNotMatch|Access ?Denied|access key|signature",
        "The store {place} refuses: look at backup_s3_access_key, backup_s3_secret_key and backup_s3_region.",
    ),
    ("no space left", "The store {place} is full: raise backup_storage_size, or keep fewer backups."),
    ("already locked", "Another backup uses the store {place}: run this one again when that has ended."),
)
_NO_REPOSITORY = re.compile("Is there a repository at|does not exist|specified key does not exist", re.IGNORECASE)


@dataclass(frozen=True)
class Backup:
    """One that counts: it was restored and compared.

    Attributes:
        id: Of restic's snapshot.
        name: What people and playbooks call it.
        environment: Where it was taken.
        taken_at: When the snapshot was made.
        bytes: Size of the dump.
        rows: Of all its tables.
    """

    id: str
    name: str
    environment: str
    taken_at: datetime
    bytes: int
    rows: int


@dataclass(frozen=True)
class Retention:
    """How many backups are kept: the last ones, and the last of each of so many days and weeks."""

    last: int
    daily: int
    weekly: int


class Repository:
    """The backups of an environment."""

    def __init__(self, place: str, environment: Mapping[str, str]) -> None:
        """Take the place, as restic names it, and further variables for restic."""
        self._place = place
        self._environment = {**environment, PLACE: place}

    def ensure(self) -> None:
        """Make the repository where there is none.

        Raises:
            BackupError: The store cannot be reached, or the key is another one.
        """
        if not self.exists():
            self._restic("init")

    def exists(self) -> bool:
        """Tell whether there is a repository, which the key opens.

        Raises:
            BackupError: The store cannot be reached, or the key is another one.
        """
        self._reach()
        try:
            run(["restic", "cat", "config", "--no-lock"], self._environment)
        except BackupError as error:
            if re.search(_REMEDIES[0][0], str(error)) or not _NO_REPOSITORY.search(str(error)):
                raise self._explained(error) from error
            if "bucket does not exist" in str(error):
                raise self._explained(error) from error
            return False
        return True

    def store(self, folder: Path, name: str, environment: str) -> str:
        """Keep the dump and the manifest in the folder; returns the id. It does not count yet."""
        self._restic("unlock")
        options = ["--json", f"--host={environment}", f"--tag={_UNVERIFIED}", f"--tag={name}"]
        said = self._restic("backup", *options, DUMP, MANIFEST, folder=folder)
        summaries = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return str(next(line["snapshot_id"] for line in summaries if line.get("message_type") == "summary"))

    def read(self, backup_id: str, file: str, output: Path) -> None:
        """Write a file of a backup.

        Raises:
            BackupError: It is damaged, or the store cannot be reached.
        """
        self._restic("dump", backup_id, file, output=output)

    def mark(self, backup_id: str, name: str, size: int, rows: int) -> None:
        """Have a backup count."""
        tags = [_VERIFIED, name, f"bytes={size}", f"rows={rows}"]
        self._restic("tag", *(f"--set={tag}" for tag in tags), backup_id)

    def backups(self) -> list[Backup]:
        """Return those that count, the newest first."""
        snapshots = json.loads(self._restic("snapshots", "--json", f"--tag={_VERIFIED}"))
        return sorted(map(_backup, snapshots), key=lambda backup: backup.name, reverse=True)

    def find(self, name: str) -> Backup:
        """Return the backup with this name, or the newest for `latest`.

        Raises:
            BackupError: There is none.
        """
        if not self.exists():
            raise BackupError(f"There are no backups in {self._place}.")
        backups = self.backups()
        found = backups[:1] if name == "latest" else [backup for backup in backups if backup.name == name]
        if not found:
            known = ", ".join(backup.name for backup in backups) or "none"
            raise BackupError(f"There is no verified backup {name} in {self._place}. There are: {known}.")
        return found[0]

    def keep_only(self, retention: Retention, environment: str, name: str) -> None:
        """Remove what is not to be kept, and what never came to count before the backup of this name was begun."""
        snapshots = json.loads(self._restic("snapshots", "--json", f"--tag={_UNVERIFIED}"))
        unverified = [item["id"] for item in snapshots if name not in item["tags"]]
        if unverified:
            self._restic("forget", *unverified)
        rules = [f"--keep-{key}={count}" for key, count in vars(retention).items() if count]
        self._restic("forget", f"--host={environment}", f"--tag={_VERIFIED}", "--group-by=host", *rules, "--prune")

    def check(self) -> None:
        """Look at the repository as a whole.

        Raises:
            BackupError: Something is damaged or missing.
        """
        self._restic("check")

    def _restic(self, *words: str, folder: Path | None = None, output: Path | None = None) -> str:
        self._reach()
        try:
            return run(["restic", *words], self._environment, folder, output)
        except BackupError as error:
            raise self._explained(error) from error

    def _reach(self) -> None:
        """Refuse a store that nobody answers at: restic would go on trying for a quarter of an hour."""
        if not self._place.startswith(_S3):
            return
        url = urlsplit(self._place.removeprefix(_S3))
        try:
            port = url.port or {"http": 80}.get(url.scheme, 443)
            socket.create_connection((url.hostname or "", port), _CONNECT_SECONDS).close()
        except OSError as error:
            raise BackupError(
                f"The store {self._place} cannot be reached: {error}. Look at backup_s3_endpoint, and at"
                " backup_s3_peers, by which the network lets backups go there."
            ) from error

    def _explained(self, error: BackupError) -> BackupError:
        for pattern, remedy in _REMEDIES:
            if re.search(pattern, str(error), re.IGNORECASE):
                return BackupError(f"{remedy.format(place=self._place)}\n{error}")
        return error


def _backup(snapshot: Mapping[str, object]) -> Backup:
    """Return what restic says of a snapshot, whose tags tell the rest."""
    tags = snapshot["tags"]
    assert isinstance(tags, list)  # noqa: S101 - only what is tagged is asked for
    counts = dict(tag.split("=") for tag in tags if "=" in tag)
    (name,) = (tag for tag in tags if "=" not in tag and tag != _VERIFIED)
    return Backup(
        str(snapshot["id"]),
        name,
        str(snapshot["hostname"]),
        datetime.fromisoformat(str(snapshot["time"])),
        int(counts["bytes"]),
        int(counts["rows"]),
    )
