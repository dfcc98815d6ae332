"""Types of values."""

import pytest
from rowhouse.dataset import ColumnType
from rowhouse.infer.values import Notation, find_notation, type_in_json, type_of


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-20", "0", " 7 "], "integer"),
        (["9223372036854775807", "-9223372036854775808"], "integer"),
        (["9223372036854775808"], "text"),
        (["01234", "99999"], "text"),
        (["+49123"], "text"),
        (["1", "2.5", "-.5", "3.", "1e5", "1.5E-3"], "number"),
        (["1,5"], "text"),
        (["1,234", "12"], "text"),
        (["1.234.567"], "text"),
        (["00.5"], "text"),
        (["NaN"], "text"),
        (["inf"], "text"),
        (["1e400"], "text"),
        (["1e-400"], "text"),
        (["0e-400", "0.0"], "number"),
        (["1.5", "12345678901234567890"], "text"),
        (["true", "FALSE"], "boolean"),
        (["true"], "boolean"),
        (["yes", "No"], "boolean"),
        (["no"], "text"),
        (["yes", "false"], "text"),
        (["t", "f"], "boolean"),
        (["0", "1"], "integer"),
        (["2024-02-29", "0001-01-01", "9999-12-31"], "date"),
        (["2023-02-29"], "text"),
        (["0000-01-01"], "text"),
        (["01.02.2024"], "text"),
        (["2/1/24"], "text"),
        (["20240201"], "integer"),
        (["2024-01-01 10:00", "2024-01-01T10:00:00.5Z", "2024-01-01"], "timestamp"),
        (["2024-01-01 10:00:00+0130", "2024-01-01 10:00:00-05"], "timestamp"),
        (["2024-01-01 25:00"], "text"),
        (["0001-01-01 00:00+05"], "text"),
        (["10:00"], "text"),
        (['{"a": [1]}', "[]"], "json"),
        (['{"a": NaN}'], "text"),
        (["{a}"], "text"),
        (['["\\u0000"]'], "text"),
        (['["\\ud800"]'], "text"),
        (["[" * 100_000], "text"),
        (["a", "1"], "text"),
        (["", "1"], "text"),
        (["\u0661"], "text"),
        ([], "text"),
    ],
)
def test_the_narrowest_type_that_takes_all(values: list[str], expected: str) -> None:
    assert type_of(values, Notation()) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1,5", "-,5", "2"], "number"),
        (["1.5"], "text"),
        (["1.234,5"], "text"),
        (["12"], "integer"),
        (["1,5,2"], "text"),
    ],
)
def test_numbers_with_a_decimal_comma(values: list[str], expected: str) -> None:
    assert type_of(values, Notation(decimal=",")) == expected


@pytest.mark.parametrize(
    ("columns", "decimal"),
    [
        ([["1,5", "2,25"], ["a"]], ","),
        ([["1.5"], ["1,5"]], "."),
        ([["1.5"], ["1,5"], ["2,5"]], ","),
        # Thousands as likely as fractions.
        ([["1,234", "22,500"]], "."),
        ([["1,234", "22,500"], ["0,5"]], ","),
        ([["12"], ["x"]], "."),
        ([], "."),
    ],
)
def test_the_decimal_sign_is_that_of_most_columns(columns: list[list[str]], decimal: str) -> None:
    assert find_notation(columns) == Notation(decimal=decimal)


@pytest.mark.parametrize(
    ("kinds", "values", "expected"),
    [
        ({"integer"}, ["1"], "integer"),
        ({"integer"}, ["9223372036854775808"], "text"),
        ({"integer", "number"}, ["1", "1.5"], "number"),
        ({"number"}, ["1.0"], "number"),
        ({"boolean"}, ["true"], "boolean"),
        ({"text"}, ["1"], "text"),
        ({"text"}, ["2024-01-01"], "date"),
        ({"text"}, ["2024-01-01T10:00:00Z"], "timestamp"),
        ({"text"}, ["[]"], "text"),
        ({"text", "integer"}, ["a", "1"], "text"),
        ({"json", "text"}, ["[]", "a"], "json"),
        (set(), [], "text"),
    ],
)
def test_json_says_itself_what_is_a_number(kinds: set[str], values: list[str], expected: ColumnType) -> None:
    assert type_in_json(kinds, values) == expected
