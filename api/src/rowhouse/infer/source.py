"""A file as text: its encoding, its beginning, and looks into its middle. Never the whole of a large file."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rowhouse.errors import InspectionError, NoFileError

# What is seen of a file from its beginning on, unpacked; further places are looked at beyond.
HEAD_BYTES = 1 << 24
_PLACE_BYTES = 1 << 16
_PLACES = 20

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KNOWN_BINARY = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive", "Save the sheet as CSV in UTF-8, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV in UTF-8"),
    (b"PAR1", "Parquet", "Write it as CSV"),
    (b"SQLite format 3\0", "an SQLite database", "Write the table as CSV"),
    (b"%PDF", "a PDF", "A table is needed: CSV, JSON or NDJSON"),
    (b"BZh", "packed by bzip2", "Unpack it, or pack it by gzip"),
    (b"\xfd7zXZ", "packed by xz", "Unpack it, or pack it by gzip"),
    (b"(\xb5/\xfd", "packed by zstd", "Unpack it, or pack it by gzip"),
)
# Bytes that Windows-1252 leaves open, and characters that no table holds.
_NOT_WINDOWS_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class Source:
    """A text file, of which the beginning is in memory.

    Attributes:
        path: Where it is.
        encoding: As dataset.yml and Python name it.
        text: Its beginning, without a byte order mark.
        complete: Whether the beginning is all of it.
        size: Its length in bytes, unpacked; None when that is not known without reading it.
    """

    path: Path
    encoding: str
    text: str
    complete: bool
    size: int | None

    def places(self) -> Iterator[str]:
        """Yield whole lines from places spread over the rest, none of them twice.

        There are none where places cannot be had without reading all before them, or lines cannot be told by bytes.
        """
        if self.complete or self.size is None or self.encoding.startswith("utf-16"):
            return
        # Rounded up, so that the last place reaches the end.
        stride = max(_PLACE_BYTES, -(-(self.size - HEAD_BYTES - _PLACE_BYTES) // (_PLACES - 1)))
        with self.path.open("rb") as file:
            for start in range(HEAD_BYTES, self.size, stride)[:_PLACES]:
                file.seek(start)
                text = file.read(_PLACE_BYTES).decode(self.encoding, "replace")
                yield text[text.find("\n") + 1 : text.rfind("\n") + 1]


def read_source(path: Path) -> Source:
    """Read a file's beginning.

    Raises:
        NoFileError: It is not there, or cannot be read.
        InspectionError: It is empty, damaged, or not text.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed and path.suffix != ".gz":
                raise InspectionError(f"{path}: is packed by gzip. Let its name end in .gz.")
            if path.suffix == ".gz" and not packed and raw.read(1):
                raise InspectionError(f"{path}: is not gzip, as its name says. Rename it, or pack it.")
            head = (gzip.GzipFile(fileobj=raw) if packed else raw).read(HEAD_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InspectionError(f"{path}: is damaged gzip ({error}). Copy it anew.") from error
    except OSError as error:
        raise NoFileError(f"{path}: cannot be read ({error.strerror}). Name a CSV, JSON or NDJSON file.") from error
    if not head.strip():
        raise InspectionError(f"{path}: is empty. A header and rows are needed.")
    complete = len(head) <= HEAD_BYTES
    encoding, text = _decode(path, head[:HEAD_BYTES], complete=complete)
    return Source(path, encoding, text, complete, None if packed else path.stat().st_size)


def _decode(path: Path, head: bytes, *, complete: bool) -> tuple[str, str]:
    for beginning, what, fix in _KNOWN_BINARY:
        if head.startswith(beginning):
            raise InspectionError(f"{path}: is {what}. {fix}.")
    encoding = _encoding(path, head, complete=complete)
    # The end of the sample may lie within a character.
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head, final=complete).removeprefix("\ufeff")
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise InspectionError(
            f"{path}: line {line}: is not text, but binary (character {control[0]!r}). "
            "A table is needed: CSV, JSON or NDJSON, plain or packed by gzip."
        )
    return encoding, text


def _encoding(path: Path, head: bytes, *, complete: bool) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    # Without its mark UTF-16 shows in the half of the bytes that are zero in every script that has ASCII's digits.
    for number, encoding in enumerate(("utf-16-be", "utf-16-le")):
        if head[number : 1 << 16 : 2].count(0) > len(head[: 1 << 16]) // 4 and not head[1 - number : 1 << 16 : 2].count(
            0
        ):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=complete)
    except UnicodeDecodeError as error:
        read = head.decode("utf-8", "ignore")
        if len(read) - len(read.encode("ascii", "ignore")) > 10 * head.decode("utf-8", "replace").count("\ufffd"):
            line = head.count(b"\n", 0, error.start) + 1
            raise InspectionError(
                f"{path}: line {line}: is not UTF-8, which the rest of the file is. Correct the line."
            ) from error
        return "iso-8859-1" if _NOT_WINDOWS_1252.search(head) else "windows-1252"
    return "utf-8"
