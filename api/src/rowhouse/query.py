"""What a client asks of a dataset, as data: checked, typed, and with one normal form as a query string."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from urllib.parse import urlencode

from rowhouse.cursor import Cursor
from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.grouping import Grouping
from rowhouse.values import Value, format_value

DEFAULT_LIMIT = 100
MAXIMUM_LIMIT = 1000


class Operator(StrEnum):
    """How a column is compared; what stands behind `COLUMN__` in a parameter's name, nothing for `eq`."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    CONTAINS = "contains"
    STARTSWITH = "startswith"
    ISNULL = "isnull"

    @property
    def meaning(self) -> str:
        """For clients, the rest of a sentence about a value of a row."""
        match self:
            case Operator.EQ:
                return "equals this"
            case Operator.NE:
                return "differs from this; a null does not"
            case Operator.LT:
                return "is less than this"
            case Operator.LTE:
                return "is less than this or equals it"
            case Operator.GT:
                return "is greater than this"
            case Operator.GTE:
                return "is greater than this or equals it"
            case Operator.IN:
                return "equals one of these, which have commas between"
            case Operator.CONTAINS:
                return "contains this text, in the same case"
            case Operator.STARTSWITH:
                return "starts with this text, in the same case"
            case Operator.ISNULL:
                return "is null (`true`) or is not (`false`)"


_TEXT_ONLY = (Operator.CONTAINS, Operator.STARTSWITH)
_BOOLEAN = (Operator.EQ, Operator.NE, Operator.ISNULL)


def operators_of(column: Column) -> tuple[Operator, ...]:
    """Return how values of the column can be compared."""
    if column.type is ColumnType.BOOLEAN:
        return _BOOLEAN
    return tuple(operator for operator in Operator if column.type is ColumnType.TEXT or operator not in _TEXT_ONLY)


class Count(StrEnum):
    """How a filtered selection is counted."""

    EXACT = "exact"
    ESTIMATED = "estimated"


@dataclass(frozen=True)
class Filter:
    """A condition that rows fulfil; one on a null is never fulfilled, but for `isnull`.

    Attributes:
        value: Of the column's type; a boolean for `isnull`; several values for `in`.
    """

    column: Column
    operator: Operator
    value: Value | tuple[Value, ...]

    @property
    def parameter(self) -> str:
        """The parameter's name in a query string."""
        return filter_parameter(self.column, self.operator)

    @property
    def text(self) -> str:
        """The parameter's value in a query string."""
        if not isinstance(self.value, tuple):
            return format_value(self.value)
        record = io.StringIO()
        csv.writer(record, lineterminator="\r\n").writerow([format_value(value) for value in self.value])
        return record.getvalue().removesuffix("\r\n")


@dataclass(frozen=True)
class Order:
    """One column to sort by; nulls are greater than all values."""

    column: Column
    descending: bool = False

    def __str__(self) -> str:
        """Return it as it stands in `sort`."""
        return f"{'-' if self.descending else ''}{self.column.name}"


@dataclass(frozen=True)
class Query:
    """A selection of a dataset's rows, or of an aggregate's.

    Attributes:
        filters: Conditions that all have to hold.
        fields: The columns to show; none means all.
        sort: What to sort by first, without what `order` adds anyway.
        limit: Rows on a page; None is all of them.
        cursor: Behind which row to start.
        count: Whether to count what the filters leave.
        grouping: What to make of the rows, None to have them as they are.
    """

    dataset: Dataset
    filters: tuple[Filter, ...] = ()
    fields: tuple[Column, ...] = ()
    sort: tuple[Order, ...] = ()
    limit: int | None = DEFAULT_LIMIT
    cursor: Cursor | None = None
    count: Count | None = None
    grouping: Grouping | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the answer."""
        if self.grouping:
            return self.grouping.columns
        return self.fields or self.dataset.columns

    @property
    def key(self) -> tuple[Column, ...]:
        """The columns of which no two rows of the answer have the same values."""
        return self.grouping.key if self.grouping else (self.dataset.key,)

    @property
    def is_whole(self) -> bool:
        """Whether it is about all rows of the dataset, whose number is known."""
        return not (self.filters or self.grouping)

    @cached_property
    def order(self) -> tuple[Order, ...]:
        """What to sort by, so that no two rows are equal."""
        return total_order(self.sort, self.key)

    def encode(self) -> str:
        """Return the query string in its one normal form: equal queries have equal texts."""
        return self._encode(self.cursor)

    def encode_after(self, cursor: Cursor) -> str:
        """Return the query string for the page that starts behind `cursor`."""
        return self._encode(cursor)

    def _encode(self, cursor: Cursor | None) -> str:
        # In base64 for URLs, which needs no escapes.
        parts = {**self._parts, "cursor": f"cursor={cursor.encode()}"} if cursor else self._parts
        return "&".join([parts[name] for name in sorted(parts)])

    @cached_property
    def _parts(self) -> dict[str, str]:
        """All parameters but the cursor as they stand in a URL, by their names."""
        parameters = {condition.parameter: condition.text for condition in self.filters}
        if self.grouping:
            names = [column.name for column in self.columns]
            groups = len(self.grouping.by)
            parameters |= {"group_by": ",".join(names[:groups]), "select": ",".join(names[groups:])}
        parameters |= {
            "fields": ",".join(column.name for column in self.fields),
            "sort": order_text(self.sort),
            "limit": "" if self.limit is None else str(self.limit),
            "count": self.count or "",
        }
        filters = {condition.parameter for condition in self.filters}
        # What RFC 3986 allows in a query and people like to read.
        return {
            name: urlencode([(name, text)], safe=",:") for name, text in parameters.items() if text or name in filters
        }


def filter_parameter(column: Column, operator: Operator) -> str:
    """Name the parameter that filters by a column."""
    return column.name if operator is Operator.EQ else f"{column.name}__{operator}"


def order_text(order: Iterable[Order]) -> str:
    """Return an order as `sort` says it; what a cursor remembers."""
    return ",".join(map(str, order))


def total_order(sort: tuple[Order, ...], key: tuple[Column, ...]) -> tuple[Order, ...]:
    """Return an order in which no two rows are equal, as the key is part of it.

    The key goes on in the direction of the last column, so that one index serves both: it is walked one way.
    """
    missing = list(key)
    order = []
    for item in sort:
        if not missing and key:
            # Nothing is equal any more, so that nothing behind it matters.
            break
        order.append(item)
        if item.column in missing:
            missing.remove(item.column)
    descending = bool(order) and order[-1].descending
    return (*order, *(Order(column, descending) for column in missing))


def shortest_sort(sort: tuple[Order, ...], key: tuple[Column, ...]) -> tuple[Order, ...]:
    """Return the beginning of a sort that orders as all of it does."""
    order = total_order(sort, key)
    for length in range(len(order)):
        if total_order(order[:length], key) == order:
            return order[:length]
    return order
