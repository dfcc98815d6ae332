"""If-None-Match and If-Modified-Since, as RFC 9110 has them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rowhouse.conditions import http_date, is_of, names

MOMENT = datetime(2026, 2, 3, 4, 5, 6, 700_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("listed", "is_named"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b","c" , W/"a"', True),
        ('"b"', False),
        ('"A"', False),
        ("a", False),
        ('"b,"a"', False),
        ("", False),
    ],
)
def test_names(listed: str, is_named: bool) -> None:
    assert names(listed, '"a"') is is_named


def test_a_date_is_told_in_whole_seconds_and_known_again() -> None:
    assert http_date(MOMENT) == "Tue, 03 Feb 2026 04:05:06 GMT"
    assert is_of(http_date(MOMENT), MOMENT)


@pytest.mark.parametrize("seconds", [-1, 1, 86400])
def test_another_date_is_not_taken_not_even_a_later_one(seconds: int) -> None:
    assert not is_of(http_date(MOMENT + timedelta(seconds=seconds)), MOMENT)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-03T04:05:06Z", "Tue, 99 Feb 2026 04:05:06 GMT"])
def test_what_is_no_date_does_not_count(text: str) -> None:
    assert not is_of(text, MOMENT)


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    is_of(text, MOMENT)
    names(text, '"a"')


@given(st.datetimes(datetime(1970, 1, 2), datetime(9998, 1, 1), timezones=st.just(UTC)))
def test_every_date_is_known_again_in_any_zone(moment: datetime) -> None:
    assert is_of(http_date(moment), moment.astimezone(timezone(timedelta(hours=5))))
