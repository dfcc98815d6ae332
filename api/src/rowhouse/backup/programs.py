"""Runs the programs that a backup is made of: restic, and PostgreSQL's own."""

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from rowhouse.errors import BackupError
from rowhouse.settings import Settings

# Of what a program says before it ends, as much as tells why.
_LAST_LINES = 8

log = logging.getLogger(__name__)


def run(
    words: Sequence[str], environment: Mapping[str, str], folder: Path | None = None, output: Path | None = None
) -> str:
    """Run a program to its end; returns what it wrote, unless that goes into the file `output`.

    Raises:
        BackupError: It failed; the text is what it said last.
    """
    log.debug("Running %s", words[0])
    with output.open("wb") if output else nullcontext() as file:
        done = subprocess.run(  # noqa: S603
            words,
            env={**os.environ, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file or subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode:
        raise BackupError(f"{words[0]}: {last_words(done.stderr) or f'ended with {done.returncode}'}")
    return "" if output else done.stdout.decode(errors="replace")


def last_words(said: bytes) -> str:
    """Return the last lines of what a program said."""
    return "\n".join(said.decode(errors="replace").strip().splitlines()[-_LAST_LINES:])


def restore_script(dump: Path, environment: Mapping[str, str], before: str, after: str) -> None:
    """Run a dump's SQL by psql between other statements, all of it in one transaction.

    Raises:
        BackupError: The dump is damaged, or the server refused. Nothing was changed.
    """
    reader = ["pg_restore", "--no-owner", "--exit-on-error", "--file=-", str(dump)]
    writer = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    merged = {**os.environ, **environment}
    with (
        subprocess.Popen(writer, env=merged, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as psql,  # noqa: S603
        subprocess.Popen(reader, env=merged, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as restored,  # noqa: S603
    ):
        assert psql.stdin and psql.stderr and restored.stdout and restored.stderr  # noqa: S101, PT018 - they are pipes
        # When psql ends before, its own words say why.
        with suppress(BrokenPipeError):
            psql.stdin.write(f"BEGIN;\n{before}\n".encode())
            while chunk := restored.stdout.read(1 << 20):
                psql.stdin.write(chunk)
            # Without its end the transaction is taken back.
            if restored.wait() == 0:
                psql.stdin.write(f"\n{after}\nCOMMIT;\n".encode())
        restored.stdout.close()
        with suppress(BrokenPipeError):
            psql.stdin.close()
        said = {"psql": psql.stderr.read(), "pg_restore": restored.stderr.read()}
    for name, process in (("psql", psql), ("pg_restore", restored)):
        if process.returncode:
            raise BackupError(f"{name}: {last_words(said[name]) or f'ended with {process.returncode}'}")


def client_environment(settings: Settings) -> dict[str, str]:
    """Return the variables by which PostgreSQL's programs reach the database."""
    variables = {
        "PGHOST": settings.database_host,
        "PGPORT": str(settings.database_port),
        "PGDATABASE": settings.database_name,
        "PGUSER": settings.database_user,
        "PGPASSWORD": settings.database_password,
        "PGSSLMODE": settings.database_sslmode,
        "PGSSLROOTCERT": settings.database_sslrootcert,
        "PGOPTIONS": "-c idle_in_transaction_session_timeout=0",
    }
    return {name: value for name, value in variables.items() if value}
