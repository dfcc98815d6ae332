"""JSON objects as rows: one a line (NDJSON, JSON Lines), or the items of an array."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from rowhouse import opening
from rowhouse.dataset import FILE_NAME, Column, ColumnType, Dataset, FileFormat
from rowhouse.errors import LoadError
from rowhouse.jsonitems import split_items
from rowhouse.opening import Record, csv_line, open_file
from rowhouse.rows import RowsMadePlain
from rowhouse.suggest import did_you_mean


class JsonFile(RowsMadePlain):
    """Such a file."""

    def __init__(self, dataset: Dataset, path: Path) -> None:
        """Take the path, without opening it."""
        self._path = path
        self._columns = {column.name_in_file: column for column in dataset.columns}
        self._in_lines = dataset.format is FileFormat.NDJSON
        self.unit = "line" if self._in_lines else "item"
        # Python's own decoder keeps whole numbers of any length exactly, in texts and JSON columns too.
        self._decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
        self._encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

    def columns(self) -> tuple[str, ...]:
        """Return the names of all columns; objects may lack members."""
        return tuple(column.name for column in self._columns.values())

    def _records(self) -> Iterator[Record]:
        for number, raw in self._lines() if self._in_lines else self._items():
            try:
                yield Record(number, raw, self._plain(raw).encode())
            except UnicodeDecodeError as error:
                wrong = f"0x{raw[error.start]:02x} at byte {error.start + 1}"
                yield Record(number, raw, b"", f"is not UTF-8: {error.reason} {wrong}")
            except UnicodeEncodeError:
                yield Record(number, raw, b"", "holds half of a surrogate pair")
            except RecursionError:
                yield Record(number, raw, b"", "is nested too deeply")
            except ValueError as error:
                yield Record(number, raw, b"", str(error))

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield number, from 1, and text of each line; an empty one is no row."""
        with open_file(self._path) as (file, progress):
            number = 0
            while line := file.readline(opening.LONGEST_ROW_BYTES):
                number += 1
                if not line.endswith(b"\n") and len(line) == opening.LONGEST_ROW_BYTES:
                    length = f"{opening.LONGEST_ROW_BYTES >> 20} MiB"
                    raise LoadError(f"{self._path}: line {number}: the row does not end within {length}.")
                if text := line.strip():
                    yield number, text
                progress.advance(1)
            progress.finish()

    def _items(self) -> Iterator[tuple[int, bytes]]:
        """Yield number, from 1, and text of each item."""
        with open_file(self._path, self.unit) as (file, progress):
            for number, text in enumerate(split_items(self._path, file), start=1):
                yield number, text
                progress.advance(1)
            progress.finish()

    def _plain(self, raw: bytes) -> str:
        """Return an object as CSV.

        Raises:
            ValueError: Saying what is wrong with it.
        """
        text = raw.decode()
        try:
            members = self._decode(text)
        except ValueError as error:
            raise ValueError(f"is not valid JSON: {error}") from error
        if not isinstance(members, dict):
            raise ValueError("is not an object")
        if not members.keys() <= self._columns.keys():
            name = next(name for name in members if name not in self._columns)
            raise ValueError(f"has {name!r}, which is no column in {FILE_NAME}.{did_you_mean(name, self._columns)}")
        row = csv_line([self._text(column, members.get(name)) for name, column in self._columns.items()])
        if "\0" in row:
            raise ValueError("holds a zero character")
        return row

    def _text(self, column: Column, value: Any) -> str | None:
        """Return what a value is in CSV."""
        if value is None:
            return None
        if isinstance(value, str) and column.type is not ColumnType.JSON:
            return value
        if isinstance(value, dict | list) and column.type is not ColumnType.JSON:
            kind = "an object" if isinstance(value, dict) else "an array"
            raise ValueError(f"has {kind} in {column.name!r}, whose type is {column.type}, not json")
        try:
            return self._encode(value)
        except ValueError as error:
            raise ValueError(f"has a number in {column.name!r} that is too great for floating point") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
