"""A sample of CSV, read as a load reads it."""

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence

from rowhouse.csvdialect import csv_fault, csv_rows, with_nulls
from rowhouse.errors import InspectionError
from rowhouse.infer.dialects import Dialect, find_dialect
from rowhouse.infer.source import HEAD_BYTES, Source
from rowhouse.infer.tables import MOST_ROWS, Cells, Table

# What is not closed this near to the end of a sample may be cut.
_LONGEST_ROW = 1 << 20


def read_csv(source: Source) -> Table:
    """Read the sample of a CSV file.

    Raises:
        InspectionError: It is not CSV, has no rows, or two columns cannot be told apart.
    """
    text = source.text if source.complete else source.text[: source.text.rfind("\n") + 1]
    if "\n" not in text.strip() and "\r" in text.strip():
        raise InspectionError(
            f"{source.path}: line 1: ends with a carriage return alone, as do all. "
            f"Write line feeds: tr '\\r' '\\n' < {source.path.name} > new.csv"
        )
    # A setting of the whole process; without it long texts are refused.
    csv.field_size_limit(HEAD_BYTES)
    dialect = find_dialect(text)
    records = _records(source, text, dialect)
    _, header = next(records, (1, []))
    names = [name or "" for name in header]
    # As a load does, pass over the empty columns that spreadsheets leave behind the last one.
    while len(names) > 1 and not names[-1]:
        names.pop()
    _check_header(source, names)
    columns = tuple(Cells(name) for name in names)
    rows, notes, complete = 0, [], source.complete
    for line, record in records:
        if rows == MOST_ROWS:
            complete = False
            break
        fault = _fault(record, len(header), len(names))
        if fault:
            notes.append(f"Line {line} {fault}")
            continue
        _add(columns, record, line)
        rows += 1
    if rows == 0:
        if notes:
            raise InspectionError(f"{source.path}: no row is as long as the header: {notes[0]}. Correct the header.")
        raise InspectionError(f"{source.path}: has a header and no rows. One row at least is needed to see the types.")
    rows += _add_places(source, dialect, columns, len(header))
    return Table(columns, rows, complete, dialect, tuple(notes))


def _fault(record: Sequence[str | None], fields: int, named: int) -> str:
    """Say what makes a load reject the row as a whole, if anything does."""
    if len(record) != fields:
        return f"has {len(record)} field{'s' * (len(record) != 1)} where the header has {fields}"
    if any(record[named:]):
        return "holds a value behind the last column"
    return ""


def _records(source: Source, text: str, dialect: Dialect) -> Iterator[tuple[int, list[str | None]]]:
    """Yield the first line and the fields of each row; an unquoted empty field is None, as it is null to a load."""
    lines = _CountingLines(text, dialect.quote)
    line, begin = 1, 0
    try:
        for record in csv_rows(lines, dialect.delimiter, dialect.quote):
            if lines.quotes % 2:
                raise csv.Error(f"it holds an odd number of {dialect.quote}")
            # A line with nothing in it is a row of one null, to csv as well as to COPY.
            yield line, with_nulls(record, text[begin : lines.read], dialect.quote) or [None]
            line, begin = lines.number + 1, lines.read
    except csv.Error as error:
        if not source.complete and len(text) - begin < _LONGEST_ROW:
            return
        raise InspectionError(
            f"{source.path}: line {line}: the row that begins here is not CSV ({csv_fault(error)}). "
            "Double a quote that stands for itself, and put quotes around the whole field."
        ) from error


class _CountingLines:
    """The lines of a text, and what was seen of them.

    Attributes:
        number: How many lines were read.
        read: How many characters.
        quotes: How many quotes.
    """

    def __init__(self, text: str, quote: str) -> None:
        self._lines = io.StringIO(text, newline="\n")
        self._quote = quote
        self.number = self.read = self.quotes = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            self.read += len(line)
            self.quotes += line.count(self._quote) if self._quote else 0
            yield line


def _check_header(source: Source, header: list[str]) -> None:
    place = f"{source.path}: line 1:"
    for number, name in enumerate(header, 1):
        if not name.strip():
            raise InspectionError(
                f"{place} column {number} of {len(header)} has no name, and a load finds columns by name. Name it."
            )
        if "\n" in name or "\r" in name:
            raise InspectionError(f"{place} the name of column {number} goes over two lines. Write it in one.")
        if header.count(name) > 1:
            numbers = ", ".join(str(other) for other, twin in enumerate(header, 1) if twin == name)
            raise InspectionError(
                f"{place} the columns {numbers} are all named {name!r}, and a load finds columns by name. Rename them."
            )
    if all(re.fullmatch(r"[-+0-9.,:/ TZ]+", name) for name in header):
        raise InspectionError(
            f"{place} looks like a row, not a header ({', '.join(header)}). Put the columns' names there."
        )


def _add(columns: Iterable[Cells], record: Iterable[str | None], line: int) -> None:
    for column, value in zip(columns, record, strict=False):
        # Most texts come again and again, and are kept once.
        column.add(value if value is None else sys.intern(value), line)


def _add_places(source: Source, dialect: Dialect, columns: tuple[Cells, ...], fields: int) -> int:
    """Take rows from the rest of the file; returns how many.

    A place that begins within quotes shows by the lengths of its rows, and is left out.
    """
    rows = 0
    for text in source.places():
        try:
            records = [record for _, record in _records(source, text, dialect)]
        except InspectionError:
            continue
        if not any(_fault(record, fields, len(columns)) for record in records):
            for record in records:
                _add(columns, record, 0)
            rows += len(records)
    return rows
