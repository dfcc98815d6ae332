"""`rowhouse keys …`."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from rowhouse.access.scopes import parse_scopes
from rowhouse.access.token import DIGEST, ID, Token
from rowhouse.dataset import Dataset
from rowhouse.errors import AccessError
from rowhouse.settings import Settings

if TYPE_CHECKING:
    from rowhouse.access.registry import KeyRecord, Registry

_LIFETIME = re.compile("([1-9][0-9]{0,4})([dh])")
_MAXIMAL_NAME = 100

type Configured = Callable[[Callable[[Settings, tuple[Dataset, ...]], None], argparse.Namespace], None]
type Command = Callable[[argparse.Namespace, Settings, tuple[Dataset, ...]], None]
type Parsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_commands(parsers: Parsers, configured: Configured) -> None:
    """Add `keys` and what belongs to it; `configured` runs a command with the settings and the datasets."""
    text = "make, list and revoke API keys, as the role that loads"
    keys = parsers.add_parser("keys", help=text, description=f"{text}.").add_subparsers(required=True, metavar="VERB")

    def add(name: str, text: str, command: Command) -> argparse.ArgumentParser:
        parser = keys.add_parser(name, help=text, description=f"{text}.")
        parser.set_defaults(run=lambda options: configured(partial(command, options), options))
        return parser

    for parser in (
        add("create", "make a key and write its token to standard output, this once", _create),
        add("add", "keep a key whose token was made elsewhere, by `rowhouse keys make`", _add),
    ):
        parser.add_argument("name", metavar="NAME", help="whose it is, for people")
        parser.add_argument("--scope", action="append", required=True, help="DATASET:read or DATASET:write, * for all")
        parser.add_argument("--expires", metavar="TIME", help="after days or hours, such as 90d or 12h; else never")
    parser.add_argument("--id", required=True)
    parser.add_argument("--digest", required=True, help="SHA-256 of the token, in hexadecimal")
    parser = add("list", "list all keys", _list)
    parser.add_argument("--json", action="store_true", help="as one line of JSON")
    add("revoke", "have a key be valid no more", _revoke).add_argument("id", metavar="ID")
    text = "make a token and write it to standard output as JSON, with its id and digest, and keep nothing"
    make = keys.add_parser("make", help=text, description=f"{text}. Needs no settings and no database.")
    make.set_defaults(run=_make)


def _create(options: argparse.Namespace, settings: Settings, datasets: tuple[Dataset, ...]) -> None:
    token = Token.make()
    _keep(options, settings, datasets, token.id, token.digest)
    sys.stdout.write(f"{token.text}\n")
    sys.stderr.write(f"rowhouse: the key {token.id} was made; its token is not shown again\n")


def _add(options: argparse.Namespace, settings: Settings, datasets: tuple[Dataset, ...]) -> None:
    if not ID.fullmatch(options.id) or not DIGEST.fullmatch(options.digest):
        raise AccessError("--id and --digest: take both from `rowhouse keys make`.")
    _keep(options, settings, datasets, options.id, options.digest)
    sys.stdout.write(f"The key {options.id} was added\n")


def _keep(
    options: argparse.Namespace, settings: Settings, datasets: tuple[Dataset, ...], key_id: str, digest: str
) -> None:
    if not options.name.isprintable() or not 0 < len(options.name.strip()) <= _MAXIMAL_NAME:
        raise AccessError(f"A key's name is a text of 1 to {_MAXIMAL_NAME} printable characters.")
    scopes = parse_scopes(options.scope, datasets)
    lifetime = _lifetime(options.expires)
    _registry(settings).add(key_id, options.name.strip(), digest, scopes, lifetime)


def _list(options: argparse.Namespace, settings: Settings, _datasets: tuple[Dataset, ...]) -> None:
    records = _registry(settings).list()
    if options.json:
        sys.stdout.write(f"{json.dumps([asdict(record) for record in records], default=_time)}\n")
    else:
        sys.stdout.write(_table(records))


def _revoke(options: argparse.Namespace, settings: Settings, _datasets: tuple[Dataset, ...]) -> None:
    _registry(settings).revoke(options.id)
    sys.stdout.write(f"The key {options.id} is revoked\n")


def _make(_options: argparse.Namespace) -> None:
    token = Token.make()
    sys.stdout.write(f"{json.dumps({'id': token.id, 'digest': token.digest, 'token': token.text})}\n")


def _registry(settings: Settings) -> "Registry":
    """Return the registry, with its tables made."""
    from rowhouse.access.registry import Registry
    from rowhouse.catalog import Catalog
    from rowhouse.database import loading_engine
    from rowhouse.loader import Loader

    engine, catalog = loading_engine(settings), Catalog(settings.database_schema)
    loader = Loader(engine, catalog, settings.data_dir, settings.database_api_user)
    loader.wait_for_database(settings.database_wait_seconds)
    loader.prepare()
    return Registry(engine, catalog)


def _lifetime(text: str | None) -> timedelta | None:
    if text is None:
        return None
    form = _LIFETIME.fullmatch(text)
    if not form:
        raise AccessError(f"--expires {text!r}: must be a number of days or hours, such as 90d or 12h.")
    return timedelta(days=int(form[1])) if form[2] == "d" else timedelta(hours=int(form[1]))


def _table(records: "Sequence[KeyRecord]") -> str:
    from rowhouse.access.registry import KeyRecord

    rows = [[field.name.removesuffix("_at") for field in fields(KeyRecord)]]
    rows += [[_cell(value) for value in vars(record).values()] for record in records]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return _time(value)
    return " ".join(value) if isinstance(value, tuple) else str(value or "-")


def _time(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
