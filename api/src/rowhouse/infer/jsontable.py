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
    rows, notes, complete = 0, [], source.complete
    for line, row in _rows(source, as_lines=as_lines):
        if rows == MOST_ROWS:
            complete = False
            break
        if not isinstance(row, dict):
            shown = json.dumps(row, ensure_ascii=False)[:40]
            raise InspectionError(
                f'{source.path}: line {line}: a row must be an object like {{"column": 1}}, not {shown}.'
            )
        if not is_storable_json(row):
            notes.append(f"The row in line {line} holds a character or number that PostgreSQL does not")
            continue
        for name in row:
            if name not in columns:
                columns[name] = Cells(name, missing=rows)
        for name, cells in columns.items():
            _add(cells, row.get(name), line)
        if len(columns) > _MOST_COLUMNS or "" in columns:
            what = "a member without a name" if "" in columns else f"more than {_MOST_COLUMNS} different members"
            raise InspectionError(f"{source.path}: line {line}: the rows up to here have {what}. Give each a column.")
        rows += 1
    if not columns:
        raise InspectionError(f"{source.path}: has no rows. One at least is needed to see columns and types.")
    return Table(tuple(columns.values()), rows, complete, None, tuple(notes))


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
        kind = "json"
    cells.kinds.add(kind)
    cells.add(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), line)


def _rows(source: Source, *, as_lines: bool) -> Iterator[tuple[int, object]]:
    """Yield line and content of each row that the sample holds whole."""
    text = source.text
    at = _first_row(source, as_lines=as_lines)
    line = 1 + text.count("\n", 0, at)
    while at < len(text) and (as_lines or text[at] != "]"):
        try:
            row, end = _DECODER.raw_decode(text, at)
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


def _first_row(source: Source, *, as_lines: bool) -> int:
    """Return where the first row begins: behind the opening bracket, or at the first object of NDJSON."""
    text, at = source.text, _skip(source.text, 0)
    if as_lines:
        if text[at] == "[":
            raise InspectionError(
                f"{source.path}: line 1: begins with an array, where NDJSON has an object a line. "
                "Let its name end in .json."
            )
        return at
    if text[at] == "{":
        # As a load does, take the array that is a member of the object around it.
        try:
            at = _skip(text, at + 1)
            while text[at : at + 1] == '"':
                _, at = _DECODER.raw_decode(text, at)
                at = _skip(text, at)
                at = _skip(text, at + (text[at : at + 1] == ":"))
                if text[at : at + 1] == "[":
                    break
                _, at = _DECODER.raw_decode(text, at)
                at = _skip(text, at)
                at = _skip(text, at + (text[at : at + 1] == ","))
        except (RecursionError, ValueError):
            at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise InspectionError(
            f"{source.path}: line 1: begins with {text.lstrip()[0]!r}, where an array of rows is needed, or an object "
            "with such an array. Let the name end in .ndjson when it has an object a line."
        )
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
