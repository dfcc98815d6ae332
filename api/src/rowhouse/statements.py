"""From a `Query` to SQL. The text depends on a query's shape alone and is kept; the values go beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Double,
    FromClause,
    Numeric,
    Select,
    Text,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from rowhouse import keyset
from rowhouse.catalog import Catalog
from rowhouse.cursor import Cursor
from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.grouping import Function, Group, Grouping, Measure
from rowhouse.keyset import Place
from rowhouse.query import Filter, Operator, Order, Query

_KEPT_TEXTS = 1024


@dataclass(frozen=True)
class Statement:
    """SQL for psycopg2, whose `cursor.execute` and `cursor.mogrify` put the values in, quoted.

    Attributes:
        text: With placeholders such as %(f0)s.
        parameters: The value of each; some may be left over.
    """

    text: str
    parameters: Mapping[str, Any]


class Statements:
    """Writes the statements that ask about rows."""

    def __init__(self, catalog: Catalog, dialect: Dialect) -> None:
        """Take where the tables are, and whose SQL to write."""
        self._catalog = catalog
        self._dialect = dialect
        self._texts = lru_cache(maxsize=_KEPT_TEXTS)(self._write)
        self._row_texts = lru_cache(maxsize=_KEPT_TEXTS)(self._write_row)

    def page(self, version: int, query: Query) -> list[Statement]:
        """Ask for one page: each statement goes on where the one before has no more, and is needed only then.

        Asked for are the query's columns, and behind them those of its order that are not among them, which the next
        cursor needs. Whoever asks adds the parameter `limit`. JSON comes as text.
        """
        parameters = _parameters(query)
        return [Statement(text, parameters) for text in self._texts(_Shape(version, query)).pieces]

    def export(self, version: int, query: Query) -> Statement:
        """Ask for the query's columns of all its rows, whatever its limit; JSON comes as text."""
        return Statement(self._texts(_Shape(version, query)).export, _parameters(query))

    def count(self, version: int, query: Query) -> Statement:
        """Ask for how many rows the query has on all pages."""
        return Statement(self._texts(_Shape(version, query)).count, _parameters(query))

    def plan(self, version: int, query: Query) -> Statement:
        """Ask for the plan of a query for all pages, as JSON."""
        return Statement(self._texts(_Shape(version, query)).plan, _parameters(query))

    def row(self, dataset: Dataset, version: int, key: object) -> Statement:
        """Ask for the row with this key."""
        return Statement(self._row_texts(dataset, version), {"key": key})

    def _write_row(self, dataset: Dataset, version: int) -> str:
        table = self._catalog.table(dataset, version)
        key = table.c[dataset.key.name]
        statement = select(*(shown(column, table.c[column.name]) for column in dataset.columns))
        return self._compile(statement.where(key == bind("key", key)))

    def _write(self, shape: "_Shape") -> "_Texts":
        query = shape.query
        table = self._catalog.table(query.dataset, shape.version)
        filters = [_condition(table.c[item.column.name], item, f"f{i}") for i, item in enumerate(query.filters)]
        source = _Source(table, dict(table.c), filters)
        if query.grouping:
            source = _grouped(source, query.grouping)
        every: Select[Any] = source.select(literal_column("1"))
        return _Texts(
            [self._compile(piece) for piece in _pieces(source, query)],
            self._compile(_export(source, query)),
            self._compile(source.select(func.count())),
            "EXPLAIN (FORMAT JSON) " + self._compile(every),
        )

    def _compile(self, statement: Select[Any]) -> str:
        return str(statement.compile(dialect=self._dialect))


@dataclass(frozen=True)
class _Texts:
    pieces: Sequence[str]
    export: str
    count: str
    plan: str


@dataclass(frozen=True)
class _Source:
    """What rows are taken from: the table of a version, or the groups that are made of it."""

    table: FromClause
    columns: Mapping[str, ColumnElement[Any]]
    filters: Sequence[ColumnElement[bool]]

    def select(self, *expressions: ColumnElement[Any]) -> Select[Any]:
        return select(*expressions).select_from(self.table).where(*self.filters)


class _Shape:
    """A query of a version, equal to all those that differ only in values."""

    def __init__(self, version: int, query: Query) -> None:
        # All revisions of a writable dataset are asked in the same words.
        self.version = 0 if query.dataset.writable else version
        self.query = query

    @cached_property
    def _features(self) -> tuple[object, ...]:
        query = self.query
        return (
            self.version,
            query.dataset.name,
            # IS NULL or IS NOT NULL: there the value is part of the text.
            tuple((f.column.name, f.operator, f.operator is Operator.ISNULL and f.value) for f in query.filters),
            tuple(column.name for column in query.fields),
            tuple((item.column.name, item.descending) for item in query.order),
            query.cursor and tuple(value is None for value in query.cursor.values),
            query.grouping and tuple(column.name for column in query.grouping.columns),
            query.grouping and len(query.grouping.by),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shape) and self._features == other._features

    def __hash__(self) -> int:
        return hash(self._features)


