"""The file with a dataset's rows: CSV with a header, plain or gzip, read as a stream."""

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from rowhouse.dataset import FILE_NAME, Dataset
from rowhouse.errors import LoadError
from rowhouse.suggest import did_you_mean

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


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
        """Return the names of the columns in the file's own order.

        Raises:
            LoadError: The header does not name exactly the columns of the dataset.
        """
        with self.open() as file:
            first_line = file.readline()
        try:
            names = next(csv.reader([first_line.decode("utf-8")], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise LoadError(f"{self.path}: line 1: the header is not CSV in UTF-8 ({error}).") from error
        problems = list(_header_problems(names, [column.name for column in self._dataset.columns]))
        if problems:
            raise LoadError(f"{self.path}: line 1: {' '.join(problems)}")
        return tuple(names)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the uncompressed bytes, a byte order mark left out.

        Raises:
            LoadError: In the `with` block, when the file turns out to be damaged.
        """
        try:
            with gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb") as raw:
                file = io.BufferedReader(cast("io.RawIOBase", raw), buffer_size=1 << 18)
                if file.peek(len(_BYTE_ORDER_MARK)).startswith(_BYTE_ORDER_MARK):
                    file.read(len(_BYTE_ORDER_MARK))
                yield file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise LoadError(f"{self.path}: is damaged gzip ({error}). Copy it anew.") from error

    def lines_of_rows(self, rows: list[int]) -> list[int]:
        """Return the lines on which rows start; `rows` ascend, and 0 is the first below the header."""
        lines = []
        wanted = iter(rows)
        row = next(wanted, None)
        with self.open() as file:
            reader = csv.reader(io.TextIOWrapper(file, "utf-8", newline=""))
            next(reader)
            line = reader.line_num + 1
            for number, _ in enumerate(reader):
                if number == row:
                    lines.append(line)
                    row = next(wanted, None)
                if row is None:
                    break
                line = reader.line_num + 1
        return lines


class CopySource:
    r"""What COPY reads from: the stream as it is, but never with a line that would end the copy early.

    A line with nothing but `\.` is the end of the data to PostgreSQL, and what follows would be lost without a word.

    Attributes:
        error: What stopped the reading; COPY itself only hands on its text.
    """

    _END = re.compile(rb"[\r\n](?=\\\.[\r\n])")

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        """Take an open stream, and its path for the message."""
        self._stream = stream
        self._path = path
        self.error: Exception | None = None
        self._line = 1
        self._rest = b"\n"

    def read(self, size: int) -> bytes:
        """Read as from a file.

        Raises:
            LoadError: Such a line is there.
        """
        try:
            chunk = self._stream.read(size)
            self._refuse_end(chunk)
        except Exception as error:
            self.error = error
            raise
        return chunk

    def _refuse_end(self, chunk: bytes) -> None:
        # The marker may lie across two chunks.
        seen = self._rest + chunk
        if b"\\." in seen and (end := self._END.search(seen)):
            line = self._line + seen.count(b"\n", len(self._rest), end.end())
            raise LoadError(
                f"{self._path}: line {line}: holds \\. alone, the end of all data to PostgreSQL. Put it in quotes."
            )
        self._line += chunk.count(b"\n")
        self._rest = seen[-3:]


def _header_problems(found: list[str], wanted: list[str]) -> Iterator[str]:
    for name in wanted:
        if name not in found:
            yield f"the header lacks column {name!r} of {FILE_NAME}."
    for name in dict.fromkeys(found):
        if name not in wanted:
            yield f"column {name!r} is not in {FILE_NAME}.{did_you_mean(name, wanted)}"
        elif found.count(name) > 1:
            yield f"column {name!r} is there {found.count(name)} times."
