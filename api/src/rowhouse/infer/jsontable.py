"""A sample of JSON: an array of objects, or an object a line."""

import json
import re
from collections.abc import Iterator
from typing import NoReturn

from rowhouse.errors import InspectionError
from rowhouse.infer.source import Source
from rowhouse.infer.tables import MOST_ROWS, Cells, Table
from rowhouse.infer.values import is_storable_json

# What cannot be read this near to the end of a sample may be cut.
_LONGEST_ROW = 1 << 20
# PostgreSQL's tables end at 1600.
_MOST_COLUMNS = 1000
_SPACE = re.compile(r"[ \t\r\n]*")


def read_json(source: Source, *, as_lines: bool) -> Table:
    """Read the sample of a JSON file.

    Raises:
        InspectionError: It is not JSON, has no rows, or its rows are no objects.
    """
    columns: dict[str, Cells] = {}
    rows = 0
    for line, row in _rows(source, as_lines=as_lines):
        if not isinstance(row, dict):
            shown = json.dumps(row, ensure_ascii=False)[:40]
            raise InspectionError(
                f'{source.path}: line {line}: a row must be an object like {{"column": 1}}, not {shown}.'
            )
        for name in row:
            if name not in columns:
                columns[name] = Cells(name, missing=rows)
        for name, cells in columns.items():
            _add(cells, row.get(name), line)
        if len(columns) > _MOST_COLUMNS or "" in columns:
            what = "a member without a name" if "" in columns else f"more than {_MOST_COLUMNS} different members"
            raise InspectionError(f"{source.path}: line {line}: the rows up to here have {what}. Give each a column.")
        rows += 1
        if rows == MOST_ROWS:
            break
    if not columns:
        raise InspectionError(f"{source.path}: has no rows. One at least is needed to see columns and types.")
    return Table(tuple(columns.values()), rows, source.complete and rows < MOST_ROWS, "", ())


def _add(cells: Cells, value: object, line: int) -> None:
    if value is None:
        cells.add(None, line)
        return
    kind = "text"
    if isinstance(value, bool):
        kind = "boolean"
    elif isinstance(value, int):
        kind = "integer"
    elif isinstance(value, float):
        kind = "number"
    elif isinstance(value, dict | list):
        kind = "json" if is_storable_json(value) else "text"
    cells.kinds.add(kind)
    cells.add(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), line)


def _rows(source: Source, *, as_lines: bool) -> Iterator[tuple[int, object]]:
    """Yield line and content of each row that the sample holds whole."""
    text = source.text
    decoder = json.JSONDecoder(parse_constant=_refuse)
    at = _skip(text, 0)
    _check_outermost(source, text[at], as_lines=as_lines)
    at = _skip(text, at + (not as_lines))
    line = 1 + text.count("\n", 0, at)
    while at < len(text) and (as_lines or text[at] != "]"):
        try:
            row, end = decoder.raw_decode(text, at)
            after = _skip(text, end)
            if as_lines:
                if after < len(text) and "\n" not in text[end:after]:
                    raise json.JSONDecodeError("a line holds more than one value", text, after)
            elif after < len(text) and text[after] != "]":
                if text[after] != ",":
                    raise json.JSONDecodeError("',' or ']' is missing", text, after)
                after = _skip(text, after + 1)
                if text[after : after + 1] == "]":
                    raise json.JSONDecodeError("there is no row behind the last ','", text, after)
        except json.JSONDecodeError as error:
            if not source.complete and len(text) - at < _LONGEST_ROW:
                return
            raise InspectionError(
                f"{source.path}: line {error.lineno}, column {error.colno}: is not JSON: {error.msg}. Correct it there."
            ) from error
        except (RecursionError, ValueError) as error:
            raise InspectionError(f"{source.path}: line {line}: the row cannot be read: {error}.") from error
        yield line, row
        line += text.count("\n", at, after)
        at = after
    if source.complete and not as_lines and at == len(text):
        raise InspectionError(f"{source.path}: line {line}: ends before the array does. Is the file whole?")


def _check_outermost(source: Source, first: str, *, as_lines: bool) -> None:
    if as_lines and first == "[":
        raise InspectionError(
            f"{source.path}: line 1: begins with an array, where NDJSON has an object a line. "
            "Let its name end in .json."
        )
    if not as_lines and first != "[":
        raise InspectionError(
            f"{source.path}: line 1: begins with {first!r}, where an array of rows is needed. Let the name end in "
            f".ndjson when it has an object a line; take an array out of an object by: jq .NAME {source.path.name}"
        )


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
