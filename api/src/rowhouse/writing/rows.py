"""From the members of a JSON object to the values of a row. Every mistake is told at once, by the member's name."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.suggest import did_you_mean
from rowhouse.values import INTEGER_RANGE, Value, format_value, parse_value, show
from rowhouse.writing.problems import InvalidRowProblem

# Beyond it, a number of 64 bits is no longer a certain whole one.
_EXACT = 2**53
# Paths that are none of a row.
_TAKEN = ("", ".", "..", "aggregate")
_TIME = "must be a time such as 2025-12-31T23:59:59.5Z or 2025-12-31T23:59:59+01:00"

type Values = dict[str, Any]


class RowReader:
    """Reads what clients write about rows of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        """Take the dataset."""
        self._dataset = dataset
        self._columns = {column.name: column for column in dataset.columns}

    def whole(self, members: Mapping[str, Any], key: Value | None = None) -> Values:
        """Read a whole row: a member that is missing is null.

        Args:
            members: As they stand in the JSON object.
            key: The one that the path names, which need not be among them. Without one, that of an integer key may be
                missing, and is missing in the result.

        Raises:
            InvalidRowProblem: Naming each member that is wrong, and what would be right.
        """
        own = self._dataset.key.name
        is_counted = self._dataset.key.type is ColumnType.INTEGER and own not in members and key is None
        lacking = {name: None for name in self._columns if name != own or not (is_counted or key is not None)}
        return self._read(lacking | dict(members), key)

    def change(self, members: Mapping[str, Any], key: Value) -> Values:
        """Read a JSON Merge Patch (RFC 7396): only what is to change. JSON stays parsed, as it is merged later.

        Raises:
            InvalidRowProblem: See `whole`.
        """
        return self._read(members, key, is_patch=True)

    def _read(self, members: Mapping[str, Any], key: Value | None, *, is_patch: bool = False) -> Values:
        errors: dict[str, str] = {}
        values: Values = {}
        for name, value in members.items():
            column = self._columns.get(name)
            if column is None:
                near = did_you_mean(name, self._columns)
                errors[name] = f"is no column; there are {', '.join(self._columns)}.{near}".removesuffix(".")
                continue
            try:
                values[name] = self._value(column, value, is_patch=is_patch)
                if column == self._dataset.key and key not in (None, values[name]):
                    raise ValueError(f"must be {show(format_value(key))}, as in the path, or be left out")
            except ValueError as error:
                errors[name] = str(error)
        if errors:
            raise InvalidRowProblem(errors)
        return values if key is None else values | {self._dataset.key.name: key}

    def _value(self, column: Column, value: Any, *, is_patch: bool) -> Any:
        if value is None:
            if column.required:
                raise ValueError("is required, and must not be null")
            return None
        if is_patch and column.type is ColumnType.JSON:
            _refuse_nul(value)
            return value
        read = _READERS[column.type](value)
        if column == self._dataset.key and (read in _TAKEN or str(read).startswith("aggregate.")):
            raise ValueError(f"cannot be {show(str(read))}: no path could lead to the row")
        return read


def merge(target: Any, patch: Any) -> Any:
    """Apply a JSON Merge Patch (RFC 7396, 2)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def write_json(value: Any) -> str:
    """Return a JSON value as a column of that type takes it."""
    return orjson.dumps(value).decode()


def _integer(value: Any) -> int:
    least, greatest = INTEGER_RANGE
    # JSON knows one kind of numbers: 1.0 is as whole as 1.
    if type(value) is float and value.is_integer() and abs(value) <= _EXACT:
        value = int(value)
    if type(value) is not int or not least <= value <= greatest:
        raise ValueError(f"must be a whole number of at most 64 bits, not {_shown(value)}")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"must be a number, not {_shown(value)}")
    return float(value) + 0.0


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_shown(value)}")
    return value


def _of_text(kind: ColumnType, sentence: str = "") -> Callable[[Any], Value]:
    def read(value: Any) -> Value:
        if not isinstance(value, str):
            raise ValueError(f"{sentence or f'must be a {kind} as a JSON string'}, not {_shown(value)}")
        try:
            return parse_value(kind, value)
        except ValueError as error:
            raise ValueError(f"{sentence or error}, not {show(value)}") from error

    return read


def _json(value: Any) -> str:
    _refuse_nul(value)
    return write_json(value)


def _refuse_nul(value: Any) -> None:
    # The only text of JSON that PostgreSQL cannot hold. A backslash before it would be doubled.
    if "\\u0000" in write_json(value).replace("\\\\", ""):
        raise ValueError("must be JSON whose texts are without NUL")


def _shown(value: Any) -> str:
    return show(write_json(value))


_READERS: dict[ColumnType, Callable[[Any], Any]] = {
    ColumnType.INTEGER: _integer,
    ColumnType.NUMBER: _number,
    ColumnType.TEXT: _of_text(ColumnType.TEXT),
    ColumnType.DATE: _of_text(ColumnType.DATE),
    ColumnType.TIMESTAMP: _of_text(ColumnType.TIMESTAMP, _TIME),
    ColumnType.BOOLEAN: _boolean,
    ColumnType.JSON: _json,
}
