"""Opens a data file as a stream: plain or gzip, a byte order mark left out."""

import gzip
import io
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from rowhouse.errors import LoadError, RowhouseError
from rowhouse.progress import Progress

CHUNK_BYTES = 1 << 18
LONGEST_ROW_BYTES = 1 << 24

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NotPlainError(RowhouseError):
    """COPY must not have the file as it is; each row has to be looked at."""


class Record(NamedTuple):
    """One row of a file.

    Attributes:
        line: Where it begins, from 1; in a JSON array the number of the item.
        raw: The row as it lies in the file.
        fields: The same as CSV in UTF-8, as PostgreSQL takes it; in a file of CSV that is not known yet.
        fault: What is known to be wrong with it as a whole, to be read behind "the row"; then there are no fields.
    """

    line: int
    raw: bytes
    fields: bytes
    fault: str = ""


@contextmanager
def open_file(path: Path, unit: str = "line") -> Iterator[tuple[BinaryIO, Progress]]:
    """Open the uncompressed bytes, a byte order mark left out.

    Raises:
        LoadError: The file turns out to be damaged.
    """
    try:
        with path.open("rb") as raw:
            unpacked = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            file = io.BufferedReader(cast("io.RawIOBase", unpacked), buffer_size=CHUNK_BYTES)
            if file.peek(len(_BYTE_ORDER_MARK)).startswith(_BYTE_ORDER_MARK):
                file.read(len(_BYTE_ORDER_MARK))
            yield file, Progress(path, raw, unit)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LoadError(f"{path}: is damaged gzip ({error}). Copy it anew.") from error


def csv_line(values: Iterable[str | None]) -> str:
    """Return a row as CSV, with quotes around all but null."""
    return ",".join(["" if value is None else '"' + value.replace('"', '""') + '"' for value in values])


def batched(records: Iterable[Record]) -> Generator[list[Record]]:
    """Yield the rows in batches of a chunk's size; none is empty."""
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.raw)
        if size >= CHUNK_BYTES:
            yield batch
            batch = []
            size = 0
    if batch:
        yield batch


def joined(batches: Iterable[list[Record]]) -> Generator[bytes]:
    """Yield the rows as CSV in chunks, for COPY to take.

    Raises:
        NotPlainError: A row has a fault.
    """
    for batch in batches:
        for record in batch:
            if record.fault:
                raise NotPlainError(record.fault)
        yield b"".join([record.fields + b"\n" for record in batch])
