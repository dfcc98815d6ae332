"""`rowhouse backup …`."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rowhouse.settings import Settings

if TYPE_CHECKING:
    from rowhouse.backup.repository import Repository

type Configured = Callable[[Callable[[Settings, Mapping[str, str]], None], argparse.Namespace], None]
type Command = Callable[[argparse.Namespace, Settings, Mapping[str, str]], None]
type Parsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_commands(parsers: Parsers, configured: Configured) -> None:
    """Add `backup` and what belongs to it; `configured` runs a command with the settings and the environment."""
    text = "take, list and restore backups, as the role that loads; restic's own variables say where they are"
    backup = parsers.add_parser("backup", help=text, description=f"{text}.")
    verbs = backup.add_subparsers(required=True, metavar="VERB")

    def add(name: str, text: str, command: Command) -> argparse.ArgumentParser:
        parser = verbs.add_parser(name, help=text, description=f"{text}.")
        parser.set_defaults(run=lambda options: configured(partial(command, options), options))
        return parser

    create = add("create", "take a backup, restore it into a scratch database and compare; then it counts", _create)
    for option, text in (
        ("last", "how many of the newest are kept"),
        ("daily", "of so many days the last is kept"),
        ("weekly", "of so many weeks the last is kept"),
    ):
        create.add_argument(f"--keep-{option}", metavar="N", type=int, required=True, help=text)
    restore = add("restore", "restore a backup, and put what was served aside", _restore)
    restore.add_argument("name", metavar="NAME", help="as listed, or latest")
    for parser in (create, restore):
        parser.add_argument("--environment", required=True, help="what is backed up, or restored into")
        parser.add_argument("--work", metavar="FOLDER", type=Path, required=True, help="with room for the database")
    add("list", "list the backups that count as JSON, the newest first", _list)


def _create(options: argparse.Namespace, settings: Settings, environment: Mapping[str, str]) -> None:
    from rowhouse.backup.creator import Creator
    from rowhouse.backup.repository import Retention

    _prepare(settings)
    retention = Retention(options.keep_last, options.keep_daily, options.keep_weekly)
    creator = Creator(settings, _repository(environment), options.work, options.environment, retention)
    manifest = creator.run()
    facts = {"name": manifest.name, "taken_at": manifest.taken_at, "bytes": manifest.bytes, "rows": manifest.rows}
    _tell(facts | {"datasets": [asdict(item) for item in manifest.datasets]})


def _restore(options: argparse.Namespace, settings: Settings, environment: Mapping[str, str]) -> None:
    from rowhouse.backup.restorer import Restorer

    restorer = Restorer(settings, _repository(environment), options.work, options.environment)
    _tell(asdict(restorer.run(options.name)))


def _list(_options: argparse.Namespace, _settings: Settings, environment: Mapping[str, str]) -> None:
    repository = _repository(environment)
    _tell({"backups": [asdict(backup) for backup in repository.backups()] if repository.exists() else []})


def _repository(environment: Mapping[str, str]) -> "Repository":
    from rowhouse.backup.repository import PLACE, Repository
    from rowhouse.errors import BackupError

    if PLACE not in environment:
        raise BackupError(f"{PLACE} is not set: it says where the backups are.")
    return Repository(environment[PLACE], {})


def _prepare(settings: Settings) -> None:
    """Have the tables of this release."""
    from rowhouse.catalog import Catalog
    from rowhouse.database import loading_engine
    from rowhouse.loader import Loader

    loader = Loader(
        loading_engine(settings), Catalog(settings.database_schema), settings.data_dir, settings.database_api_user
    )
    loader.wait_for_database(settings.database_wait_seconds)
    loader.prepare()


def _tell(content: Mapping[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(content, default=datetime.isoformat)}\n")
