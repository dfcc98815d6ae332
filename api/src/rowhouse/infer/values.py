"""Which type values have: as narrow as a load, which is PostgreSQL's reading of the same text, takes without loss."""

import json
import math
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from rowhouse.dataset import ColumnType

# Leading zeros and a plus belong to codes and telephone numbers, which lose them as numbers.
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_NUMBER = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?",
    re.ASCII,
)
_LOCAL_DATE = re.compile(r"[0-9]{1,2}([./-])[0-9]{1,2}\1([0-9]{4}|[0-9]{2})\b.*", re.ASCII)
_GROUPED = {
    ".": re.compile(r"-?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?", re.ASCII),
    ",": re.compile(r"-?[1-9][0-9]{0,2}(\.[0-9]{3})+(,[0-9]+)?", re.ASCII),
}
_OPPOSITES = ({"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}, {"on", "off"})
_INT64 = range(-(2**63), 2**63)
_WORDS_FOR_NOTHING = frozenset(
    ("NA", "N/A", "n/a", "na", "#N/A", "NULL", "null", "Null", "None", "none", "NaN", "nan", "-", "--", "?", "\\N", ".")
)
# From here on a double skips integers.
_EXACT_INTEGER = 2**53


@dataclass(frozen=True)
class Notation:
    """How a file writes its values.

    Attributes:
        decimal: What stands before a number's fraction.
        missing: Texts that stand for nothing, beside nothing.
    """

    decimal: str = "."
    missing: frozenset[str] = frozenset()


_COMMA = Notation(decimal=",")


def type_of(values: Collection[str], notation: Notation) -> ColumnType:
    """Return the narrowest type that takes every value; text when there is none."""
    for column_type in _NARROWEST_FIRST if values else ():
        if next(misfits(column_type, values, notation), None) is None:
            return column_type
    return ColumnType.TEXT


def type_in_json(kinds: Collection[str], values: Collection[str]) -> ColumnType:
    """Return the type of values of which JSON says the kinds, which are named as the types are.

    A text stays one whatever is in it: who wrote it could have written a number. Only for dates JSON has no way.
    """
    if ColumnType.JSON in kinds:
        return ColumnType.JSON
    if set(kinds) == {ColumnType.TEXT}:
        found = type_of(values, Notation())
        return found if found in (ColumnType.DATE, ColumnType.TIMESTAMP) else ColumnType.TEXT
    if set(kinds) == {ColumnType.BOOLEAN}:
        return ColumnType.BOOLEAN
    if kinds and set(kinds) <= {ColumnType.INTEGER, ColumnType.NUMBER}:
        return type_of(values, Notation())
    return ColumnType.TEXT


def misfits(column_type: ColumnType, values: Collection[str], notation: Notation) -> Iterator[str]:
    """Yield the values that a column of the type does not take."""
    if column_type is ColumnType.BOOLEAN:
        words = {value.strip().lower() for value in values}
        # Without its opposite a lone `no` or `t` is a word like another.
        if words not in _OPPOSITES and not words <= {"true", "false"}:
            yield from values
    else:
        test = _TESTS[column_type]
        # PostgreSQL, too, leaves out the space around what is not text.
        yield from (value for value in values if not test(value.strip(), notation))


def looks_like_local_date(values: Collection[str]) -> bool:
    """Say whether all values are dates in an order that differs from country to country."""
    return bool(values) and all(_LOCAL_DATE.fullmatch(value) for value in values)


def looks_grouped(values: Collection[str]) -> bool:
    """Say whether all values may be numbers, with separators of thousands in some."""
    return any(
        any(map(pattern.fullmatch, values))
        and all(pattern.fullmatch(value) or _INTEGER.fullmatch(value) for value in values)
        for pattern in _GROUPED.values()
    )


def find_notation(columns: Collection[Collection[str]]) -> Notation:
    """Return the notation under which the most columns are something else than text.

    The decimal sign is a point when nothing speaks for a comma. A text that often stands for nothing does so here
    when it is all that keeps a column from a narrower type.
    """
    missing: set[str] = set()
    for values in columns:
        words = _WORDS_FOR_NOTHING.intersection(values)
        rest = [value for value in values if value not in words]
        if words and any(type_of(rest, notation) is not ColumnType.TEXT for notation in (Notation(), _COMMA)):
            missing |= words
    there = [[value for value in values if value not in missing] for values in columns]
    return Notation(_find_decimal(there), frozenset(missing))


def _find_decimal(columns: Collection[Collection[str]]) -> str:
    for_point = for_comma = 0
    for values in columns:
        with_point, with_comma = type_of(values, Notation()), type_of(values, _COMMA)
        # What may be thousands as well (1,234) speaks for nothing.
        if with_point is not with_comma and not looks_grouped(values):
            for_point += with_point is ColumnType.NUMBER
            for_comma += with_comma is ColumnType.NUMBER
    return "," if for_comma > for_point else "."


def _is_integer(value: str, _notation: Notation) -> bool:
    return bool(_INTEGER.fullmatch(value)) and int(value) in _INT64


def _is_number(value: str, notation: Notation) -> bool:
    if notation.decimal != ".":
        if "." in value:
            return False
        value = value.replace(notation.decimal, ".")
    if not _NUMBER.fullmatch(value):
        return False
    number = float(value)
    # PostgreSQL refuses what a double cannot hold, and a long code would lose its last digits.
    vanished = number == 0 and any(digit in "123456789" for digit in re.split("[eE]", value)[0])
    return math.isfinite(number) and not vanished and not (value.lstrip("-").isdigit() and abs(number) > _EXACT_INTEGER)


def _is_date(value: str, _notation: Notation) -> bool:
    return bool(_DATE.fullmatch(value)) and _is_valid(value)


def _is_timestamp(value: str, _notation: Notation) -> bool:
    return bool(_TIMESTAMP.fullmatch(value)) and _is_valid(value)


def _is_valid(value: str) -> bool:
    try:
        moment = datetime.fromisoformat(value)
        # As UTC it has to lie in the years 1 to 9999 as well.
        moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True


def _is_json(value: str, _notation: Notation) -> bool:
    if not value.startswith(("{", "[")):
        return False
    try:
        return is_storable_json(json.loads(value, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return False


def is_storable_json(value: object) -> bool:
    """Say whether PostgreSQL takes it: no character zero, no half of a surrogate pair, no number beyond a double."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:
        return False
    return "\\u0000" not in text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_NARROWEST_FIRST = (
    ColumnType.INTEGER,
    ColumnType.NUMBER,
    ColumnType.BOOLEAN,
    ColumnType.DATE,
    ColumnType.TIMESTAMP,
    ColumnType.JSON,
)
_TESTS: dict[ColumnType, Callable[[str, Notation], bool]] = {
    ColumnType.INTEGER: _is_integer,
    ColumnType.NUMBER: _is_number,
    ColumnType.DATE: _is_date,
    ColumnType.TIMESTAMP: _is_timestamp,
    ColumnType.JSON: _is_json,
}
