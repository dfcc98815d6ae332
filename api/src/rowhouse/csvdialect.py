"""CSV in another dialect or encoding than PostgreSQL reads: made plain row by row."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TextIO

from rowhouse import opening
from rowhouse.csvfile import endless, match_header
from rowhouse.dataset import ColumnType, Dataset
from rowhouse.errors import LoadError
from rowhouse.opening import Record, csv_line, open_file
from rowhouse.progress import Progress
from rowhouse.rows import RowsMadePlain


class DialectCsv(RowsMadePlain):
    """Such a file."""

    def __init__(self, dataset: Dataset, path: Path) -> None:
        """Take the path, without opening it."""
        self._dataset = dataset
        self._path = path
        self._csv = dataset.csv

    def columns(self) -> tuple[str, ...]:
        """Return the names of the dataset's columns in the file's own order."""
        names = self._header()
        return match_header(self._dataset, self._path, names[: len(names) - self.empty_columns()])

    def empty_columns(self) -> int:
        """Count the columns without a name behind the last one, as spreadsheets leave them."""
        names = self._header()
        # A header of nothing else is told of as it is.
        return sum(1 for _ in takewhile(lambda name: not name, reversed(names))) if any(names) else 0

    def _records(self) -> Iterator[Record]:
        # The module's own limit, which is for the whole process, is 128 KiB; a shape on a map is longer.
        csv.field_size_limit(opening.LONGEST_ROW_BYTES)
        empty = self.empty_columns()
        types = {column.name: column.type for column in self._dataset.columns}
        numbers = [place for place, name in enumerate(self.columns()) if types[name] is ColumnType.NUMBER]
        with self._open() as (file, progress):
            file.readline()
            for line, record in _split_rows(self._path, file.readline, self._csv.quote, progress):
                raw = record.encode("utf-8", "surrogateescape")
                try:
                    yield Record(line, raw, self._plain(record, empty, numbers).encode())
                except UnicodeEncodeError:
                    yield Record(line, raw, b"", f"is not {self._csv.encoding}")
                except (ValueError, csv.Error) as error:
                    yield Record(line, raw, b"", csv_fault(error))

    def _plain(self, record: str, empty: int, numbers: list[int]) -> str:
        """Return the row as plain CSV.

        Raises:
            ValueError, csv.Error: Saying what is wrong with it.
        """
        fields = self._fields(record)
        expected = len(self._dataset.columns) + empty
        if len(fields) != expected:
            raise ValueError(f"has {len(fields)} fields instead of {expected}")
        if empty:
            if any(fields[-empty:]):
                raise ValueError("holds a value behind the last column")
            del fields[-empty:]
        if "\0" in record:
            raise ValueError("holds a zero byte")
        fields = [self._value(field) for field in fields]
        if self._csv.decimal != ".":
            for place in numbers:
                field = fields[place]
                if field and "." in field:
                    raise ValueError(f"holds the number {field!r}, but the decimal sign is {self._csv.decimal!r}")
                fields[place] = field and field.replace(self._csv.decimal, ".")
        return csv_line(fields)

    def _value(self, field: str | None) -> str | None:
        missing = self._csv.missing_values
        if field is None:
            return None if "" in missing else ""
        return None if field and field in missing else field

    def _fields(self, text: str) -> list[str | None]:
        """Return the fields of one row; without quotes an empty one is None."""
        quote = self._csv.quote
        return with_nulls(next(csv_rows((text,), self._csv.delimiter, quote)), text, quote)

    def _header(self) -> list[str]:
        with self._open() as (file, _):
            # An encoding that marks the order of its bytes within leaves the mark there.
            first_line = file.readline().removeprefix("\ufeff").rstrip("\r\n")
        try:
            first_line.encode()
            return [name or "" for name in self._fields(first_line)]
        except (UnicodeEncodeError, csv.Error) as error:
            raise LoadError(
                f"{self._path}: line 1: the header is not CSV in {self._csv.encoding.upper()} ({csv_fault(error)})."
            ) from error

    @contextmanager
    def _open(self) -> Iterator[tuple[TextIO, Progress]]:
        try:
            with open_file(self._path) as (file, progress):
                # Only a line feed ends a line, and bytes that are none of the encoding are found row by row.
                yield io.TextIOWrapper(file, self._csv.encoding, "surrogateescape", newline="\n"), progress
        except UnicodeError as error:
            raise LoadError(f"{self._path}: is not {self._csv.encoding}: {error}.") from error


def csv_rows(lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    """Cut lines into the fields of rows. Without a quote no field is quoted.

    What is not quite CSV raises csv.Error, of which `csv_fault` tells.
    """
    return csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )


def with_nulls(fields: list[str], text: str, quote: str) -> list[str | None]:
    """Return the fields that `csv_rows` made of the text of a row, with None for those that are empty without quotes.

    The reader could tell them itself by `csv.QUOTE_NOTNULL`, but does so only from Python 3.13 on.
    """
    if all(fields):
        return [*fields]
    if not quote or quote * 2 not in text:
        return [field or None for field in fields]
    told: list[str | None] = []
    begin = 0
    for field in fields:
        is_quoted = text.startswith(quote, begin)
        told.append(field if field or is_quoted else None)
        begin += len(field) + 1 + (2 + field.count(quote) if is_quoted else 0)
    return told


def csv_fault(error: Exception) -> str:
    """Say what is wrong with a row, to be read behind "the row"."""
    # Each version of Python has words of its own for this, which are advice for programmers.
    return "holds a carriage return outside quotes" if str(error).startswith("new-line") else str(error)


def _split_rows(
    path: Path, readline: Callable[[int], str], quote: str, progress: Progress
) -> Iterator[tuple[int, str]]:
    """Yield line, from 2, and text of each row behind the header, without the end of its line.

    A row ends at the first end of line behind an even number of quotes.

    Raises:
        LoadError: A quote is never closed, or a row is longer than memory should hold.
    """
    line, lines, quotes, length = 2, 0, 0, 0
    parts: list[str] = []
    while part := readline(opening.LONGEST_ROW_BYTES):
        parts.append(part)
        lines += part.endswith("\n")
        quotes += part.count(quote) if quote else 0
        length += len(part)
        if quotes % 2 == 0 and part.endswith("\n"):
            yield line, _without_line_end(parts)
            progress.advance(lines)
            line, lines, quotes, length = line + lines, 0, 0, 0
            parts.clear()
        elif length > opening.LONGEST_ROW_BYTES:
            raise endless(path, line, quotes, f"within {opening.LONGEST_ROW_BYTES >> 20} MiB")
    if quotes % 2:
        raise endless(path, line, quotes, "up to the end of the file")
    if parts:
        yield line, _without_line_end(parts)
    progress.finish()


def _without_line_end(parts: list[str]) -> str:
    return "".join(parts).removesuffix("\n").removesuffix("\r")
