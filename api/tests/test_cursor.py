"""Cursors as they stand in URLs."""

import base64
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson
import pytest
from rowhouse.cursor import Cursor, parse_cursor
from rowhouse.dataset import Column, ColumnType
from rowhouse.errors import VersionGoneError
from rowhouse.values import Value

KEY = Column(name="id", type=ColumnType.INTEGER, required=True)


def written(content: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ColumnType.INTEGER, -(2**63)),
        (ColumnType.INTEGER, 2**63 - 1),
        (ColumnType.NUMBER, 0.1 + 0.2),
        (ColumnType.TEXT, "ä/ ?&=\n\"'%_\U0001f600"),
        (ColumnType.TEXT, ""),
        (ColumnType.DATE, date(1, 1, 1)),
        (ColumnType.TIMESTAMP, datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
        (ColumnType.BOOLEAN, False),
        (ColumnType.TEXT, None),
    ],
)
def test_what_is_encoded_is_parsed_again(kind: ColumnType, value: Value | None) -> None:
    cursor = Cursor(3, "a,id", (value, 1))
    columns = (Column(name="a", type=kind), KEY)
    assert parse_cursor(cursor.encode(), "a,id", columns, is_aggregate=False) == cursor


def test_a_sum_may_have_more_than_64_bits() -> None:
    cursor = Cursor(3, "id", (Decimal(2**70),))
    assert parse_cursor(cursor.encode(), "id", (KEY,), is_aggregate=True).values == (2**70,)
    with pytest.raises(VersionGoneError):
        parse_cursor(cursor.encode(), "id", (KEY,), is_aggregate=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "!!!!",
        "é",
        *map(
            written,
            [{}, [], 1, None, [1, "id"], [1, "id", "1"], [1, "id", {"1": 1}], [1, "id", [1]]],
        ),
        *map(
            written,
            [["1", "id", ["1"]], [True, "id", ["1"]], [-1, "id", ["1"]], [1, "id", ["1", "2"]]],
        ),
        written([1, "id", []]),
        written([2**63, "id", ["1"]]),
    ],
)
def test_what_no_answer_gave(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be taken from links\.next"):
        parse_cursor(text, "id", (KEY,), is_aggregate=False)


def test_a_cursor_of_another_order() -> None:
    with pytest.raises(ValueError, match="belongs to the order '-id' and not to 'id'"):
        parse_cursor(Cursor(1, "-id", (1,)).encode(), "id", (KEY,), is_aggregate=False)


@pytest.mark.parametrize(("value", "order"), [("1", "key"), ("a", "id"), (None, "id"), ("9" * 99, "id")])
def test_a_cursor_of_other_columns(value: str | None, order: str) -> None:
    with pytest.raises(VersionGoneError):
        parse_cursor(written([1, order, [value]]), "id", (KEY,), is_aggregate=False)
