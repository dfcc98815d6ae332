"""What a value must fulfil beyond its type: what PostgreSQL takes, but dataset.yml, JSON or an index does not.

Both ways of loading ask here, so that a row is taken or refused alike.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rowhouse.dataset import Column, ColumnType, Dataset, Value

_SHOWN_CHARACTERS = 100

# A B-tree takes at most 2,704 bytes a row: those of a column of `filters` and of the key behind it.
INDEXED_BYTES = 1000


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        reason: Said of a value that breaks it, to be read behind the value.
        condition: SQL that holds for such a value, which stands for {0}, and the rule's own value for {1}.
        value: What the value is compared with.
    """

    reason: str
    condition: str
    value: Value | list[Value] | None = None


class Terms:
    """SQL of rules, with the values in it as bound parameters.

    Attributes:
        values: By the names of their placeholders, for SQLAlchemy's text().
    """

    def __init__(self) -> None:
        """Begin with no value."""
        self.values: dict[str, object] = {}

    def bind(self, value: object) -> str:
        """Return the placeholder that stands for the value."""
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def broken(self, rule: Rule, cell: str) -> str:
        """Return the condition under which an SQL expression of the column's type breaks the rule."""
        return rule.condition.format(cell, "" if rule.value is None else self.bind(rule.value))


MISSING = Rule("is missing, but the column is required", "{0} IS NULL")
_YEARS = Rule("lies outside the years 1 to 9999", "({0} < '0001-01-01' OR {0} >= '10000-01-01')")
_BY_TYPE = {
    ColumnType.NUMBER: Rule("is not a number that JSON can say", "{0} IN ('NaN', 'Infinity', '-Infinity')"),
    ColumnType.DATE: _YEARS,
    ColumnType.TIMESTAMP: _YEARS,
}


def rules(dataset: Dataset, column: Column) -> Iterator[Rule]:
    """Yield the rules for the values of a column, but for `unique`, which is about several rows."""
    if column.required:
        yield MISSING
    if column.type in _BY_TYPE:
        yield _BY_TYPE[column.type]
    if column.type is ColumnType.TEXT and is_indexed(dataset, column):
        yield Rule(
            f"is longer than {INDEXED_BYTES} bytes, too long for a key, for filters or for unique values",
            f"octet_length({{0}}) > {INDEXED_BYTES}",
        )
    if column.minimum is not None:
        yield Rule(f"is less than the minimum {column.minimum} (rule minimum)", "{0} < {1}", column.minimum)
    if column.maximum is not None:
        yield Rule(f"is greater than the maximum {column.maximum} (rule maximum)", "{0} > {1}", column.maximum)
    if column.enum:
        reason = f"is none of {_listed(column.enum)} (rule enum)"
        yield Rule(reason, "{0} <> ALL ({1})", list(column.enum))
    if column.pattern:
        reason = f"does not match {_cut(column.pattern)} (rule pattern)"
        yield Rule(reason, "{0} !~ {1}", whole(column.pattern))


def is_indexed(dataset: Dataset, column: Column) -> bool:
    """Tell whether the column has an index; that no two are equal, loads see by sets, and writes need one for."""
    return column in (dataset.key, *dataset.filters) or (dataset.writable and column.unique)


def broken(dataset: Dataset, terms: Terms, cell: Callable[[Column], str]) -> str:
    """Return the condition under which a row breaks a rule; empty when there are none but that a value must be there.

    Args:
        dataset: Whose rules.
        terms: Takes the values.
        cell: Returns SQL of the column's type that stands for its value.
    """
    conditions = [
        terms.broken(rule, cell(column))
        for column in dataset.columns
        for rule in rules(dataset, column)
        if rule is not MISSING
    ]
    return " OR ".join(conditions)


def unique_columns(dataset: Dataset) -> Iterator[tuple[Column, str]]:
    """Yield the columns whose values no two rows may share, and what a row is that has one again."""
    yield dataset.key, "is the key of {0} already"
    for column in dataset.columns:
        if column.unique and column != dataset.key:
            yield column, "is there in {0} already (rule unique)"


def whole(pattern: str) -> str:
    """Return the regular expression that the whole value must match."""
    return f"^(?:{pattern})$"


def _listed(values: Iterable[Value]) -> str:
    return _cut(", ".join(str(value) for value in values))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
