"""Typed values: read from the text of URLs and cursors, and written in one normal form."""

import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal

from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.problems import InvalidKeyProblem

type Value = bool | int | float | str | date | Decimal

INTEGER_RANGE = (-(2**63), 2**63 - 1)
_INTEGER = re.compile(r"-?[0-9]{1,19}")
# JSON's numbers, and a point without digits on one side of it.
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# ISO 8601's extended format; a space may stand for T as in RFC 3339.
TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_BOOLEANS = {"true": True, "false": False}


def parse_value(kind: ColumnType, text: str) -> Value:
    """Turn a text into a value of the type.

    Raises:
        ValueError: No value of the type has this text; its message continues the name of whatever gave the text.
    """
    match kind:
        case ColumnType.INTEGER:
            return _parse_integer(text)
        case ColumnType.NUMBER:
            return _parse_number(text)
        case ColumnType.TEXT:
            return _parse_text(text)
        case ColumnType.DATE:
            return _parse_date(text)
        case ColumnType.TIMESTAMP:
            return _parse_timestamp(text)
        case ColumnType.BOOLEAN:
            if text in _BOOLEANS:
                return _BOOLEANS[text]
            raise ValueError("must be true or false")
        case ColumnType.JSON:
            raise ValueError("cannot be compared, as its type is json")


def format_value(value: Value) -> str:
    """Return the text that `parse_value` turns into the value again; equal values have equal texts."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            # repr is the shortest text that gives the same number; -0.0 equals 0.0.
            return repr(value + 0.0).removesuffix(".0").replace("e+", "e")
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def parse_key(column: Column, text: str) -> Value:
    """Read the key of one row from a path.

    Raises:
        InvalidKeyProblem: No row can have this key.
    """
    try:
        return parse_value(column.type, text)
    except ValueError as error:
        raise InvalidKeyProblem(f"{column.name} {error}, not {show(text)}.", column=column.name) from error


def missing_row(dataset: Dataset, key: Value) -> str:
    """Say that there is no row with this key."""
    return f"/{dataset.name} has no row whose {dataset.key.name} is {format_value(key)}."


def show(text: str) -> str:
    """Return a text for a message: quoted, without signs that cannot be printed, and not endless."""
    return repr(text if len(text) <= 100 else text[:100] + "…")


def _parse_integer(text: str) -> int:
    least, greatest = INTEGER_RANGE
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= greatest:
        raise ValueError("must be a whole number of at most 64 bits")
    return int(text)


def _parse_number(text: str) -> float:
    # A finite one of 64 bits never needs more digits than that, so that nobody has us read endless ones.
    if not _NUMBER.fullmatch(text) or len(text) > 1100 or not math.isfinite(float(text)):
        raise ValueError("must be a finite number such as 12.5 or 1e-3")
    return float(text) + 0.0


def _parse_text(text: str) -> str:
    # What PostgreSQL cannot store, no row can have: NUL, and bytes that are no UTF-8 (decoded to surrogates).
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("must be a text without NUL, in UTF-8")
    return text


def _parse_date(text: str) -> date:
    try:
        if DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("must be a date such as 2025-12-31")


def _parse_timestamp(text: str) -> datetime:
    try:
        if TIMESTAMP.fullmatch(text):
            value = datetime.fromisoformat(text)
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(
        "must be a time such as 2025-12-31, 2025-12-31T23:59:59.5Z or, with its + written as %2B, "
        "2025-12-31T23:59:59%2B01:00"
    )
