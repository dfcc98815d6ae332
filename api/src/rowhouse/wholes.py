"""The statement of an export: every row of a version, in the order of the key."""

from typing import Any

from sqlalchemy import Dialect, Select, Table, Text, bindparam, cast, select

from rowhouse.catalog import Catalog
from rowhouse.dataset import ColumnType, Dataset
from rowhouse.extraction import Source
from rowhouse.query import Query


def selected(dataset: Dataset, table: Table) -> Select[Any]:
    """Ask for all columns. JSON is taken as PostgreSQL writes it: to read and write it again would cost digits."""
    return select(
        *(
            cast(table.c[column.name], Text).label(column.name)
            if column.type is ColumnType.JSON
            else table.c[column.name]
            for column in dataset.columns
        )
    )


def whole(catalog: Catalog, dialect: Dialect, dataset: Dataset, version: int, query: Query) -> Source:
    """Ask for all rows of a query, whatever its limit, from behind its cursor on."""
    table = catalog.table(dataset, version)
    key = table.c[dataset.key.name]
    statement = selected(dataset, table).order_by(key)
    if query.cursor is None:
        return Source(str(statement.compile(dialect=dialect)), {})
    return Source(str(statement.where(key > bindparam("key")).compile(dialect=dialect)), {"key": query.cursor.after})
