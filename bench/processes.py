"""Programs that are measured: started, watched in /proc, and ended by their id."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

# The longest that a server may take until it answers; roapi reads its whole file before.
_READY_SECONDS = 120
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        url: Its address, without a path.
        session: Id of its first process, which is that of the session of all of them.
        ready_seconds: From its start to its first answer.
    """

    url: str
    session: int
    ready_seconds: float = 0.0

    def cpu_seconds(self) -> float:
        """CPU time that its living processes have used."""
        return sum(_cpu_seconds(process) for process in self.processes())

    def memory_bytes(self) -> int:
        """Proportional set size of all its processes: what they share counts once."""
        sizes = [(Path("/proc") / str(process) / "smaps_rollup").read_text() for process in self.processes()]
        return sum(int(line.split()[1]) * 1024 for size in sizes for line in size.splitlines() if line[:4] == "Pss:")

    def processes(self) -> list[int]:
        """Ids of its processes."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                if int(path.read_text().rpartition(")")[2].split()[3]) == self.session:
                    found.append(int(path.parent.name))
        return found


@contextmanager
def running(
    command: Sequence[str | Path], url: str, path: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run a server; it is ready when it answers `path` with 200. Its output goes to the log."""
    started = time.monotonic()
    with log.open("w") as stream:
        process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        wait_for(url + path, process, log)
        yield Running(url, process.pid, time.monotonic() - started)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(address: str, process: "subprocess.Popen[bytes] | subprocess.Popen[str]", log: Path) -> None:
    """Return when the address is answered with 200; fail, with the end of the log, when it is not in time."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(address).status_code == 200:
                return
        time.sleep(0.01)
    raise RuntimeError(f"{address} is not answered. {log} ends: {log.read_text()[-2000:]}")


def _cpu_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
