"""The file with a dataset's rows, whatever its format, as rows of CSV for PostgreSQL."""

import hashlib
from collections.abc import Generator
from functools import cached_property
from pathlib import Path

from rowhouse.csvdialect import DialectCsv
from rowhouse.csvfile import PlainCsv
from rowhouse.dataset import FILE_NAME, Csv, Dataset, FileFormat
from rowhouse.errors import LoadError
from rowhouse.jsonfile import JsonFile
from rowhouse.opening import Record
from rowhouse.rows import Rows


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

    @property
    def unit(self) -> str:
        """What the rows are counted by in messages: `line` or `item`."""
        return self._rows.unit

    @property
    def has_header(self) -> bool:
        """Whether the first line of the chunks is none of the rows."""
        return self._rows.has_header

    def columns(self) -> tuple[str, ...]:
        """Return the names of the dataset's columns in the order of the fields.

        Raises:
            LoadError: The header does not name exactly the columns of the dataset.
        """
        return self._rows.columns()

    def chunks(self) -> Generator[bytes]:
        """Yield the file as CSV for COPY to take; plain CSV as its bytes come, a byte order mark left out.

        Raises:
            NotPlainError: A row cannot be taken, or COPY would lose rows without a word or fill the memory.
            LoadError: The file turns out to be damaged.
        """
        return self._rows.chunks()

    def batches(self) -> Generator[list[Record]]:
        """Yield the rows in batches of about a chunk each, none of which is empty.

        Raises:
            LoadError: It cannot be told where a row ends, or the file turns out to be damaged.
        """
        return self._rows.batches()

    def fault(self, record: Record) -> str:
        """Say what makes a row that PostgreSQL refused unreadable as a whole; empty when its fields can be told."""
        return self._rows.fault(record)

    @cached_property
    def _rows(self) -> Rows:
        if self._dataset.format is not FileFormat.CSV:
            return JsonFile(self._dataset, self.path)
        dialect = DialectCsv(self._dataset, self.path)
        # PostgreSQL has no word for empty fields behind the last column.
        if self._dataset.csv != Csv() or dialect.empty_columns():
            return dialect
        return PlainCsv(self.path, dialect.columns())
