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
    from rowhouse.backup.archive import Archive, Base
    from rowhouse.backup.repository import Repository
    from rowhouse.backup.restorer import Restorer

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
    text = "days after which a base backup is a full one again: take one, too, for restores to a point in time"
    create.add_argument("--full-base-days", metavar="N", type=int, help=text)
    restore = add("restore", "restore a backup, and put what was served aside", _restore)
    restore.add_argument("name", metavar="NAME", help="as listed, or latest")
    rewind = add("rewind", "restore what was there at a time, and put what was served aside", _rewind)
    rewind.add_argument("time", metavar="TIME", help="as ISO 8601 writes it, with its zone")
    for parser in (restore, rewind):
        text = "how many schemas that were put aside are kept"
        parser.add_argument("--keep-aside", metavar="N", type=int, required=True, help=text)
    for parser in (create, restore, rewind):
        parser.add_argument("--environment", required=True, help="what is backed up, or restored into")
        parser.add_argument("--work", metavar="FOLDER", type=Path, required=True, help="with room for the database")
    add("list", "list the backups that count as JSON, the newest first", _list)


def _create(options: argparse.Namespace, settings: Settings, environment: Mapping[str, str]) -> None:
    from rowhouse.backup.bases import BaseCreator
    from rowhouse.backup.creator import Creator
    from rowhouse.backup.repository import Retention

    _prepare(settings)
    retention = Retention(options.keep_last, options.keep_daily, options.keep_weekly)
    bases: list[Base] = []

    def take_base() -> None:
        if options.full_base_days is not None:
            archive = _archive(settings, environment)
            bases.append(BaseCreator(settings, archive, options.work, options.full_base_days).run())

    repository = _repository(environment)
    creator = Creator(settings, repository, options.work, options.environment, retention, also=take_base)
    manifest = creator.run()
    facts = {"name": manifest.name, "taken_at": manifest.taken_at, "bytes": manifest.bytes, "rows": manifest.rows}
    _tell(facts | {"bases": list(map(asdict, bases)), "datasets": [asdict(item) for item in manifest.datasets]})


def _restore(options: argparse.Namespace, settings: Settings, environment: Mapping[str, str]) -> None:
    _tell(asdict(_restorer(options, settings, environment).run(options.name)))


def _rewind(options: argparse.Namespace, settings: Settings, environment: Mapping[str, str]) -> None:
    from rowhouse.backup.rewinder import Rewinder, moment

    target = moment(options.time)
    restorer = _restorer(options, settings, environment)
    _tell(asdict(Rewinder(restorer, _archive(settings, environment)).run(target)))


def _list(_options: argparse.Namespace, settings: Settings, environment: Mapping[str, str]) -> None:
    from rowhouse.backup.archive import STANZA

    repository = _repository(environment)
    backups = [asdict(backup) for backup in repository.backups()] if repository.exists() else []
    bases = _archive(settings, environment).bases() if STANZA in environment else []
    _tell({"backups": backups, "bases": [asdict(base) for base in bases if base.is_verified]})


def _repository(environment: Mapping[str, str]) -> "Repository":
    from rowhouse.backup.repository import PLACE, Repository
    from rowhouse.errors import BackupError

    if PLACE not in environment:
        raise BackupError(f"{PLACE} is not set: it says where the backups are.")
    return Repository(environment[PLACE], {})


def _restorer(options: argparse.Namespace, settings: Settings, environment: Mapping[str, str]) -> "Restorer":
    from rowhouse.backup.restorer import Restorer

    return Restorer(settings, _repository(environment), options.work, options.environment, options.keep_aside)


def _archive(settings: Settings, environment: Mapping[str, str]) -> "Archive":
    from rowhouse.backup.archive import STANZA, Archive
    from rowhouse.errors import BackupError

    if STANZA not in environment:
        raise BackupError("No point in time can be restored here: backup_pitr is false.")
    return Archive(settings, {})


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
