"""A sample of a file's rows, whatever the file: headers, and the values below each."""

from collections import Counter
from dataclasses import dataclass, field

# As many as make types and keys likely; a load looks at all.
MOST_ROWS = 100_000


@dataclass
class Cells:
    """What was seen of one column.

    Attributes:
        header: Its name in the file.
        counts: How many rows have each value that is there, as text.
        lines: Where each value was seen first, and where a second time; 0 where that cannot be told.
        missing: How many rows have none.
        kinds: What JSON says the values are; CSV says nothing.
    """

    header: str
    counts: Counter[str] = field(default_factory=Counter)
    lines: dict[str, tuple[int, ...]] = field(default_factory=dict)
    missing: int = 0
    kinds: set[str] = field(default_factory=set)

    def add(self, value: str | None, line: int) -> None:
        """Take the value of the next row; None where there is none."""
        if value is None:
            self.missing += 1
            return
        self.counts[value] += 1
        if self.counts[value] <= 2:
            self.lines[value] = (*self.lines.get(value, ()), line)


@dataclass(frozen=True)
class Table:
    """A sample of a file's rows.

    Attributes:
        columns: In the file's order.
        rows: How many were seen.
        complete: Whether those are all.
        delimiter: Of CSV; empty for JSON.
        notes: What a person should know of rows that a load will not take.
    """

    columns: tuple[Cells, ...]
    rows: int
    complete: bool
    delimiter: str
    notes: tuple[str, ...]
