"""What a load asks of a file, whatever its format."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator

from rowhouse.opening import Record, batched, joined


class Rows(ABC):
    """A file of one format.

    Attributes:
        unit: What its rows are counted by.
        has_header: Whether the first line of the chunks is none of the rows.
    """

    unit: str = "line"
    has_header: bool = False

    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Return the names of the dataset's columns in the order of the fields."""

    @abstractmethod
    def chunks(self) -> Generator[bytes]:
        """Yield CSV for COPY."""

    @abstractmethod
    def batches(self) -> Generator[list[Record]]:
        """Yield the rows below the header in batches of about a chunk each."""

    @abstractmethod
    def fault(self, record: Record) -> str:
        """Say what makes a row unreadable as a whole; empty when its fields can be told."""


class RowsMadePlain(Rows):
    """A file of which each row has to be made CSV as PostgreSQL reads it."""

    def chunks(self) -> Generator[bytes]:
        return joined(self.batches())

    def batches(self) -> Generator[list[Record]]:
        return batched(self._records())

    def fault(self, record: Record) -> str:
        return record.fault

    @abstractmethod
    def _records(self) -> Iterator[Record]:
        """Yield the rows, made plain where they have no fault."""
