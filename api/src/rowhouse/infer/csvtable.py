"""A sample of CSV, read as a load reads it."""

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence

from rowhouse.errors import InspectionError
from rowhouse.infer.dialects import find_delimiter
from rowhouse.infer.source import Source
from rowhouse.infer.tables import MOST_ROWS, Cells, Table


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
    delimiter = find_delimiter(text)
    records = _records(source, text, delimiter)
    _, header = next(records, (1, []))
    _check_header(source, [name or "" for name in header])
    columns = tuple(Cells(name or "") for name in header)
    rows, notes = 0, []
    for line, record in records:
        if len(record) != len(columns):
            notes.append(f"line {line} has {_many(len(record), 'field')} where the header has {len(columns)}")
            continue
        _add(columns, record, line)
        rows += 1
        if rows == MOST_ROWS:
            break
    if rows == 0:
        if notes:
            raise InspectionError(f"{source.path}: no row is as long as the header: {notes[0]}. Correct the header.")
        raise InspectionError(f"{source.path}: has a header and no rows. One row at least is needed to see the types.")
    complete = source.complete and rows < MOST_ROWS
    if rows < MOST_ROWS or not source.complete:
        rows += _add_places(source, delimiter, columns)
    return Table(columns, rows, complete, delimiter, tuple(notes))


def _records(source: Source, text: str, delimiter: str) -> Iterator[tuple[int, list[str | None]]]:
    """Yield the first line and the fields of each row; an unquoted empty field is None, as it is null to a load."""
    # The longest field that csv takes is a setting of the whole process.
    csv.field_size_limit(len(text) + 1)
    reader: Iterator[Sequence[str | None]] = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NOTNULL, strict=True
    )
    line = 1
    try:
        for record in reader:
            # A line with nothing in it is a row of one null, to csv as well as to COPY.
            yield line, list(record) or [None]
            line = reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        raise InspectionError(
            f"{source.path}: line {line}: the row that begins here is not CSV ({error}). Double a quote that stands "
            "for itself, and put quotes around the whole field."
        ) from error


def _check_header(source: Source, header: list[str]) -> None:
    place = f"{source.path}: line 1:"
    for number, name in enumerate(header, 1):
        if not name.strip():
            raise InspectionError(
                f"{place} column {number} of {len(header)} has no name, and a load finds columns by name. Name it, or "
                "take it out: where each line ends with a delimiter, it is that delimiter."
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
    for column, value in zip(columns, record, strict=True):
        # Most texts come again and again, and are kept once.
        column.add(value if value is None else sys.intern(value), line)


def _add_places(source: Source, delimiter: str, columns: tuple[Cells, ...]) -> int:
    """Take rows from the rest of the file; returns how many.

    A place that begins within quotes shows by the lengths of its rows, and is left out.
    """
    rows = 0
    for text in source.places():
        try:
            records = [record for _, record in _records(source, text[: text.rfind("\n") + 1], delimiter)]
        except InspectionError:
            continue
        if all(len(record) == len(columns) for record in records):
            for record in records:
                _add(columns, record, 0)
            rows += len(records)
    return rows


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
