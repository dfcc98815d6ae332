"""What queries give, said once more in plain Python over a list of rows; nulls are None, and the greatest."""

import operator
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

type Row = dict[str, Any]
type Sort = Sequence[tuple[str, bool]]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "in": lambda value, values: value in values,
    "contains": lambda value, part: part in value,
    "startswith": lambda value, part: value.startswith(part),
}


def holds(value: Any, name: str, operand: Any) -> bool:
    """Tell whether a value fulfils a filter."""
    if name == "isnull":
        return bool((value is None) == operand)
    return value is not None and COMPARISONS[name](value, operand)


def ordered(rows: Iterable[Row], sort: Sort, key: Sequence[str]) -> list[Row]:
    """Sort rows by columns, each with whether it descends; the key goes on in the last direction."""
    last = sort[-1][1] if sort else False
    result = list(rows)
    for name, descending in reversed([*sort, *((name, last) for name in key)]):
        # Stable, so that the last one sorted by counts most.
        result.sort(key=partial(_rank, name), reverse=descending)
    return result


def _rank(name: str, row: Row) -> tuple[Any, ...]:
    return (True,) if row[name] is None else (False, row[name])


def cut(value: Any, part: str) -> Any:
    """Cut a date or time down to a part of time."""
    if value is None:
        return None
    if part == "week":
        value -= timedelta(days=value.weekday())
    if isinstance(value, datetime):
        value = value.replace(hour=value.hour if part == "hour" else 0, minute=0, second=0, microsecond=0)
    if part in ("year", "month"):
        value = value.replace(day=1)
    return value.replace(month=1) if part == "year" else value


def grouped(rows: Sequence[Row], by: Sequence[str], select: Sequence[str]) -> list[Row]:
    """Group rows by columns or COLUMN.PART, and tell of each group what is selected."""
    groups: dict[tuple[Any, ...], list[Row]] = {} if by else {(): list(rows)}
    if by:
        for row in rows:
            groups.setdefault(tuple(_group_value(row, name) for name in by), []).append(row)
    return [
        dict(zip(by, key, strict=True)) | {name: _measure(group, name) for name in select}
        for key, group in groups.items()
    ]


def _group_value(row: Row, name: str) -> Any:
    column, _, part = name.partition(".")
    return cut(row[column], part) if part else row[column]


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)


def _measure(rows: Sequence[Row], name: str) -> Any:
    function, _, column = name.partition(".")
    if not column:
        return len(rows)
    values = [row[column] for row in rows if row[column] is not None]
    if function == "count":
        return len(values)
    if not values:
        return None
    functions: dict[str, Callable[[Any], Any]] = {"min": min, "max": max, "sum": sum, "avg": mean}
    return functions[function](values)
