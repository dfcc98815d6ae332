"""Where a page starts: the version, the order, and the values of the row that it follows."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from rowhouse.dataset import Column, ColumnType
from rowhouse.errors import VersionGoneError
from rowhouse.values import Value, format_value, parse_value

# Sums may be larger than what they are sums of: 2⁶³ rows of 2⁶³ have 38 digits.
_WIDE_INTEGER = re.compile(r"-?[0-9]{1,38}")


@dataclass(frozen=True)
class Cursor:
    """A place in a walk.

    Attributes:
        version: The version that is walked.
        order: The order of the walk, in full, as `sort` would say it.
        values: What the row before has in the columns of the order.
    """

    version: int
    order: str
    values: tuple[Value | None, ...]

    def encode(self) -> str:
        """Return the text that stands in URLs; its form is nobody's business."""
        values = [None if value is None else format_value(value) for value in self.values]
        return base64.urlsafe_b64encode(orjson.dumps([self.version, self.order, values])).rstrip(b"=").decode()


def parse_cursor(text: str, order: str, columns: Sequence[Column], *, is_aggregate: bool) -> Cursor:
    """Read what `encode` wrote for a walk in this order of these columns.

    Raises:
        ValueError: It is something else; the message continues "cursor …".
        VersionGoneError: It was written when the columns were others, of which no version is kept.
    """
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, found, texts = orjson.loads(content)
        if type(version) is not int or not 0 <= version < 2**63 or type(found) is not str or type(texts) is not list:
            raise TypeError
    except (ValueError, TypeError, binascii.Error):
        raise ValueError("must be taken from links.next of an earlier answer, as it is") from None
    if not is_aggregate and found.rpartition(",")[2].removeprefix("-") != columns[-1].name:
        # Every walk along rows ends with their key.
        raise VersionGoneError(f"version {version}, in the order {found[:100]!r}")
    if found != order:
        raise ValueError(f"belongs to the order {found[:100]!r} and not to {order!r}: keep sort and group_by in a walk")
    if len(texts) != len(columns) or not all(text is None or isinstance(text, str) for text in texts):
        raise ValueError("must be taken from links.next of an earlier answer, as it is")
    try:
        values = [_parse(column, text, is_wide=is_aggregate) for column, text in zip(columns, texts, strict=True)]
    except ValueError as error:
        raise VersionGoneError(f"version {version}, in which the columns had other types: {error}") from error
    return Cursor(version, order, tuple(values))


def _parse(column: Column, text: str | None, *, is_wide: bool) -> Value | None:
    if text is None:
        if column.required:
            raise ValueError(f"{column.name} has a value in every row")
        return None
    if is_wide and column.type is ColumnType.INTEGER and _WIDE_INTEGER.fullmatch(text):
        return int(text)
    return parse_value(column.type, text)
