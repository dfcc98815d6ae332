"""Real servers for the tests, of Debian's packages or compiled, each on a free port of loopback."""

import os
import pwd
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def free_port() -> int:
    """Return a port on loopback that nobody listens on.

    Below those that the kernel gives to connections, one of which may take it before it is listened on.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def is_listening(port: int) -> bool:
    """Tell whether somebody takes connections on a port of loopback."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait until the condition holds, or fail saying for what."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


class Postgres:
    """A PostgreSQL server of Debian's, which may be stopped and started."""

    def __init__(self, folder: Path) -> None:
        """Make an empty cluster in the folder."""
        self._binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._data = folder / "data"
        self.port = free_port()
        # PostgreSQL refuses to run as root, and so it is given to somebody who owns nothing else.
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "--username=loader", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")

    def start(self) -> None:
        """Start it and wait for it."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--silent", "--log", f"{self._data}/log", "--options", options)

    def stop(self) -> None:
        """Stop it at once, cutting every connection."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate")

    def kill(self) -> None:
        """Kill every process of it, as the kernel does when memory runs out."""
        self._signal(signal.SIGKILL, self._processes())
        wait_until(lambda: not self._processes(), "the end of PostgreSQL")

    @contextmanager
    def frozen(self, *, with_postmaster: bool = True) -> Iterator[None]:
        """Keep it from running: it still holds its port and its connections, and says nothing.

        A postmaster that runs on takes new connections.
        """
        self._signal(signal.SIGSTOP, self._processes()[0 if with_postmaster else 1 :])
        try:
            yield
        finally:
            self._signal(signal.SIGCONT, self._processes())

    def _processes(self) -> list[int]:
        """Return the postmaster and its children, as long as it runs."""
        postmaster = int((self._data / "postmaster.pid").read_text().partition("\n")[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children")
        try:
            return [postmaster, *map(int, children.read_text().split())]
        except FileNotFoundError:
            return []

    def _signal(self, number: signal.Signals, processes: list[int]) -> None:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _run(self, program: str, *arguments: str) -> None:
        other = self._user.pw_uid != os.geteuid()
        subprocess.run(
            [self._binaries / program, "--pgdata", self._data, *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            user=self._user.pw_uid if other else None,
            group=self._user.pw_gid if other else None,
            extra_groups=[] if other else None,
        )


class Redis:
    """A Redis server, which may be stopped and started."""

    def __init__(self) -> None:
        """Choose a port."""
        self.port = free_port()
        self.password = "throw-away"

    @property
    def settings(self) -> dict[str, str]:
        """The settings that lead to it, without their prefix."""
        return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port), "REDIS_PASSWORD": self.password}

    def start(self) -> None:
        """Start it and wait for it."""
        self.process = subprocess.Popen(
            [
                "redis-server",
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--requirepass",
                self.password,
            ],
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda: is_listening(self.port), "redis-server")

    def stop(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


class S3:
    """An S3 server with one bucket, which may be stopped and started. It checks signatures."""

    bucket = "bucket"
    access_key = "access-key"
    secret_key = "throw-away"

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        """Choose a port, and make the bucket in the folder; with a certificate, whose key lies beside it, speak TLS."""
        program = Path(__file__).parents[2] / "scripts/object-store"
        self._program = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self._folder = folder / "objects"
        self._attributes = folder / "attributes"
        (self._folder / self.bucket).mkdir(parents=True)
        self._attributes.mkdir()
        self.port = free_port()
        self.endpoint = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        self._options = (
            ["--cert", str(certificate), "--key", str(certificate.with_suffix(".key"))] if certificate else []
        )
        self._log = folder / "log"

    @property
    def settings(self) -> dict[str, str]:
        """The settings that lead to it, without their prefix."""
        return {
            "OBJECT_STORE_ENDPOINT": self.endpoint,
            "OBJECT_STORE_BUCKET": self.bucket,
            "OBJECT_STORE_ACCESS_KEY": self.access_key,
            "OBJECT_STORE_SECRET_KEY": self.secret_key,
        }

    def start(self) -> None:
        """Start it and wait for it."""
        keys = ["--access", self.access_key, "--secret", self.secret_key]
        # Beside the objects, as not every file system has attributes.
        places = ["posix", "--sidecar", str(self._attributes), str(self._folder)]
        command = [self._program, *keys, "--port", f"127.0.0.1:{self.port}", "--quiet", *self._options, *places]
        with self._log.open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: is_listening(self.port), "the S3 server")

    def stop(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep it from running: it takes connections, and says nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def read(self, key: str) -> bytes:
        """Return what an object holds."""
        return (self._folder / self.bucket / key).read_bytes()
