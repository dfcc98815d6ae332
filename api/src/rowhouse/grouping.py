"""What an aggregate consists of: the columns that rows are grouped by, and what is told of each group."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from rowhouse.dataset import Column, ColumnType

_TIMES = (ColumnType.DATE, ColumnType.TIMESTAMP)
_NUMBERS = (ColumnType.INTEGER, ColumnType.NUMBER)
_ORDERED = (*_NUMBERS, *_TIMES, ColumnType.TEXT)


class Part(StrEnum):
    """What a time is cut down to. A week begins on Monday (ISO 8601)."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    HOUR = "hour"


class Function(StrEnum):
    """What is told of a group."""

    COUNT = "count"
    MIN = "min"
    MAX = "max"
    AVG = "avg"
    SUM = "sum"

    @property
    def meaning(self) -> str:
        """For clients, to be read before `of COLUMN`."""
        match self:
            case Function.COUNT:
                return "number of values that are not null"
            case Function.MIN:
                return "least value"
            case Function.MAX:
                return "greatest value"
            case Function.AVG:
                return "mean"
            case Function.SUM:
                return "sum"


def parts_of(column: Column) -> tuple[Part, ...]:
    """Return what values of the column can be cut down to."""
    if column.type is ColumnType.TIMESTAMP:
        return tuple(Part)
    return tuple(part for part in Part if part is not Part.HOUR) if column.type is ColumnType.DATE else ()


def functions_of(column: Column) -> tuple[Function, ...]:
    """Return what can be told of values of the column."""
    if column.type in _NUMBERS:
        return tuple(Function)
    return (Function.COUNT, Function.MIN, Function.MAX) if column.type in _ORDERED else (Function.COUNT,)


@dataclass(frozen=True)
class Group:
    """One thing that the rows of a group have in common: a column's value, or that cut down to a part of time."""

    column: Column
    part: Part | None = None

    @cached_property
    def result(self) -> Column:
        """The column of the answer."""
        name = f"{self.column.name}.{self.part}" if self.part else self.column.name
        return Column(name=name, type=self.column.type, unit=self.column.unit, required=self.column.required)


@dataclass(frozen=True)
class Measure:
    """One thing that is told of a group; without a column it is the number of rows."""

    function: Function
    column: Column | None = None

    def result(self, *, is_grouped: bool) -> Column:
        """Return the column of the answer. A group has rows, but without groups there may be none to tell of."""
        if self.function is Function.COUNT or self.column is None:
            name = f"{self.function}.{self.column.name}" if self.column else str(self.function)
            return Column(name=name, type=ColumnType.INTEGER, required=True)
        return Column(
            name=f"{self.function}.{self.column.name}",
            type=ColumnType.NUMBER if self.function is Function.AVG else self.column.type,
            unit=self.column.unit,
            required=self.column.required and is_grouped,
        )


@dataclass(frozen=True)
class Grouping:
    """An aggregate: one row for each group, or a single one for all rows when there is nothing to group by."""

    by: tuple[Group, ...]
    select: tuple[Measure, ...]

    @cached_property
    def key(self) -> tuple[Column, ...]:
        """The columns of the answer that tell groups apart."""
        return tuple(group.result for group in self.by)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the answer, in the order in which they were asked for."""
        return self.key + tuple(measure.result(is_grouped=bool(self.by)) for measure in self.select)
