"""The archive of the log: a repository of pgBackRest, with the base backups that restores of a point in time need.

Where it is and what opens it are variables of pgBackRest's own: PGBACKREST_REPO1_… .
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rowhouse.backup.programs import client_environment, run
from rowhouse.errors import BackupError
from rowhouse.settings import Settings

# The variable without which there is no archive.
STANZA = "PGBACKREST_STANZA"
_VERIFIED = "verified"
# The code of a status that tells of more than that there is nothing yet.
_UNKNOWN = 99
# What pgBackRest says, and what is to be done about it.
_REMEDIES = (
    (r"\[(CryptoError|FormatError)\]|\[(095|029)\]", "backup_key does not open the archive: it is another one."),
    (r"\[(FileMissingError)\]|\[055\]", "There is no archive yet: the log of postgres-0 says why."),
    (r"was not archived before|\[082\]", "PostgreSQL's log is not archived: the log of postgres-0 says why."),
    (r"advisory lock|\[050\]", "Another backup is taken: run this one again when that has ended."),
    (
        r"\[(HostConnectError|ServiceError|ProtocolError)\]|\[(049|105)\]",
        "The store of the archive cannot be reached: look at backup_s3_endpoint and backup_s3_peers.",
    ),
)


@dataclass(frozen=True)
class Base:
    """A base backup.

    Attributes:
        label: What pgBackRest calls it.
        is_full: Whether it stands on no other one.
        started_at: When it was begun.
        ended_at: When it had all that it needs; any point in time from then on can be restored.
        bytes: Size of the database.
        is_verified: Whether it was recovered and compared; only then it counts.
    """

    label: str
    is_full: bool
    started_at: datetime
    ended_at: datetime
    bytes: int
    is_verified: bool


class Archive:
    """The archive of one environment's database."""

    def __init__(self, settings: Settings, variables: Mapping[str, str], prefix: Sequence[str] = ()) -> None:
        """Take what leads to the database, further variables for pgBackRest, and words before it."""
        self._prefix = prefix
        self._environment = {
            **client_environment(settings),
            "PGBACKREST_PG1_PORT": str(settings.database_port),
            "PGBACKREST_PG1_USER": settings.database_user,
            "PGBACKREST_PG1_DATABASE": settings.database_name,
            **variables,
        }

    def bases(self) -> list[Base]:
        """Return all base backups, the newest first."""
        stanzas = json.loads(self._run("info", "--output=json"), strict=False)
        for status in (repository["status"] for stanza in stanzas for repository in stanza.get("repo", [])):
            if status["code"] == _UNKNOWN:
                raise _explained(BackupError(f"pgbackrest: {status['message']}"))
        found = [_base(item) for stanza in stanzas for item in stanza.get("backup", []) if not item.get("error")]
        return sorted(found, key=lambda base: base.label, reverse=True)

    def take(self, *, full: bool) -> Base:
        """Take a base backup, and remove what is not to be kept; it does not count yet."""
        self._run("backup", f"--type={'full' if full else 'incr'}")
        return self.bases()[0]

    def mark(self, base: Base) -> None:
        """Have a base backup count."""
        self._run("annotate", f"--set={base.label}", f"--annotation={_VERIFIED}={datetime.now(UTC).isoformat()}")

    def flush(self) -> None:
        """Have all of the log archived that there is by now.

        Raises:
            BackupError: That is not archived, or the archive is another database's.
        """
        self._run("check")

    def restore(self, base: Base, data: Path, kind: str, target: str) -> None:
        """Put a base backup into the folder, where a server then goes on to the target and is promoted there.

        Args:
            base: Of before the target.
            data: Is made.
            kind: time: a time with its zone, to its end; lsn: a position of the log, which is not reached.
            target: One of those.
        """
        limits = ["--target-exclusive"] if kind == "lsn" else []
        # A copy that archived its own log would spoil the archive.
        self._run(
            *(f"--pg1-path={data}", f"--set={base.label}", f"--type={kind}", f"--target={target}", *limits),
            *("--target-action=promote", "--archive-mode=off", "restore"),
        )

    def _run(self, *words: str) -> str:
        try:
            return run([*self._prefix, "pgbackrest", *words], self._environment)
        except BackupError as error:
            raise _explained(error) from error


def _explained(error: BackupError) -> BackupError:
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, str(error)):
            return BackupError(f"{remedy}\n{error}")
    return error


def _base(item: Mapping[str, dict[str, object]]) -> Base:
    """Return what pgBackRest says of one."""
    times = {name: datetime.fromtimestamp(int(str(item["timestamp"][name])), UTC) for name in ("start", "stop")}
    return Base(
        label=str(item["label"]),
        is_full=str(item["type"]) == "full",
        started_at=times["start"],
        # Whole seconds, of which pgBackRest tells the one that it ended in.
        ended_at=times["stop"],
        bytes=int(str(item["info"]["size"])),
        is_verified=_VERIFIED in (item.get("annotation") or {}),
    )
