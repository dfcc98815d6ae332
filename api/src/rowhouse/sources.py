"""What a statement takes its rows from: the table of a version, or the groups that are made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Double,
    FromClause,
    Numeric,
    Select,
    cast,
    func,
    literal_column,
    select,
)

from rowhouse.dataset import ColumnType
from rowhouse.grouping import Function, Group, Grouping, Measure


@dataclass(frozen=True)
class Source:
    """What rows are taken from: the table of a version, or the groups that are made of it."""

    table: FromClause
    columns: Mapping[str, ColumnElement[Any]]
    filters: Sequence[ColumnElement[bool]]

    def select(self, *expressions: ColumnElement[Any]) -> Select[Any]:
        """Select of the rows that the filters leave."""
        return select(*expressions).select_from(self.table).where(*self.filters)


def grouped(source: Source, grouping: Grouping) -> Source:
    """Return the groups that are made of rows."""
    groups = [_group(source, group) for group in grouping.by]
    expressions = [*groups, *(_measure(source, measure) for measure in grouping.select)]
    # Not by their names, which may be longer than PostgreSQL's.
    labels = [f"c{i}" for i in range(len(expressions))]
    labelled = [expression.label(label) for expression, label in zip(expressions, labels, strict=True)]
    made = source.select(*labelled).group_by(*groups).subquery("aggregate")
    names = [column.name for column in grouping.columns]
    return Source(made, {name: made.c[label] for name, label in zip(names, labels, strict=True)}, [])


def _group(source: Source, group: Group) -> ColumnElement[Any]:
    column = source.columns[group.column.name]
    if group.part is None:
        return column
    part: ColumnElement[str] = literal_column(f"'{group.part}'")
    if group.column.type is ColumnType.DATE:
        return cast(func.date_trunc(part, cast(column, DateTime(timezone=False))), Date)
    return func.date_trunc(part, column, literal_column("'UTC'"), type_=DateTime(timezone=True))


def _measure(source: Source, measure: Measure) -> ColumnElement[Any]:
    if measure.column is None:
        return func.count()
    column = source.columns[measure.column.name]
    match measure.function:
        case Function.COUNT:
            return func.count(column)
        case Function.MIN:
            return func.min(column)
        case Function.MAX:
            return func.max(column)
        case Function.AVG:
            # PostgreSQL's own mean has 16 digits for integers, one less than a number needs, and makes squares of
            # numbers, which may be too large.
            return cast(func.sum(column), Double) / cast(func.count(column), Double)
        case Function.SUM:
            # Of integers it is exact and may have more than 64 bits.
            return func.sum(column, type_=Numeric() if measure.column.type is ColumnType.INTEGER else Double())
