"""What a value must fulfil beyond its type: what PostgreSQL takes, but dataset.yml, or JSON, does not."""

from collections.abc import Iterator
from dataclasses import dataclass

from rowhouse.dataset import Column, ColumnType


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        reason: Said of a value that breaks it, to be read behind the value.
        condition: SQL that holds for such a value, which stands for {0}.
    """

    reason: str
    condition: str

    def broken_by(self, cell: str) -> str:
        """Return the condition on an SQL expression of the column's type."""
        return self.condition.format(cell)


MISSING = Rule("is missing, but the column is required", "{0} IS NULL")
_YEARS = Rule("lies outside the years 1 to 9999", "({0} < '0001-01-01' OR {0} >= '10000-01-01')")
BY_TYPE = {
    ColumnType.NUMBER: Rule("is not a number that JSON can say", "{0} IN ('NaN', 'Infinity', '-Infinity')"),
    ColumnType.DATE: _YEARS,
    ColumnType.TIMESTAMP: _YEARS,
}


def rules(column: Column) -> Iterator[Rule]:
    """Yield the rules for a column's values."""
    if column.required:
        yield MISSING
    if column.type in BY_TYPE:
        yield BY_TYPE[column.type]
