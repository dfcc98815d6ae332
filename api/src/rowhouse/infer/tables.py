"""A sample of a file's rows, whatever the file: headers, and the values below each."""

from collections import Counter
from dataclasses import dataclass, field

from rowhouse.infer.dialects import Dialect

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

    def without(self, words: frozenset[str]) -> "Cells":
        """Return the same with these values taken as missing."""
        counts = Counter({value: count for value, count in self.counts.items() if value not in words})
        missing = self.missing + self.counts.total() - counts.total()
        return Cells(self.header, counts, self.lines, missing, self.kinds)


@dataclass(frozen=True)
class Table:
    """A sample of a file's rows.

    Attributes:
        columns: In the file's order.
        rows: How many were seen.
        complete: Whether those are all.
        dialect: Of CSV; None for JSON.
        notes: What a person should know of rows that a load will not take.
    """

    columns: tuple[Cells, ...]
    rows: int
    complete: bool
    dialect: Dialect | None
    notes: tuple[str, ...]
