"""The program as it is, but it stops itself, as by Ctrl-Z, when its reading has come to a share of the data file.

`python stopping.py SHARE load`
"""

import os
import signal
import sys
from collections.abc import Generator, Iterator
from unittest.mock import patch

from rowhouse import cli, datafile, loader, opening

SHARE = float(sys.argv[1])


class StoppingFile(datafile.DataFile):
    def chunks(self) -> Generator[bytes]:
        done = 0
        for chunk in super().chunks():
            done = self._read(done, len(chunk))
            yield chunk

    def records(self) -> Iterator[opening.Record]:
        done = 0
        for record in super().records():
            done = self._read(done, len(record.raw) + 1)
            yield record

    def _read(self, done: int, more: int) -> int:
        limit = SHARE * self.path.stat().st_size
        if done < limit <= done + more:
            os.kill(os.getpid(), signal.SIGSTOP)
        return done + more


# Chunks so small that a small file has many.
with patch.object(loader, "DataFile", StoppingFile), patch.object(opening, "CHUNK_BYTES", 1 << 12):
    sys.exit(cli.main(sys.argv[2:]))
