"""Restores a point in time: recovers a copy of the database until then, and brings its data over as a backup's."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rowhouse.backup.archive import Archive, Base
from rowhouse.backup.contents import Manifest
from rowhouse.backup.dumping import dump
from rowhouse.backup.restorer import Outcome, Restorer
from rowhouse.backup.scratch import recovered_server
from rowhouse.backup.transaction import transaction
from rowhouse.database import loading_engine
from rowhouse.errors import BackupError

# What PostgreSQL says when the log that is archived ends before the target.
_TOO_SHORT = "recovery ended before configured recovery target was reached"
_LAST = re.compile(r"last completed transaction was at log time (.+)")

log = logging.getLogger(__name__)


def moment(text: str) -> datetime:
    """Read a time as ISO 8601 writes it, which has to say its zone.

    Raises:
        BackupError: It is none.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise BackupError(f"{text!r} is no time with its zone, as ISO 8601 writes it: 2026-11-22 09:00:00+00:00")
    return parsed.astimezone(UTC)


@dataclass(frozen=True)
class Rewinder:
    """Restores points in time of one environment.

    Attributes:
        restorer: Brings data over.
        archive: Where the base backups and the log are.
        server_prefix: Words before the programs of the scratch server, see `recovered_server`.
    """

    restorer: Restorer
    archive: Archive
    server_prefix: Sequence[str] = ()

    def run(self, target: datetime) -> Outcome:
        """Restore what was there at that time.

        Raises:
            BackupError: Nothing was changed. A time that cannot be restored is told with those that can.
        """
        base = self._base(target)
        self._flush()
        manifest = self._recover(base, target)
        return self.restorer.put(manifest, lambda: None)

    def _base(self, target: datetime) -> Base:
        now = datetime.now(UTC)
        bases = [base for base in self.archive.bases() if base.is_verified]
        if not bases:
            raise BackupError("There is no verified base backup yet, so no point in time can be restored.")
        if not bases[-1].ended_at < target <= now:
            raise BackupError(
                f"{target.isoformat()} cannot be restored: only what was between {bases[-1].ended_at.isoformat()}, the"
                f" end of the earliest verified base backup, and now, {now.isoformat(timespec='seconds')}."
            )
        return next(base for base in bases if base.ended_at < target)

    def _flush(self) -> None:
        """Have the log archived until now, behind a transaction that shows a recovery that it went far enough."""
        engine = loading_engine(self.restorer.settings)
        try:
            with transaction(engine) as cursor:
                cursor.execute("SELECT pg_current_xact_id()")
            self.archive.flush()
        except BackupError as error:
            # A database that was lost does not archive; what is in the archive may reach far enough.
            log.warning("What is in the archive has to do: %s", error)
        finally:
            engine.dispose()

    def _recover(self, base: Base, target: datetime) -> Manifest:
        """Dump the database as it was."""
        restorer = self.restorer

        def restore(data: Path) -> None:
            self.archive.restore(base, data, "time", target.isoformat(sep=" "))

        folder = restorer.work / "scratch"
        try:
            with recovered_server(folder, restorer.settings, restore, self.server_prefix) as scratch:
                log.info("Recovered %s until %s", base.label, target)
                manifest = dump(scratch, restorer.work, restorer.environment)
        except BackupError as error:
            if _TOO_SHORT not in str(error):
                raise
            last = _LAST.search(str(error))
            raise BackupError(
                f"{target.isoformat()} cannot be restored: the archive ends with what was written at"
                f" {last[1] if last else base.ended_at.isoformat()}."
            ) from error
        return replace(manifest, name=target.isoformat(), taken_at=target)
