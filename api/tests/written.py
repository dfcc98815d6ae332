"""A writable dataset with a column of each type, and what tests do with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from house import House, Served, make_house
from parts import Postgres

NOTES_YML = """\
title: Notes
writable: true
key: id
filters: [code, level]
columns:
  id: {type: integer}
  code: {type: text, required: true, unique: true}
  level: {type: integer, minimum: 1, maximum: 5}
  part: {type: number}
  day: {type: date, minimum: 2000-01-01}
  time: {type: timestamp}
  flag: {type: boolean}
  kind: {type: text, enum: [a, b]}
  word: {type: text, pattern: "[a-z]+"}
  extra: {type: json}
"""
WORDS_YML = """\
title: Words
writable: true
key: word
columns:
  word: {type: text}
  meaning: {type: text, required: true}
"""
EMPTY: dict[str, Any] = dict.fromkeys(["level", "part", "day", "time", "flag", "kind", "word", "extra"])


def house_of_notes(postgres: Postgres, folder: Path) -> House:
    """Make a house whose notes are loaded, so that they can be written."""
    house = make_house(postgres, folder)
    house.let_reader_read()
    house.put(yml=NOTES_YML, name="notes")
    house.load()
    return house


@contextmanager
def serve(house: House, *, until_ready: bool = True) -> Iterator[Served]:
    """Serve by the role that may only write what loads let it write, to a client with a key to all."""
    key = house.key_to_all
    with house.serve({"WORKERS": "1", "DATABASE_USER": "reader"}, until_ready=until_ready) as served:
        served.public.headers.update(key)
        yield served


def note(number: int, code: str, **values: Any) -> dict[str, Any]:
    """Return a row as it comes back."""
    return {"id": number, "code": code} | EMPTY | values


def add(client: httpx.Client, path: str = "/notes", **values: Any) -> dict[str, Any]:
    """Add a row that has to be taken."""
    answer = client.post(path, json=values)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()["data"]
    return row


def rows(client: httpx.Client, path: str = "/notes") -> list[dict[str, Any]]:
    """Return all rows, which are one page."""
    found: list[dict[str, Any]] = client.get(f"{path}?limit=1000").json()["data"]
    return found


def emptied(client: httpx.Client, *paths: str) -> httpx.Client:
    """Remove every row of some datasets; returns the client."""
    for path in paths:
        for row in rows(client, path):
            key = quote(str(next(iter(row.values()))), safe="")
            assert client.delete(f"{path}/{key}").status_code == 204
    return client
