"""The command `rowhouse`."""

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rowhouse import __version__
from rowhouse.access.commands import add_commands as add_key_commands
from rowhouse.backup.commands import add_commands as add_backup_commands
from rowhouse.dataset import Dataset
from rowhouse.description import read_datasets
from rowhouse.errors import LoadError, LoadStoppedError, RowhouseError
from rowhouse.logs import configure_logging
from rowhouse.settings import Settings

# What shells say of a program that SIGINT ended.
_INTERRUPTED = 128 + signal.SIGINT

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or the error's with the reason on standard error."""
    parser = argparse.ArgumentParser(
        prog="rowhouse", description="A table as a fast, cached JSON API. Settings come from ROWHOUSE_* variables."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (function, text) in _COMMANDS.items():
        commands.add_parser(name, help=text, description=text).set_defaults(run=partial(_run_configured, function))
    text = "load every dataset's file into PostgreSQL, then end"
    load = commands.add_parser("load", help=text, description=text)
    load.add_argument(
        "--dry-run", action="store_true", help="take everything back, and write as JSON what would have been made"
    )
    load.set_defaults(run=lambda options: _run_configured(partial(_load, dry_run=options.dry_run), options))
    add_key_commands(commands, _run_configured)
    add_backup_commands(commands, _run_with_environment)
    text = "look at a CSV, JSON or NDJSON file, plain or gzip, and write a first dataset.yml to standard output"
    inspect = commands.add_parser("inspect", help=text, description=f"{text}. Needs no settings.")
    inspect.add_argument("file", metavar="FILE", type=Path)
    inspect.add_argument("--name", default="table", help="of the dataset, to see whether it may be one")
    inspect.set_defaults(run=_inspect)
    text = "write what /openapi.json says of the datasets in a folder, without their rows, to standard output"
    openapi = commands.add_parser("openapi", help=text, description=f"{text}. Needs no settings and no database.")
    openapi.add_argument("folder", metavar="FOLDER", type=Path, help="holds NAME/dataset.yml of each dataset")
    openapi.set_defaults(run=_openapi)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except RowhouseError as error:
        sys.stderr.write(f"rowhouse: {error}\n")
        return error.exit_status
    except KeyboardInterrupt:
        sys.stderr.write("rowhouse: interrupted\n")
        return _INTERRUPTED
    return 0


def _run_configured(command: Callable[[Settings, tuple[Dataset, ...]], None], _options: argparse.Namespace) -> None:
    # Where the datasets are is a setting, so its problems come first.
    settings = Settings.from_env(os.environ)
    datasets = read_datasets(settings.datasets_dir)
    configure_logging(settings.log_level)
    command(settings, datasets)


def _run_with_environment(command: Callable[[Settings, Mapping[str, str]], None], _options: argparse.Namespace) -> None:
    # No datasets: a backup is of what the database holds.
    settings = Settings.from_env(os.environ)
    configure_logging(settings.log_level)
    command(settings, os.environ)


def _serve(settings: Settings, datasets: tuple[Dataset, ...]) -> None:
    # A new folder each time, so that counts begin with zero. prometheus_client reads the variable when it is imported.
    metrics_dir = tempfile.mkdtemp(prefix="rowhouse-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_dir
    # Imported here, so that a load does without the HTTP side.
    from rowhouse.server import Server

    Server(settings, datasets, Path(metrics_dir)).run()


def _load(settings: Settings, datasets: tuple[Dataset, ...], *, dry_run: bool) -> None:
    from rowhouse.catalog import Catalog
    from rowhouse.database import loading_engine
    from rowhouse.loader import Loader, Outcome

    loader = Loader(
        loading_engine(settings), Catalog(settings.database_schema), settings.data_dir, settings.database_api_user
    )
    loader.wait_for_database(settings.database_wait_seconds)
    if not dry_run:
        loader.prepare()
    outcomes: list[Outcome] = []
    failures: dict[str, str] = {}
    failure: type[LoadError | LoadStoppedError] = LoadError
    for dataset in datasets:
        try:
            outcomes.append(loader.load(dataset, dry_run=dry_run))
        except (LoadError, LoadStoppedError) as error:
            # The other datasets do not wait for this one to be put right.
            failures[dataset.name] = str(error)
            if isinstance(error, LoadStoppedError):
                failure = LoadStoppedError
    if len(failures) > 1:
        # Whoever sees only a log's last lines learns of all of them.
        failures[""] = f"{len(failures)} of {len(datasets)} datasets were not loaded: {', '.join(failures)}."
    if failures:
        raise failure("\n".join(failures.values()))
    sys.stdout.write(f"{json.dumps([asdict(outcome) for outcome in outcomes])}\n")


def _check(_settings: Settings, datasets: tuple[Dataset, ...]) -> None:
    names = ", ".join(dataset.name for dataset in datasets)
    sys.stdout.write(f"OK: the settings and {len(datasets)} dataset(s) are valid: {names}\n")


def _inspect(options: argparse.Namespace) -> None:
    from rowhouse.infer.draft import inspect

    sys.stdout.write(inspect(options.file, options.name))


def _openapi(options: argparse.Namespace) -> None:
    from rowhouse.jsontext import dump
    from rowhouse.openapi.document import document

    sys.stdout.write(f"{dump(document(read_datasets(options.folder), {})).decode()}\n")


_COMMANDS = {
    "serve": (_serve, "answer HTTP requests"),
    "check": (_check, "say whether settings and datasets are valid, without touching anything"),
}
