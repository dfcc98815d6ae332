"""Reads a column's rules out of dataset.yml."""

import math
import re
import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from rowhouse.dataset import ColumnType, Value
from rowhouse.findings import Findings

KEYS = ("minimum", "maximum", "enum", "pattern", "unique")

_RANGED = (ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.DATE, ColumnType.TIMESTAMP)
_TYPES: Mapping[str, tuple[ColumnType, ...]] = {
    "minimum": _RANGED,
    "maximum": _RANGED,
    "enum": (ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.TEXT, ColumnType.DATE),
    "pattern": (ColumnType.TEXT,),
    "unique": tuple(kind for kind in ColumnType if kind is not ColumnType.JSON),
}

# What begins with `(?` or with a backslash, or makes a quantifier possessive, as far as the dialects tell it apart;
# the parts before it pass over whole bracket expressions and escapes.
_TOKEN = re.compile(
    r"\[\^?\]?(?:\\.|\[[:=.].*?[:=.]\]|[^\]\\])*\]|(?P<foreign>\\[bBAZzZGmMyYQEkgpP1-9]|\(\?(?![:=!]|<[=!])|[*+?}]\+)|\\.|.",
    re.DOTALL,
)


def parse_constraints(values: Mapping[str, object], kind: ColumnType, where: str, findings: Findings) -> dict[str, Any]:
    """Return the rules as arguments of Column; what is wrong is reported and left out."""
    rules: dict[str, Any] = {}
    for key in KEYS:
        if key not in values:
            continue
        if kind not in _TYPES[key]:
            findings.report(f"{where}.{key}: is a rule for {', '.join(_TYPES[key])}, not for {kind}")
            continue
        try:
            rules[key] = _READERS[key](values[key], kind)
        except ValueError as error:
            findings.report(f"{where}.{key}: {error}")
    if "minimum" in rules and "maximum" in rules and rules["minimum"] > rules["maximum"]:
        findings.report(f"{where}: minimum {rules['minimum']} is greater than maximum {rules['maximum']}")
    return rules


def _value(value: object, kind: ColumnType) -> Value:
    """Return what YAML gave, in Python's type for the column's."""
    try:
        match kind, value:
            case ((ColumnType.INTEGER | ColumnType.NUMBER), bool()):
                pass
            case ColumnType.INTEGER, int() if -(2**63) <= value < 2**63:
                return value
            case ColumnType.NUMBER, (int() | float()) if math.isfinite(value):
                return float(value)
            case ColumnType.TEXT, str() if "\0" not in value:
                return value
            case ColumnType.DATE, (str() | date()) if not isinstance(value, datetime):
                return value if isinstance(value, date) else date.fromisoformat(value)
            case ColumnType.TIMESTAMP, (str() | date()):
                return _instant(datetime.fromisoformat(value) if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        pass
    hint = ": put it in quotes" if kind is ColumnType.TEXT else ""
    raise ValueError(f"{value!r} is not of the column's type {kind}{hint}")


def _instant(value: date) -> datetime:
    """Return a time with its zone: UTC where none is named, as in the data."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _enum(value: object, kind: ColumnType) -> tuple[Value, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of the values that are taken")
    return tuple(_value(item, kind) for item in value)


def _pattern(value: object, _: ColumnType) -> str:
    """Return the regular expression, which has to be one that PostgreSQL and Python read alike.

    There is no PostgreSQL to ask where dataset.yml is read.
    """
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"must be a regular expression, as a text, not {value!r}")
    for token in _TOKEN.finditer(value):
        if token["foreign"]:
            raise ValueError(f"{token['foreign']!r} in {value!r} is not the same in PostgreSQL and elsewhere")
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from error
    return value


def _unique(value: object, _: ColumnType) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


_READERS = {"minimum": _value, "maximum": _value, "enum": _enum, "pattern": _pattern, "unique": _unique}
