"""URL parameters and keys."""

from datetime import date

import pytest
from rowhouse.dataset import Column, ColumnType, Dataset
from rowhouse.problems import InvalidKeyProblem, InvalidParameterProblem, Problem, UnknownParameterProblem
from rowhouse.query import Cursor, KeyValue, Query, parse_key, parse_query, refuse_parameters


def dataset(key_type: ColumnType = ColumnType.INTEGER) -> Dataset:
    key = Column(name="id", type=key_type, required=True)
    return Dataset(name="t", title="T", description="", source="", file="t.csv", key=key, columns=(key,))


def test_a_query_without_parameters_has_the_defaults() -> None:
    assert parse_query(dataset(), "") == Query(limit=100, cursor=None)


@pytest.mark.parametrize(
    ("key_type", "key"),
    [
        (ColumnType.INTEGER, -(2**63)),
        (ColumnType.INTEGER, 2**63 - 1),
        (ColumnType.TEXT, "ä/ ?&=\n\"'%_\U0001f600"),
        (ColumnType.TEXT, ""),
        (ColumnType.DATE, date(1, 1, 1)),
    ],
)
def test_what_is_encoded_is_parsed_again(key_type: ColumnType, key: KeyValue) -> None:
    query = Query(7, Cursor(3, key))
    assert parse_query(dataset(key_type), query.encode()) == query


def test_equal_queries_have_one_text() -> None:
    cursor = Cursor(3, 5).encode()
    texts = {
        parse_query(dataset(), text).encode() for text in (f"limit=020&cursor={cursor}", f"cursor={cursor}&limit=20")
    }
    assert len(texts) == 1


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "ten", "", " 5", "٣", "9" * 30, "1e2"])
def test_a_wrong_limit(limit: str) -> None:
    with pytest.raises(InvalidParameterProblem, match="limit must be a whole number from 1 to 1000") as caught:
        parse_query(dataset(), f"limit={limit}")
    assert caught.value.members == {"parameter": "limit"}


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!!", "e30", "W10", "WzEsMl0", "WyIxIiwiMiJd", "WzEsIjIiLDNd", Cursor(1, "x").encode()]
)
def test_a_wrong_cursor(cursor: str) -> None:
    with pytest.raises(InvalidParameterProblem, match=r"cursor must be taken from links\.next"):
        parse_query(dataset(), f"cursor={cursor}")


def test_an_unknown_parameter() -> None:
    with pytest.raises(UnknownParameterProblem, match=r"'limt' is unknown.*Did you mean limit\?") as caught:
        parse_query(dataset(), "limt=5")
    assert caught.value.members["parameter"] == "limt"


@pytest.mark.parametrize(
    "query_string", ["limit=1&limit=1", "limit=%FF", "limit=%", "&&&=", "=1", "%00=1", "cursor=%ED%A0%80"]
)
def test_odd_query_strings_are_the_clients_mistake(query_string: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_query(dataset(), query_string)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("key_type", "text"),
    [
        (ColumnType.INTEGER, "1.0"),
        (ColumnType.INTEGER, "abc"),
        (ColumnType.INTEGER, ""),
        (ColumnType.INTEGER, str(2**63)),
        (ColumnType.INTEGER, "9" * 5000),
        (ColumnType.DATE, "2025-02-30"),
        (ColumnType.DATE, "20250228"),
        (ColumnType.TEXT, "a\0b"),
        (ColumnType.TEXT, "\udcff"),
    ],
)
def test_a_key_that_no_row_can_have(key_type: ColumnType, text: str) -> None:
    with pytest.raises(InvalidKeyProblem, match=r"^id must be") as caught:
        parse_key(dataset(key_type).key, text)
    assert caught.value.status == 400


def test_a_route_without_parameters() -> None:
    refuse_parameters("")
    with pytest.raises(UnknownParameterProblem, match="'a' is unknown; this route takes no parameters"):
        refuse_parameters("a=1")
