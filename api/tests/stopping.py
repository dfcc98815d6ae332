"""The program as it is, but it stops itself, as by Ctrl-Z, when its reading has come to a share of the data file.

`python stopping.py SHARE load`
"""

import os
import signal
import sys
from collections.abc import Generator, Iterator
from unittest.mock import patch

from rowhouse import cli, datafile, loader

SHARE = float(sys.argv[1])


class StoppingFile(datafile.DataFile):
    def chunks(self) -> Generator[bytes]:
        done = 0
        for chunk in super().chunks():
            done = self._read(done, len(chunk))
            yield chunk

    def records(self) -> Iterator[tuple[int, bytes]]:
        done = 0
        for line, record in super().records():
            done = self._read(done, len(record) + 1)
            yield line, record

    def _read(self, done: int, more: int) -> int:
        limit = SHARE * self.path.stat().st_size
        if done < limit <= done + more:
            os.kill(os.getpid(), signal.SIGSTOP)
        return done + more


# Chunks so small that a small file has many.
with patch.object(loader, "DataFile", StoppingFile), patch.object(datafile, "_CHUNK_BYTES", 1 << 12):
    sys.exit(cli.main(sys.argv[2:]))
