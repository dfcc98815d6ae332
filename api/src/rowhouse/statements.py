"""From a `Query` to SQL. The text depends on a query's shape alone and is kept; the values go beside it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Select,
    Text,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from rowhouse import keyset
from rowhouse.catalog import Catalog
from rowhouse.cursor import Cursor
from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.keyset import Place
from rowhouse.query import Filter, Operator, Order, Query
from rowhouse.rendering import json_object, place, rendered
from rowhouse.sources import Source, grouped
from rowhouse.steady import Steady, steady

_KEPT_TEXTS = 1024
_COMPARISONS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQ: eq,
    Operator.NE: ne,
    Operator.LT: lt,
    Operator.LTE: le,
    Operator.GT: gt,
    Operator.GTE: ge,
}


@dataclass(frozen=True)
class Statement:
    """SQL for psycopg2, whose `cursor.execute` and `cursor.mogrify` put the values in, quoted.

    Attributes:
        text: With placeholders such as %(f0)s.
        parameters: The value of each; some may be left over.
        is_steady: Whether one plan of it is good for all values.
    """

    text: str
    parameters: Mapping[str, Any]
    is_steady: bool = False


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
        parameters, texts = _parameters(query), self._texts(_Shape(version, query))
        return [Statement(text, parameters, texts.is_steady) for text in texts.pieces]

    def objects(self, version: int, query: Query) -> list[Statement]:
        """Ask for one page like `page`, with each row as the text of a JSON object, and behind it the query's order."""
        parameters, texts = _parameters(query), self._texts(_Shape(version, query))
        return [Statement(text, parameters, texts.is_steady) for text in texts.objects]

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
        """Ask for the row with this key, as the text of a JSON object."""
        return Statement(self._row_texts(dataset, version), {"key": key}, is_steady=True)

    def _write_row(self, dataset: Dataset, version: int) -> str:
        table = self._catalog.table(dataset, version)
        key = table.c[dataset.key.name]
        statement = select(*(shown(column, table.c[column.name]) for column in dataset.columns))
        text = self._compile(statement.where(key == bind("key", key)))
        return rendered(text, len(dataset.columns), json_object(dataset.columns))

    def _write(self, shape: "_Shape") -> "_Texts":
        query = shape.query
        table = self._catalog.table(query.dataset, shape.version)
        filters = [_condition(table.c[item.column.name], item, f"f{i}") for i, item in enumerate(query.filters)]
        source = Source(table, dict(table.c), filters)
        if query.grouping:
            source = grouped(source, query.grouping)
        every: Select[Any] = source.select(literal_column("1"))
        run = steady(query)
        pieces = [
            self._compile(piece) for piece in (_pieces(source, query) if run is None else _run(source, query, run))
        ]
        return _Texts(
            run is not None,
            pieces,
            [_objects(piece, query) for piece in pieces],
            self._compile(_export(source, query)),
            self._compile(source.select(func.count())),
            "EXPLAIN (FORMAT JSON) " + self._compile(every),
        )

    def _compile(self, statement: Select[Any]) -> str:
        return str(statement.compile(dialect=self._dialect))


@dataclass(frozen=True)
class _Texts:
    is_steady: bool
    pieces: Sequence[str]
    objects: Sequence[str]
    export: str
    count: str
    plan: str


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


def asked_columns(query: Query) -> list[Column]:
    """Return what is asked for of a page's rows: the query's columns, and behind them what else the next page needs."""
    return [*query.columns, *(item.column for item in query.order if item.column not in query.columns)]


def _pieces(source: Source, query: Query) -> list[Select[Any]]:
    page = _ordered(source, query.order, asked_columns(query)).limit(bindparam("limit"))
    if not query.cursor:
        return [page]
    behind = keyset.behind(_places(source, query.order, query.cursor))
    # To make groups costs more than to look through them, and so they are made once.
    return [page.where(_any(behind))] if query.grouping else [page.where(piece) for piece in behind]


def _objects(text: str, query: Query) -> str:
    """Return the SELECT of JSON objects over that of a page, which has the rows of no other page to write."""
    columns = asked_columns(query)
    order = [place(columns.index(item.column)) for item in query.order]
    return rendered(text, len(columns), ", ".join([json_object(query.columns), *order]))


def _run(source: Source, query: Query, run: Steady) -> list[Select[Any]]:
    """Return the pieces of a page that is a range of one index, with all that bounds it as bounds of the index."""
    if run.lead is None:
        return _pieces(source, query)
    lead, key = source.columns[run.lead.column.name], source.columns[query.dataset.key.name]
    value = bind(f"f{query.filters.index(run.lead)}", lead)
    order = Order(run.lead.column, query.order[0].descending)
    bounds = [lead >= value, lead <= value]
    for i, item in enumerate(query.filters):
        if item is not run.lead:
            bounds.append(_compared(tuple_(lead, key), item.operator, tuple_(value, bind(f"f{i}", key))))
    if query.cursor:
        first = Place(lead, order.descending, nullable=False, value=value)
        bounds += keyset.behind([first, *_places(source, query.order, query.cursor)])
    bounded = replace(source, filters=bounds)
    return [_ordered(bounded, [order, *query.order], asked_columns(query)).limit(bindparam("limit"))]


def _export(source: Source, query: Query) -> Select[Any]:
    statement = _ordered(source, query.order, query.columns)
    if not query.cursor:
        return statement
    return statement.where(_any(keyset.behind(_places(source, query.order, query.cursor))))


def _ordered(source: Source, order: Iterable[Order], columns: Iterable[Column]) -> Select[Any]:
    by = [(source.columns[item.column.name], item.descending) for item in order]
    statement = source.select(*(shown(column, source.columns[column.name]) for column in columns))
    return statement.order_by(*(column.desc() if descending else column.asc() for column, descending in by))


def _places(source: Source, order: Sequence[Order], cursor: Cursor) -> list[Place]:
    places = []
    for i, (item, value) in enumerate(zip(order, cursor.values, strict=True)):
        column = source.columns[item.column.name]
        bound = None if value is None else bind(f"a{i}", column)
        places.append(Place(column, item.descending, not item.column.required, bound))
    return places


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
        case operator:
            return _compared(column, operator, value)


def _compared(column: Any, operator: Operator, value: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = _COMPARISONS[operator](column, value)
    return condition
