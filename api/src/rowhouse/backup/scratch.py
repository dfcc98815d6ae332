"""A PostgreSQL for one restore: on a socket that nobody else reaches, and gone afterwards."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2

from rowhouse.backup.programs import last_words, run
from rowhouse.errors import BackupError
from rowhouse.settings import Settings

_START_SECONDS = 60
# The Job has a deadline of its own.
_RECOVERY_SECONDS = 24 * 3600
# It may lose everything at any time, and is small beside the memory of the pod.
_CONFIGURATION = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "10",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "jit": "off",
}


@contextmanager
def scratch_server(folder: Path, settings: Settings, prefix: Sequence[str] = ()) -> Iterator[Settings]:
    """Run an empty server below the folder; yields the settings that lead to it.

    Args:
        folder: Is made, in one that nobody else may enter, and removed at the end.
        settings: Those of the database whose backup is looked at: the same roles are there.
        prefix: Words before each program, which has to run as somebody who is not root.

    Raises:
        BackupError: It does not start.
    """

    def make(data: Path) -> None:
        # A bootstrap superuser of the owner's name.
        init = ["initdb", f"--pgdata={data}", f"--username={settings.database_user}", "--auth=trust", "--encoding=UTF8"]
        run([*prefix, *init, "--locale=C", "--no-sync", "--no-instructions"], {})

    with _server(folder, replace(settings, database_name="postgres"), make, {}, prefix, _START_SECONDS) as here:
        yield here


@contextmanager
def recovered_server(
    folder: Path, settings: Settings, make: Callable[[Path], None], prefix: Sequence[str] = ()
) -> Iterator[Settings]:
    """Run a server on a copy of another one's files that recovers first; yields the settings that lead to it.

    Args:
        folder: Is made, in one that nobody else may enter, and removed at the end.
        settings: Those of the database that is recovered, which are in the copy, too.
        make: Puts the files into a folder, with settings that lead the recovery and end it by a promotion.
        prefix: Words before each program, which has to run as somebody who is not root.

    Raises:
        BackupError: It does not come to its target.
    """

    def make_trusting(data: Path) -> None:
        make(data)
        (folder / "hba").write_text("local all all trust\n", encoding="utf-8")

    configuration = {"hba_file": str(folder / "hba"), "hot_standby": "off"}
    with _server(folder, settings, make_trusting, configuration, prefix, _RECOVERY_SECONDS) as here:
        yield here


@contextmanager
def _server(
    folder: Path,
    settings: Settings,
    make: Callable[[Path], None],
    configuration: Mapping[str, str],
    prefix: Sequence[str],
    seconds: float,
) -> Iterator[Settings]:
    data, socket, log = folder / "data", folder / "socket", folder / "log"
    socket.mkdir(parents=True)
    try:
        make(data)
        merged = {**_CONFIGURATION, **configuration, "unix_socket_directories": str(socket)}
        options = [f"--{name}={value}" for name, value in merged.items()]
        with log.open("wb") as output:
            server = subprocess.Popen(  # noqa: S603
                [*prefix, "postgres", "-D", str(data), *options], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            # TLS is nothing for a socket.
            here = replace(
                settings,
                database_host=str(socket),
                database_port=5432,
                database_password="",
                database_sslmode="disable",
                database_sslrootcert="",
            )
            _wait(server, here, log, seconds)
            yield here
        finally:
            # At once: nothing of it is worth a checkpoint.
            server.send_signal(signal.SIGQUIT)
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: "subprocess.Popen[bytes]", settings: Settings, log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg2.connect(
                host=settings.database_host, user=settings.database_user, dbname=settings.database_name
            ).close()
        except psycopg2.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                said = last_words(log.read_bytes())
                raise BackupError(f"The scratch database does not start: {said or error}") from error
            time.sleep(0.1)
        else:
            return
