"""Values as texts."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rowhouse.dataset import Column, ColumnType
from rowhouse.problems import InvalidKeyProblem
from rowhouse.values import format_value, parse_key, parse_value, show

BY_TYPE: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    ColumnType.TEXT: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    ColumnType.DATE: st.dates(),
    ColumnType.TIMESTAMP: st.datetimes(timezones=st.just(UTC)),
    ColumnType.BOOLEAN: st.booleans(),
}


@given(st.sampled_from(list(BY_TYPE)).flatmap(lambda kind: st.tuples(st.just(kind), BY_TYPE[kind])))
def test_what_is_written_is_read_again(case: tuple[ColumnType, Any]) -> None:
    kind, value = case
    assert parse_value(kind, format_value(value)) == value


@given(st.sampled_from(list(ColumnType)), st.text(st.characters()) | st.from_regex(r"[-+0-9.eTZ: ]{1,30}"))
def test_any_text_is_a_value_or_a_mistake_that_is_named(kind: ColumnType, text: str) -> None:
    try:
        value = parse_value(kind, text)
    except ValueError as error:
        assert str(error).startswith(("must be", "cannot be"))  # noqa: PT017 - most texts are fine as texts
    else:
        assert parse_value(kind, format_value(value)) == value


@pytest.mark.parametrize(
    ("kind", "texts", "normal"),
    [
        (ColumnType.NUMBER, ["50", "50.0", "5e1", "5E+1", "050", "50.", "500e-1"], "50"),
        (ColumnType.NUMBER, ["0", "-0", "-0.0", "0e9", ".0"], "0"),
        (ColumnType.NUMBER, ["1e22", "1E+22", "10000000000000000000000"], "1e22"),
        (ColumnType.INTEGER, ["7", "007"], "7"),
        (ColumnType.INTEGER, ["0", "-0"], "0"),
        (
            ColumnType.TIMESTAMP,
            ["2025-01-01", "2025-01-01T00:00", "2025-01-01 00:00:00Z", "2025-01-01T01:00:00+01:00"],
            "2025-01-01T00:00:00Z",
        ),
        (ColumnType.TIMESTAMP, ["2025-01-01T00:00:00.5", "2024-12-31T19:00:00.50-0500"], "2025-01-01T00:00:00.500000Z"),
        (ColumnType.BOOLEAN, ["true"], "true"),
    ],
)
def test_equal_values_have_one_text(kind: ColumnType, texts: list[str], normal: str) -> None:
    assert {format_value(parse_value(kind, text)) for text in texts} == {normal}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((ColumnType.INTEGER, text) for text in ("", "1.0", "1e2", " 1", "٣", str(2**63), "9" * 5000, "+1", "1_0")),
        *(
            (ColumnType.NUMBER, text)
            for text in ("", "nan", "inf", "1e309", "1" * 5000, ".", "1,5", "0x1", "1_0", "--1")
        ),
        *((ColumnType.DATE, text) for text in ("", "2025-02-30", "20250228", "2025-1-1", "0000-01-01", "10000-01-01")),
        *(
            (ColumnType.TIMESTAMP, text)
            for text in (
                "2025",
                "2025-01-01T",
                "2025-01-01T25:00",
                "2025-01-01T00:00:00.1234567",
                "2025-01-01T00:00:00 01:00",
                "0001-01-01T00:00:00+01:00",
                "9999-12-31T23:59:59-01:00",
                "2025-W01-1",
            )
        ),
        *((ColumnType.BOOLEAN, text) for text in ("", "1", "TRUE", "yes")),
        *((ColumnType.TEXT, text) for text in ("a\0b", "\udcff")),
        (ColumnType.JSON, "{}"),
    ],
)
def test_what_no_value_can_be(kind: ColumnType, text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|cannot be"):
        parse_value(kind, text)


def test_a_key_that_no_row_can_have() -> None:
    with pytest.raises(InvalidKeyProblem, match=r"^id must be a date such as .*, not '2025-02-30'\.") as caught:
        parse_key(Column(name="id", type=ColumnType.DATE), "2025-02-30")
    assert (caught.value.status, caught.value.members) == (400, {"column": "id"})


def test_a_text_is_shown_without_what_cannot_be_printed_and_with_an_end() -> None:
    assert show("a\0\udcff'") == '"a\\x00\\udcff\'"'
    assert len(show("x" * 9999)) < 110


def test_types_that_python_takes_for_others() -> None:
    assert parse_value(ColumnType.BOOLEAN, "true") is True
    assert type(parse_value(ColumnType.DATE, "2025-01-01")) is date
    assert type(parse_value(ColumnType.TIMESTAMP, "2025-01-01")) is datetime
    assert math.copysign(1, float(str(parse_value(ColumnType.NUMBER, "-0")))) == 1
    assert format_value(Decimal(2**70)) == str(2**70)
