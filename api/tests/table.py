"""A table with a column of each type, many ties and nulls, and odd values; as a list, as a file, and as JSON."""

import csv
import io
import random
from datetime import UTC, date, datetime
from typing import Any

import orjson
from model import Row

YML = """\
title: Rows
file: rows.csv
key: id
filters: [whole, some, part, text, name, day, time, flag]
columns:
  id: {type: integer}
  whole: {type: integer}
  some: {type: integer, required: true}
  part: {type: number}
  text: {type: text}
  name: {type: text, required: true}
  day: {type: date}
  time: {type: timestamp}
  flag: {type: boolean}
  extra: {type: json}
"""
VALUES: dict[str, list[Any]] = {
    "whole": [-(2**63), 2**63 - 1, -1, 0, 7, 2**53 + 1],
    "some": [0, 1, 2],
    # Eighths, so that a sum is the same in whatever order it is made.
    "part": [-0.125, 0.0, 0.125, 1.5, 1e15],
    "text": [
        "",
        "a",
        "A",
        "ä",
        "Ä%",
        "%",
        "_",
        "a\\",
        "\\",
        "a,b",
        'say "a"',
        "\U0001f600",
        "\uffff",
        "a\nb",
        "'",
        "a b",
    ],
    "name": ["x", "ä", "\U0001f600"],
    "day": [date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29), date(2024, 12, 30), date(2025, 1, 1)],
    "time": [
        datetime(2025, 1, 1, tzinfo=UTC),
        datetime(2024, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 12, 31, 23, 0, tzinfo=UTC),
        datetime(1, 1, 3, tzinfo=UTC),
    ],
    "flag": [True, False],
}
REQUIRED = ("some", "name")


def make_rows() -> list[Row]:
    """Return rows with many ties and nulls, the same in each run."""
    chance = random.Random(7)
    return [
        {"id": number}
        | {name: chance.choice(values if name in REQUIRED else [None, *values]) for name, values in VALUES.items()}
        | {"extra": chance.choice([None, {"ä": [1.5, None]}, [], "a"])}
        for number in chance.sample(range(-100, 100), 70)
    ]


def as_csv(rows: list[Row]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_NOTNULL)
    writer.writerow(rows[0])
    for row in rows:
        cells = [
            orjson.dumps(value).decode() if name == "extra" and value is not None else value
            for name, value in row.items()
        ]
        writer.writerow([text_of(cell) for cell in cells])
    return file.getvalue()


def text_of(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def as_json(rows: list[Row]) -> list[Row]:
    """Return rows as they come back from JSON, which has no times and no whole numbers."""
    return [{name: in_json(value) for name, value in row.items()} for row in rows]


def in_json(value: Any) -> Any:
    # orjson reads a whole number of more than 64 bits as another one.
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return float(value)
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_UTC_Z))
