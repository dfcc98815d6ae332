"""What a client asks for: URL parameters and keys, checked and typed. Every mistake is a problem that names it."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, urlencode

import orjson

from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.problems import InvalidKeyProblem, InvalidParameterProblem, Problem, UnknownParameterProblem
from rowhouse.suggest import did_you_mean

type KeyValue = int | str | date

DEFAULT_LIMIT = 100
MAXIMUM_LIMIT = 1000
PARAMETERS = ("limit", "cursor")

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Cursor:
    """Where a page starts: after the row with this key, in this version."""

    version: int
    after: KeyValue

    def encode(self) -> str:
        """Return the text that stands in URLs; its form is nobody's business."""
        return base64.urlsafe_b64encode(orjson.dumps([self.version, str(self.after)])).rstrip(b"=").decode()


@dataclass(frozen=True)
class Query:
    """One page of a dataset."""

    limit: int = DEFAULT_LIMIT
    cursor: Cursor | None = None

    def encode(self) -> str:
        """Return the query string in its one normal form: equal queries have equal texts."""
        parameters: dict[str, object] = {"limit": self.limit}
        if self.cursor:
            parameters["cursor"] = self.cursor.encode()
        return urlencode(parameters)

    def after(self, cursor: Cursor) -> "Query":
        """Return the query for the page that starts behind `cursor`."""
        return Query(self.limit, cursor)


def parse_query(dataset: Dataset, query_string: str) -> Query:
    """Read a query string.

    Raises:
        Problem: 400, naming the parameter and what would be right.
    """
    values = _parameters(query_string)
    limit = DEFAULT_LIMIT
    if "limit" in values:
        text = values["limit"]
        limit = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
        if not 1 <= limit <= MAXIMUM_LIMIT:
            raise _invalid("limit", f"must be a whole number from 1 to {MAXIMUM_LIMIT}, not {text!r}")
    cursor = _parse_cursor(dataset.key, values["cursor"]) if "cursor" in values else None
    return Query(limit, cursor)


def parse_key(column: Column, text: str) -> KeyValue:
    """Read the key of one row from a path.

    Raises:
        InvalidKeyProblem: No row can have this key.
    """
    try:
        return _parse_key(column, text)
    except ValueError as error:
        raise InvalidKeyProblem(f"{column.name} {error}, not {text!r}.", column=column.name) from error


def refuse_parameters(query_string: str) -> None:
    """Refuse whatever is there, on a route without parameters.

    Raises:
        UnknownParameterProblem: Naming the first parameter.
    """
    for name, _ in parse_qsl(query_string, keep_blank_values=True):
        raise UnknownParameterProblem(f"{name!r} is unknown; this route takes no parameters.", parameter=name)


def _parameters(query_string: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query_string, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidParameterProblem("The query string must be percent-encoded UTF-8.") from error
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in PARAMETERS:
            raise UnknownParameterProblem(
                f"{name!r} is unknown; allowed are {' and '.join(PARAMETERS)}.{did_you_mean(name, PARAMETERS)}",
                parameter=name,
                allowed=PARAMETERS,
            )
        if name in values:
            raise _invalid(name, "must be given once")
        values[name] = value
    return values


def _parse_cursor(key: Column, text: str) -> Cursor:
    try:
        content = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        version, after = content
        if type(version) is not int or type(after) is not str:
            raise TypeError
        return Cursor(version, _parse_key(key, after))
    except (ValueError, TypeError, binascii.Error) as error:
        raise _invalid("cursor", "must be taken from links.next of an earlier answer, as it is") from error


def _parse_key(column: Column, text: str) -> KeyValue:
    """Turn a text into the key column's type; the ValueError continues "COLUMN …"."""
    if column.type is ColumnType.INTEGER:
        if not _INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
            raise ValueError("must be a whole number of at most 64 bits")
        return int(text)
    if column.type is ColumnType.DATE:
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise ValueError("must be a date such as 2025-12-31")
    # What PostgreSQL cannot store, no row can have: NUL, and bytes that are no UTF-8 (decoded to surrogates).
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("must be a text without NUL, in UTF-8")
    return text


def _invalid(parameter: str, sentence: str) -> Problem:
    return InvalidParameterProblem(f"{parameter} {sentence}.", parameter=parameter)
