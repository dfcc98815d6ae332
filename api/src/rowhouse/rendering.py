"""Has PostgreSQL write rows as the text of a format: expressions over the columns of a SELECT, by their places.

A row that comes as one text costs this program a tenth of one whose values become objects here.
"""

from collections.abc import Callable, Sequence

import orjson

from rowhouse.dataset import Column, ColumnType

# As `dump` writes times: digits of a second only where there are any.
_TIMESTAMP = """replace(to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000Z', 'Z')"""
_CSV_CELLS = {ColumnType.TIMESTAMP: _TIMESTAMP, ColumnType.BOOLEAN: "CAST({0} AS text)"}
_JSON_VALUES = {
    ColumnType.TEXT: "CAST(to_json({0}) AS text)",
    ColumnType.DATE: "'\"' || CAST({0} AS text) || '\"'",
    ColumnType.TIMESTAMP: f"'\"' || {_TIMESTAMP} || '\"'",
    ColumnType.JSON: "{0}",
}
_JSON_VALUE = "CAST({0} AS text)"

type Expressions = Callable[[Sequence[Column]], str]


def csv_cells(columns: Sequence[Column]) -> str:
    """Return an expression for each column, which COPY writes as CSV."""
    return ", ".join(_CSV_CELLS.get(column.type, "{0}").format(place(i)) for i, column in enumerate(columns))


def json_object(columns: Sequence[Column]) -> str:
    """Return an expression for the JSON object that is a row; columns of the type json come as text."""
    # Cheaper than row_to_json, and no name is cut at the 63 bytes of an identifier.
    members = []
    for i, column in enumerate(columns):
        value = _JSON_VALUES.get(column.type, _JSON_VALUE).format(place(i))
        name = f"'{',' if i else '{'}{_literal(column.name)}:'"
        members.append(f"{name} || {value if column.required else f"coalesce({value}, 'null')"}")
    return " || ".join(members) + " || '}'"


def rendered(text: str, columns: int, expressions: str) -> str:
    """Return the SELECT of expressions over another, which has so many columns; its placeholders and order stay."""
    # They are named by their places.
    names = ", ".join(map(place, range(columns)))
    return f"SELECT {expressions} FROM ({text}) AS selected ({names})"  # noqa: S608 - no value, no name as it is


def place(i: int) -> str:
    """Return what the column at a place is called."""
    return f"c{i}"


def _literal(name: str) -> str:
    """Return a name as a JSON string inside a literal of SQL; names have no percent signs, see dataset.py."""
    return orjson.dumps(name).decode().replace("'", "''")
