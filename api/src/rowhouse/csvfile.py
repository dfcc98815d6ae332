"""CSV as PostgreSQL reads it: RFC 4180 in UTF-8 with a header. Its bytes go into COPY as they are."""

import re
from collections.abc import Generator, Iterator
from itertools import count, repeat
from pathlib import Path

from rowhouse import opening
from rowhouse.dataset import FILE_NAME, Dataset
from rowhouse.errors import LoadError
from rowhouse.opening import NotPlainError, Record, open_file
from rowhouse.rows import Rows
from rowhouse.suggest import did_you_mean

# A line with nothing but `\.` is the end of the data to PostgreSQL, and what follows would be lost without a word.
_END_MARKER = re.compile(rb"[\r\n]\\\.[\r\n]")


class PlainCsv(Rows):
    """Such a file."""

    has_header = True

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        """Take what the header says; the file is opened when it is read."""
        self._path = path
        self._columns = columns

    def columns(self) -> tuple[str, ...]:
        """Return the names of the dataset's columns in the file's own order."""
        return self._columns

    def chunks(self) -> Generator[bytes]:
        """Yield the uncompressed bytes as they come."""
        with open_file(self._path) as (file, progress):
            guard = _Guard()
            while chunk := file.read(opening.CHUNK_BYTES):
                guard.check(chunk)
                progress.advance(chunk.count(b"\n"))
                yield chunk
            progress.finish()

    def batches(self) -> Generator[list[Record]]:
        """Yield the rows below the header, about a chunk at a time."""
        with open_file(self._path) as (file, progress):
            file.readline()
            line, rest = 2, b""
            while chunk := file.read(opening.CHUNK_BYTES):
                block = rest + chunk
                texts, rest = split_block(block)
                batch = self._records(line, texts, is_simple=b'"' not in block and b"\r" not in block)
                if batch:
                    yield batch
                    following = batch[-1].line + batch[-1].raw.count(b"\n") + 1
                    progress.advance(following - line)
                    line = following
                if len(rest) > opening.LONGEST_ROW_BYTES:
                    raise endless(self._path, line, rest.count(b'"'), f"within {opening.LONGEST_ROW_BYTES >> 20} MiB")
            if rest.count(b'"') % 2:
                raise endless(self._path, line, 1, "up to the end of the file")
            if rest:
                yield self._records(line, [rest], is_simple=False)
            progress.finish()

    def fault(self, record: Record) -> str:
        """Say what makes a row unreadable as a whole; empty when its fields can be told."""
        return _fault(record.line, record.raw, len(self._columns))

    def _records(self, line: int, texts: list[bytes], *, is_simple: bool) -> list[Record]:
        """Return rows, of which the first begins in this line, and which may have a carriage return at their ends.

        Those that are simple have a line each and no carriage return, and are quickly made.
        """
        if is_simple:
            return list(map(Record, count(line), texts, texts, repeat("")))
        records = []
        for text in texts:
            raw, fault = text, ""
            if b"\r" in text:
                raw = text.removesuffix(b"\r")
                # One elsewhere may be the end of a line to PostgreSQL.
                fault = _fault(line, raw, len(self._columns)) if b"\r" in raw else ""
            records.append(Record(line, raw, raw, fault))
            line += raw.count(b"\n") + 1
        return records


def match_header(dataset: Dataset, path: Path, found: list[str]) -> tuple[str, ...]:
    """Return the names of the dataset's columns in the order of the header.

    Raises:
        LoadError: The header does not name exactly the columns of the dataset.
    """
    columns = {column.name_in_file: column.name for column in dataset.columns}
    problems = list(_header_problems(found, list(columns)))
    if problems:
        raise LoadError(f"{path}: line 1: {' '.join(problems)}")
    return tuple(columns[name] for name in found)


def split_block(block: bytes) -> tuple[list[bytes], bytes]:
    """Return the rows that end in a block, without their line feeds, and what is left of it, which may be nothing.

    A row ends at the first line feed behind an even number of quotes, which is where PostgreSQL sees it end.
    """
    *lines, rest = block.split(b"\n")
    if b'"' not in block:
        return lines, rest
    rows: list[bytes] = []
    parts: list[bytes] = []
    for line in lines:
        is_open = line.count(b'"') % 2
        if parts or is_open:
            parts.append(line)
            # It was open if there are parts, and is so no more.
            if is_open and len(parts) > 1:
                rows.append(b"\n".join(parts))
                parts.clear()
        else:
            rows.append(line)
    return rows, b"\n".join([*parts, rest])


def endless(path: Path, line: int, quotes: int, where: str) -> LoadError:
    """Say that a row, with this many quotes, does not end."""
    if quotes % 2:
        return LoadError(
            f"{path}: line {line}: a quote in this row is not closed {where}, and what follows it cannot be "
            "told apart. Close it, or double it where it stands for itself inside quotes."
        )
    return LoadError(f"{path}: line {line}: the row does not end {where}.")


def _header_problems(found: list[str], wanted: list[str]) -> Iterator[str]:
    for name in wanted:
        if name not in found:
            yield f"the header lacks column {name!r} of {FILE_NAME}."
    for name in dict.fromkeys(found):
        if name not in wanted:
            yield f"column {name!r} is not in {FILE_NAME}.{did_you_mean(name, wanted)}"
        elif found.count(name) > 1:
            yield f"column {name!r} is there {found.count(name)} times."


def _fault(line: int, record: bytes, fields: int) -> str:
    """Say what makes a row unreadable as a whole; empty when its fields can be told."""
    if record == b"\\.":
        return "holds \\. alone, the end of all data to PostgreSQL: put it in quotes"
    # Every second part lies outside quotes.
    plain = b"".join(record.split(b'"')[::2])
    found = plain.count(b",") + 1
    if found != fields:
        lines = record.count(b"\n")
        hint = f" and goes on to line {line + lines}: is a quote left open?" if lines else ""
        return f"has {found} fields instead of {fields}{hint}"
    if b"\r" in plain:
        return "holds a carriage return outside quotes"
    if b"\0" in record:
        return "holds a zero byte"
    try:
        record.decode()
    except UnicodeDecodeError as error:
        return f"is not UTF-8: {error.reason} 0x{record[error.start]:02x} at byte {error.start + 1}"
    return ""


class _Guard:
    """Looks at the bytes on their way to COPY for what PostgreSQL takes badly."""

    def __init__(self) -> None:
        self._before = b"\n"
        self._quoted = False
        self._row_bytes = 0

    def check(self, chunk: bytes) -> None:
        # The marker may lie across two chunks.
        seen = self._before + chunk
        if b"\\." in seen and _END_MARKER.search(seen):
            raise NotPlainError("the end marker")
        self._before = seen[-3:]
        # PostgreSQL keeps a whole row in memory, and a quote that is not closed makes one row of the rest of the file.
        between_quotes = chunk.split(b'"')
        if any(b"\n" in part for part in between_quotes[self._quoted :: 2]):
            self._row_bytes = 0
        self._row_bytes += len(chunk)
        self._quoted ^= len(between_quotes) % 2 == 0
        if self._row_bytes > opening.LONGEST_ROW_BYTES:
            raise NotPlainError("a row without an end")
