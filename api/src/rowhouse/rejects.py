"""Rows of a file that cannot be taken: how they are told of, and where they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, insert, literal, select

_SHOWN_VALUE_CHARACTERS = 60
_SHOWN_REASON_CHARACTERS = 200
_SHOWN_ROW_CHARACTERS = 120


@dataclass(frozen=True)
class Reject:
    """A row that cannot be taken.

    Attributes:
        line: Where it begins in the file, from 1.
        column: The first that is wrong; None when the row as a whole is.
        value: Its text in the file; None when it is empty.
        reason: What is wrong, to be read behind the value.
        raw: The row as it lies in the file, or its beginning.
        unit: What rows are counted by: lines, or the items of a JSON array.
    """

    line: int
    column: str | None
    value: str | None
    reason: str
    raw: str
    unit: str

    def __str__(self) -> str:
        """Return one line."""
        where = f"{self.unit} {self.line}"
        what = "the row"
        if self.column:
            where += f", column {self.column}"
            what = "the value" if self.value is None else _short(self.value, _SHOWN_VALUE_CHARACTERS)
        reason = " ".join(self.reason.split())[:_SHOWN_REASON_CHARACTERS]
        end = "" if reason.endswith("?") else "."
        return f"{where}: {what} {reason}{end} Row: {_short(self.raw, _SHOWN_ROW_CHARACTERS)}"


@dataclass(frozen=True)
class Rejects:
    """The rejects of one file.

    Attributes:
        count: How many there are.
        first: The first of them, in the order of the file.
    """

    count: int
    first: Sequence[Reject]

    def __str__(self) -> str:
        """Return a line each, and one for those that are not named."""
        lines = [str(reject) for reject in self.first]
        if self.count > len(self.first):
            lines.append(f"and {self.count - len(self.first)} more like these.")
        return "\n".join(lines)


def keep_rejects(connection: Connection, table: Table, version: int) -> None:
    """Copy what the sieve rejected in this transaction into a table that has the version's number too."""
    columns = reject_table().columns
    source = select(literal(version), *columns)
    connection.execute(insert(table).from_select(["version", *columns.keys()], source))


def reject_table() -> Table:
    """Describe where the rejects of one load are gathered, until its transaction ends."""
    texts = [Column(name, Text) for name in ("column", "value", "reason", "raw")]
    return temporary("sieve_reject", Column("line", BigInteger), *texts)


def temporary(name: str, *columns: Column[Any]) -> Table:
    """Describe a table that ends with the transaction."""
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def _short(text: str, characters: int) -> str:
    """Return the text in quotes and on one line."""
    return repr(text if len(text) <= characters else text[:characters] + "…")
