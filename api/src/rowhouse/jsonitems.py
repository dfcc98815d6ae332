"""Tells the items of one long JSON array apart without reading it whole, and without reading what is in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rowhouse import opening
from rowhouse.errors import LoadError

# Up to the next bracket that stands outside strings. Nothing is tried twice, so that it takes linear time.
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+[\[\]{}]', re.DOTALL)
_SPACE = b" \t\r\n"


def split_items(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Yield the text of each item of the array, which is the whole file or the only array in its one object.

    Raises:
        LoadError: There is no such array, or it is broken between its items.
    """
    return _Splitter(path, file).items()


class _Splitter:
    """Where one reading has come to."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._buffer = b""
        # Behind the last bracket that was seen, and where the item began; both in the buffer.
        self._position = 0
        self._start = 0
        # How many brackets are open, and how many are between two items: none as long as the array was not met.
        self._depth = 0
        self._level = 0
        self._count = 0
        self._met = False

    def items(self) -> Iterator[bytes]:
        while bracket := self._next_bracket():
            if bracket in b"[{":
                self._open(bracket)
                self._depth += 1
                continue
            self._depth -= 1
            if self._level and self._depth == self._level:
                yield self._buffer[self._start : self._position]
            elif self._level and self._depth == self._level - 1:
                self._close(bracket)
        if self._depth or not self._met:
            raise self._broken("ends in the middle" if self._depth else "holds no array")
        if self._buffer[self._position :].strip(_SPACE):
            raise self._broken("goes on behind its end")

    def _open(self, bracket: bytes) -> None:
        if self._depth == 0:
            if self._met:
                raise self._broken("goes on behind its end")
            self._expect(b"", "begins with neither [ nor {")
        if self._level and self._depth == self._level:
            self._expect(b"," if self._count else b"", "is no array of objects")
            if bracket != b"{":
                raise self._broken("is no array of objects")
            self._count += 1
            self._start = self._position - 1
        elif bracket == b"[" and self._depth <= 1 and not self._level:
            if self._met:
                raise self._broken("holds more than one array, and it cannot be told which of them are the rows")
            self._met = True
            self._level = self._depth + 1

    def _close(self, bracket: bytes) -> None:
        self._expect(b"", "is no array of objects")
        if bracket != b"]":
            raise self._broken("is no array of objects")
        self._level = 0

    def _expect(self, between: bytes, otherwise: str) -> None:
        """Look at what stands before the bracket."""
        if self._gap.strip(_SPACE) != between:
            raise self._broken(otherwise)

    def _next_bracket(self) -> bytes:
        """Go behind the next bracket and return it; nothing at the end of the file."""
        while not (found := _TO_BRACKET.match(self._buffer, self._position)):
            kept = self._start if self._level and self._depth > self._level else self._position
            if len(self._buffer) - kept > opening.LONGEST_ROW_BYTES:
                raise self._broken(f"does not end within {opening.LONGEST_ROW_BYTES >> 20} MiB")
            # As much again as there is, so that a long item is not copied and searched too often.
            more = self._file.read(max(opening.CHUNK_BYTES, len(self._buffer) - kept))
            if not more:
                return b""
            self._buffer = self._buffer[kept:] + more
            self._position -= kept
            self._start -= kept
        self._gap = self._buffer[self._position : found.end() - 1]
        self._position = found.end()
        return self._buffer[self._position - 1 : self._position]

    def _broken(self, what: str) -> LoadError:
        where = f"item {self._count}: " if self._count else ""
        return LoadError(
            f"{self._path}: {where}the JSON {what}. Needed is an array of objects, or one object in which a single "
            "member is such an array; a file with one object a line is called .ndjson."
        )
