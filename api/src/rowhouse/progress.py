"""Says in the log how far a long reading has come."""

import logging
import os
import time
from pathlib import Path
from typing import BinaryIO

_LOG_SECONDS = 5
_MEGABYTE = 1_000_000

log = logging.getLogger(__name__)


class Progress:
    """How far the reading of one file has come; a file that is read quickly is not worth a line."""

    def __init__(self, path: Path, raw: BinaryIO, unit: str) -> None:
        """Take the open file as it lies on the disk: a compressed one has no other length that is known before.

        Args:
            path: Its name for messages.
            raw: The file.
            unit: What is counted, in the singular.
        """
        self._path = path
        self._raw = raw
        self._unit = unit
        self._bytes = os.fstat(raw.fileno()).st_size
        self._started = self._logged = time.monotonic()
        self._count = 0

    def advance(self, count: int) -> None:
        """Count what was read."""
        self._count += count
        now = time.monotonic()
        if now - self._logged >= _LOG_SECONDS:
            self._logged = now
            done = self._raw.tell()
            log.info(
                "%s: %d %ss, %.1f of %.1f MB, %d %%",
                self._path,
                self._count,
                self._unit,
                done / _MEGABYTE,
                self._bytes / _MEGABYTE,
                100 * done // self._bytes,
            )

    def finish(self) -> None:
        """Tell that the end was reached, when there was something to tell before."""
        if self._logged > self._started:
            seconds = time.monotonic() - self._started
            log.info("%s: %d %ss read in %.0f s; checks and key follow", self._path, self._count, self._unit, seconds)
