"""The program as it is, but it stops itself, as by Ctrl-Z, when its reading has come to a share of the data file.

`python stopping.py SHARE load`
"""

import os
import signal
import sys
from collections.abc import Generator
from unittest.mock import patch

from rowhouse import cli, datafile, loader, opening

SHARE = float(sys.argv[1])


class StoppingFile(datafile.DataFile):
    def chunks(self) -> Generator[bytes]:
        done = 0
        for chunk in super().chunks():
            done = self._read(done, len(chunk))
            yield chunk

    def batches(self) -> Generator[list[opening.Record]]:
        done = 0
        for batch in super().batches():
            done = self._read(done, sum(len(record.raw) + 1 for record in batch))
            yield batch

    def _read(self, done: int, more: int) -> int:
        limit = SHARE * self.path.stat().st_size
        if done < limit <= done + more:
            os.kill(os.getpid(), signal.SIGSTOP)
        return done + more


# Chunks so small that a small file has many.
with patch.object(loader, "DataFile", StoppingFile), patch.object(opening, "CHUNK_BYTES", 1 << 12):
    sys.exit(cli.main(sys.argv[2:]))