def _parameters(query: Query) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for i, item in enumerate(query.filters):
        parameters[f"f{i}"] = list(item.value) if isinstance(item.value, tuple) else item.value
    if query.cursor:
        parameters |= {f"a{i}": value for i, value in enumerate(query.cursor.values)}
    return parameters


def _pieces(source: _Source, query: Query) -> list[Select[Any]]:
    hidden = [item.column for item in query.order if item.column not in query.columns]
    page = _ordered(source, query, [*query.columns, *hidden]).limit(bindparam("limit"))
    if not query.cursor:
        return [page]
    behind = _behind(source, query.order, query.cursor)
    # To make groups costs more than to look through them, and so they are made once.
    return [page.where(_any(behind))] if query.grouping else [page.where(piece) for piece in behind]


def _export(source: _Source, query: Query) -> Select[Any]:
    statement = _ordered(source, query, query.columns)
    return statement.where(_any(_behind(source, query.order, query.cursor))) if query.cursor else statement


def _ordered(source: _Source, query: Query, columns: Iterable[Column]) -> Select[Any]:
    order = [(source.columns[item.column.name], item.descending) for item in query.order]
    statement = source.select(*(shown(column, source.columns[column.name]) for column in columns))
    return statement.order_by(*(column.desc() if descending else column.asc() for column, descending in order))


def _behind(source: _Source, order: Sequence[Order], cursor: Cursor) -> list[ColumnElement[bool]]:
    places = []
    for i, (item, value) in enumerate(zip(order, cursor.values, strict=True)):
        column = source.columns[item.column.name]
        bound = None if value is None else bind(f"a{i}", column)
        places.append(Place(column, item.descending, not item.column.required, bound))
    return keyset.behind(places)


def _any(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    return or_(false(), *conditions)


def shown(column: Column, expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """JSON is taken as PostgreSQL writes it: to read it and write it again would cost time and digits."""
    return cast(expression, Text).label(column.name) if column.type is ColumnType.JSON else expression


def bind(name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a parameter as what the column is: a literal of another type would keep an index from being used."""
    # A text needs no cast, which would bring a collation along.
    return bindparam(name) if isinstance(column.type, Text) else cast(bindparam(name), column.type)


def _condition(column: ColumnElement[Any], item: Filter, name: str) -> ColumnElement[bool]:
    value = bind(name, column)
    match item.operator:
        case Operator.EQ:
            return column == value
        case Operator.NE:
            return column != value
        case Operator.LT:
            return column < value
        case Operator.LTE:
            return column <= value
        case Operator.GT:
            return column > value
        case Operator.GTE:
            return column >= value
        case Operator.IN:
            # The column's own type may bring a collation along, which an array cannot have.
            kind = Text() if isinstance(column.type, Text) else column.type
            return column == func.any(cast(bindparam(name), ARRAY(kind)))
        case Operator.CONTAINS:
            # Unlike LIKE it knows no signs with a meaning.
            return func.strpos(column, value) > literal_column("0")
        case Operator.STARTSWITH:
            return column.op("^@", is_comparison=True)(value)
        case Operator.ISNULL:
            return column.is_(None) if item.value else column.is_not(None)


def _grouped(source: _Source, grouping: Grouping) -> _Source:
    groups = [_group(source, group) for group in grouping.by]
    expressions = [*groups, *(_measure(source, measure) for measure in grouping.select)]
    # Not by their names, which may be longer than PostgreSQL's.
    labels = [f"c{i}" for i in range(len(expressions))]
    labelled = [expression.label(label) for expression, label in zip(expressions, labels, strict=True)]
    made = source.select(*labelled).group_by(*groups).subquery("aggregate")
    names = [column.name for column in grouping.columns]
    return _Source(made, {name: made.c[label] for name, label in zip(names, labels, strict=True)}, [])


def _group(source: _Source, group: Group) -> ColumnElement[Any]:
    column = source.columns[group.column.name]
    if group.part is None:
        return column
    part: ColumnElement[str] = literal_column(f"'{group.part}'")
    if group.column.type is ColumnType.DATE:
        return cast(func.date_trunc(part, cast(column, DateTime(timezone=False))), Date)
    return func.date_trunc(part, column, literal_column("'UTC'"), type_=DateTime(timezone=True))


def _measure(source: _Source, measure: Measure) -> ColumnElement[Any]:
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
