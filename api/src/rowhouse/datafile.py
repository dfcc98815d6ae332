"""The file with a dataset's rows: CSV with a header, plain or gzip, read as a stream."""

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from rowhouse.dataset import FILE_NAME, Dataset
from rowhouse.errors import LoadError, RowhouseError
from rowhouse.progress import Progress
from rowhouse.suggest import did_you_mean

# A line with nothing but `\.` is the end of the data to PostgreSQL, and what follows would be lost without a word.
_END_MARKER = re.compile(rb"[\r\n]\\\.[\r\n]")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK_BYTES = 1 << 18
_LONGEST_ROW_BYTES = 1 << 24


class NotPlainError(RowhouseError):
    """COPY must not have the file as it is; each row has to be looked at."""


class DataFile:
    """One dataset's file in its folder.

    Attributes:
        path: Where it is.
    """

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        """Point at the file in `folder`, without opening it."""
        self.path = folder / dataset.file
        self._dataset = dataset

    def digest(self) -> str:
        """Return the SHA-256 of the bytes as they lie there, in hex.

        Raises:
            LoadError: The file is missing or empty.
        """
        try:
            with self.path.open("rb") as file:
                if not file.read(1):
                    raise LoadError(f"{self.path}: is empty. Put the rows of dataset {self._dataset.name} there.")
                file.seek(0)
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise LoadError(
                f"{self.path}: cannot be read ({error.strerror}). Put the data file of dataset {self._dataset.name} "
                f"there, or correct `file` in its {FILE_NAME}."
            ) from error

    def header(self) -> tuple[str, ...]:
        """Return the names of the dataset's columns in the file's own order.

        Raises:
            LoadError: The header does not name exactly the columns of the dataset.
        """
        with self._open() as (file, _):
            first_line = file.readline()
        try:
            names = next(csv.reader([first_line.decode("utf-8")], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise LoadError(f"{self.path}: line 1: the header is not CSV in UTF-8 ({error}).") from error
        columns = {column.name_in_file: column.name for column in self._dataset.columns}
        problems = list(_header_problems(names, list(columns)))
        if problems:
            raise LoadError(f"{self.path}: line 1: {' '.join(problems)}")
        return tuple(columns[name] for name in names)

    def chunks(self) -> Generator[bytes]:
        r"""Yield the uncompressed bytes, a byte order mark left out, for COPY to take as they come.

        Raises:
            NotPlainError: COPY would lose rows without a word, or keep most of the file in memory.
            LoadError: The file turns out to be damaged.
        """
        with self._open() as (file, progress):
            guard = _Guard()
            while chunk := file.read(_CHUNK_BYTES):
                guard.check(chunk)
                progress.advance(chunk.count(b"\n"))
                yield chunk
            progress.finish()

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Yield line, from 1, and bytes of each row below the header, without the end of its line.

        A row ends at the first end of line behind an even number of quotes, which is where PostgreSQL sees it end.

        Raises:
            LoadError: A quote is never closed, or the file turns out to be damaged.
        """
        with self._open() as (file, progress):
            file.readline()
            line, lines, quotes, length = 2, 0, 0, 0
            parts: list[bytes] = []
            while part := file.readline(_LONGEST_ROW_BYTES):
                parts.append(part)
                lines += part.endswith(b"\n")
                quotes += part.count(b'"')
                length += len(part)
                if quotes % 2 == 0 and part.endswith(b"\n"):
                    yield line, _without_line_end(b"".join(parts))
                    progress.advance(lines)
                    line, lines, quotes, length = line + lines, 0, 0, 0
                    parts.clear()
                elif length > _LONGEST_ROW_BYTES:
                    raise self._endless(line, quotes, f"within {_LONGEST_ROW_BYTES >> 20} MiB")
            if quotes % 2:
                raise self._endless(line, quotes, "up to the end of the file")
            if parts:
                yield line, _without_line_end(b"".join(parts))
            progress.finish()

    def _endless(self, line: int, quotes: int, where: str) -> LoadError:
        if quotes % 2:
            return LoadError(
                f"{self.path}: line {line}: a quote in this row is not closed {where}, and what follows it cannot be "
                "told apart. Close it, or double it where it stands for itself inside quotes."
            )
        return LoadError(f"{self.path}: line {line}: the row does not end {where}.")

    @contextmanager
    def _open(self) -> Iterator[tuple[BinaryIO, Progress]]:
        """Open the uncompressed bytes, a byte order mark left out."""
        try:
            with self.path.open("rb") as raw:
                unpacked = gzip.GzipFile(fileobj=raw) if self.path.suffix == ".gz" else raw
                file = io.BufferedReader(cast("io.RawIOBase", unpacked), buffer_size=_CHUNK_BYTES)
                if file.peek(len(_BYTE_ORDER_MARK)).startswith(_BYTE_ORDER_MARK):
                    file.read(len(_BYTE_ORDER_MARK))
                yield file, Progress(self.path, raw)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise LoadError(f"{self.path}: is damaged gzip ({error}). Copy it anew.") from error


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
        if self._row_bytes > _LONGEST_ROW_BYTES:
            raise NotPlainError("a row without an end")


def _without_line_end(record: bytes) -> bytes:
    return record.removesuffix(b"\n").removesuffix(b"\r")


def _header_problems(found: list[str], wanted: list[str]) -> Iterator[str]:
    for name in wanted:
        if name not in found:
            yield f"the header lacks column {name!r} of {FILE_NAME}."
    for name in dict.fromkeys(found):
        if name not in wanted:
            yield f"column {name!r} is not in {FILE_NAME}.{did_you_mean(name, wanted)}"
        elif found.count(name) > 1:
            yield f"column {name!r} is there {found.count(name)} times."
