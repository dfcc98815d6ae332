"""Any table that Python's csv writes, in any dialect, becomes a dataset.yml with which it can be loaded."""

import csv
import gzip
import io
import json
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from house import House
from hypothesis import given
from hypothesis import strategies as st
from rowhouse.infer.draft import inspect

NAMES = (
    "id",
    "name",
    "Temp (°C)",
    "Straße",
    "limit",
    "value",
    "Value",
    "2024 sales",
    "a b",
    "%",
    "lat",
    "lon",
    "on",
    "key",
)
TEXTS = st.text(st.sampled_from(string.ascii_letters + string.digits + " \n\"';,|\t.-äß€"), max_size=12)
TYPES: dict[str, st.SearchStrategy[object]] = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "text": TEXTS,
    "date": st.dates(date(1, 1, 1)),
    "timestamp": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    "boolean": st.booleans(),
    "json": st.dictionaries(TEXTS, st.integers() | TEXTS | st.none() | st.lists(st.booleans())),
}
WRITTEN: dict[type, Callable[[object], str]] = {
    bool: lambda value: str(value).lower(),
    dict: lambda value: json.dumps(value, ensure_ascii=False),
}


@dataclass(frozen=True)
class Example:
    """A table: the first column is a key, and each row has a value or None for each name."""

    names: list[str]
    rows: list[list[object]]


@st.composite
def tables(draw: st.DrawFn) -> Example:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    values = [draw(st.sampled_from(["integer", "date"]))]
    values += draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=len(names) - 1, max_size=len(names) - 1))
    keys = draw(st.lists(TYPES[values[0]], min_size=1, max_size=8, unique=True))
    rows = [[key, *(draw(st.none() | TYPES[value]) for value in values[1:])] for key in keys]
    return Example(names, rows)


def as_csv(table: Example, decimal: str, **dialect: object) -> str:
    def cell(value: object) -> object:
        text = WRITTEN.get(type(value), str)(value)
        return None if value is None else text.replace(".", decimal) if isinstance(value, float) else text

    file = io.StringIO(newline="")
    writer = csv.writer(file, **dialect)  # type: ignore[arg-type]
    writer.writerow(table.names)
    writer.writerows([cell(value) for value in row] for row in table.rows)
    return file.getvalue()


def load(house: House, name: str, content: bytes) -> int:
    """Inspect and load a file; returns the number of rows in its version."""
    folder = house.folder / "any"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    (folder / "dataset.yml").write_text(inspect(folder / name, "any"))
    house.load()
    ((count,),) = house.sql("SELECT rows FROM dataset_version ORDER BY activated_at DESC LIMIT 1")
    assert isinstance(count, int)
    return count


# A house for all examples: each loads another version of one dataset.


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NOTNULL]),
    newline=st.sampled_from(["\n", "\r\n"]),
    decimal=st.sampled_from(".,"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "windows-1252"]),
    end=st.sampled_from(["csv", "csv.gz"]),
)
def test_any_csv(
    house: House,
    table: Example,
    delimiter: str,
    quote: str,
    quoting: int,
    newline: str,
    decimal: str,
    encoding: str,
    end: str,
) -> None:
    text = as_csv(table, decimal, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator=newline)
    assert load(house, f"a.{end}", text.encode(encoding)) == len(table.rows)


@given(table=tables(), end=st.sampled_from(["json", "ndjson", "jsonl", "json.gz", "ndjson.gz"]))
def test_any_json(house: House, table: Example, end: str) -> None:
    objects = [
        {
            name: value if isinstance(value, str | int | float | dict | None) else value and str(value)
            for name, value in zip(table.names, row, strict=True)
        }
        for row in table.rows
    ]
    lines = [json.dumps(item, ensure_ascii=False) for item in objects]
    text = "[" + ",\n".join(lines) + "]" if end.startswith("json") and "l" not in end else "\n".join(lines)
    assert load(house, f"a.{end}", text.encode()) == len(table.rows)
