"""Filters, orders, fields, counts and aggregates, asked of a real server."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from arro3.io import read_parquet
from house import Served, make_house
from parts import Postgres

YML = """\
title: Measurements
file: rows.csv
key: id
filters: [day, place, value, big]
columns:
  id: {type: integer}
  day: {type: date}
  place: {type: text}
  value: {type: number}
  big: {type: integer}
  extra: {type: json}
"""
KEYS_YML = "title: Keys\nfile: keys.csv\nkey: id\ncolumns: {id: {type: text}}\n"
ROWS = """\
id,day,place,value,big,extra
1,2024-01-31,Köln,1.5,9223372036854775807,"{""n"": 12345678901234567890123, ""a"": [null]}"
2,2024-02-01,Köln,,9223372036854775807,null
3,2024-02-29,"a,b",-2,1,
4,,aggregate,1e308,,
5,2024-02-01,,1e308,,
"""

# As long as a key may be.
LONG = [letter * (1000 // len(letter.encode())) for letter in "cab\U0001f600"]

# What is something else in a path when it is written as it is.
PATHLIKE = ["a/b", "/", "a//", "a%2Fb", "a?b", "..", ".csv", "a.csv", "ä +#"]
KEYS = ["aggregate", *PATHLIKE, *LONG]


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two datasets: `rows`, and `keys`, which has nothing else."""
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put(ROWS, yml=YML, name="rows")
    keys = "".join(f"{key}\n" for key in ("id", *KEYS))
    house.put(keys, yml=KEYS_YML, name="keys")
    house.load()
    with house.serve({"WORKERS": "1"}) as served:
        yield served


def get(served: Served, path: str) -> dict[str, Any]:
    response = served.public.get(path)
    assert response.status_code == 200, response.text
    # Python's own parser keeps all digits of whole numbers.
    body: dict[str, Any] = json.loads(response.text)
    return body


def ids(served: Served, path: str) -> list[int]:
    return [row["id"] for row in get(served, path)["data"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("place=K%C3%B6ln", [1, 2]),
        ("place__in=%22a,b%22,aggregate", [3, 4]),
        ("place__ne=K%C3%B6ln", [3, 4]),
        ("place__startswith=K%C3%B6", [1, 2]),
        ("place__contains=,", [3]),
        ("place__isnull=true", [5]),
        ("value__gte=1.5&value__lt=1e308", [1]),
        ("day__gt=2024-01-31&day__lte=2024-02-01", [2, 5]),
        ("big=9223372036854775807&value__isnull=false", [1]),
        ("sort=-value,place", [2, 4, 5, 1, 3]),
        ("sort=day", [1, 2, 5, 3, 4]),
        ("sort=-id", [5, 4, 3, 2, 1]),
    ],
)
def test_filters_and_orders(served: Served, query: str, expected: list[int]) -> None:
    assert ids(served, f"/rows?{query}") == expected
    link, found = f"/rows?{query}&limit=1", []
    while link:
        body = get(served, link)
        found += [row["id"] for row in body["data"]]
        link = body["links"]["next"]
    assert found == expected


def test_fields_are_in_the_order_of_the_dataset(served: Served) -> None:
    body = get(served, "/rows?fields=value,day&sort=-big&limit=1")
    assert [list(row.items()) for row in body["data"]] == [[("day", "2024-02-01"), ("value", 1e308)]]
    assert body["links"]["self"] == "/rows?fields=day,value&limit=1&sort=-big"


@pytest.mark.parametrize(
    ("query", "total", "is_what"),
    [
        ("limit=1", 5, "exact"),
        ("limit=1&count=estimated", 5, "exact"),
        ("limit=1&place__isnull=false", None, None),
        ("limit=1&place__isnull=false&count=exact", 4, "exact"),
    ],
)
def test_the_total(served: Served, query: str, total: int | None, is_what: str | None) -> None:
    meta = get(served, f"/rows?{query}")["meta"]
    assert (meta["total"], meta["total_is"], meta["count"]) == (total, is_what, 1)


def test_an_estimated_total(served: Served) -> None:
    meta = get(served, "/rows?place__isnull=false&count=estimated")["meta"]
    assert meta["total_is"] == "estimated"
    assert 0 < meta["total"] <= 5


def test_json_comes_out_as_it_is(served: Served) -> None:
    assert '"extra":{"a": [null], "n": 12345678901234567890123}' in served.public.get("/rows/1").text
    assert [row["extra"] for row in get(served, "/rows?fields=extra&id__gt=1")["data"]] == [None, None, None, None]


def test_an_aggregate(served: Served) -> None:
    body = get(served, "/rows/aggregate?group_by=place,day.month&select=count,sum.big,avg.value&id__lt=5")
    assert body["data"] == [
        {"place": "Köln", "day.month": "2024-01-01", "count": 1, "sum.big": 2**63 - 1, "avg.value": 1.5},
        {"place": "Köln", "day.month": "2024-02-01", "count": 1, "sum.big": 2**63 - 1, "avg.value": None},
        {"place": "a,b", "day.month": "2024-02-01", "count": 1, "sum.big": 1, "avg.value": -2.0},
        {"place": "aggregate", "day.month": None, "count": 1, "sum.big": None, "avg.value": 1e308},
    ]
    assert (body["meta"]["total"], body["links"]["next"]) == (None, None)
    assert get(served, "/rows/aggregate?group_by=place&count=exact&limit=1")["meta"]["total"] == 4


@pytest.mark.parametrize("query", ["", "&limit=10"])
@pytest.mark.parametrize(
    ("suffix", "kind", "expected"),
    [
        (
            "json",
            "application/json",
            [{"day.month": "2024-01-01", "count": 1}, {"day.month": "2024-02-01", "count": 3}],
        ),
        ("csv", "text/csv; charset=utf-8; header=present", "day.month,count\r\n2024-01-01,1\r\n2024-02-01,3\r\n"),
        (
            "ndjson",
            "application/x-ndjson",
            '{"day.month":"2024-01-01","count":1}\n{"day.month":"2024-02-01","count":3}\n',
        ),
        ("parquet", "application/vnd.apache.parquet", [["2024-01-01", "2024-02-01"], [1, 3]]),
    ],
)
def test_an_aggregate_in_each_format(served: Served, suffix: str, kind: str, expected: Any, query: str) -> None:
    path = f"/rows/aggregate.{suffix}?group_by=day.month&day__isnull=false{query}"
    response = served.public.get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
    found: Any = response.text
    if suffix == "json":
        found = response.json()["data"]
    if suffix == "parquet":
        table = read_parquet(response.content).read_all()
        columns = [table["day.month"], table["count"]]
        days, counts = ([column[i].as_py() for i in range(len(column))] for column in columns)
        found = [[str(day) for day in days], counts]
    assert found == expected
    by_accept = served.public.get(path.replace(f".{suffix}", ""), headers={"Accept": kind.partition(";")[0]})
    assert by_accept.headers["Content-Type"] == kind


def test_an_aggregate_has_no_other_format(served: Served) -> None:
    for suffix, name in (("xml", "unknown-format"), ("geojson", "format-unavailable")):
        assert served.public.get(f"/rows/aggregate.{suffix}").json()["type"].endswith(f":{name}")


def test_an_aggregate_is_walked_by_its_links(served: Served) -> None:
    response = served.public.get("/rows/aggregate?group_by=place&select=sum.big,count&sort=-sum.big&limit=1")
    found = [json.loads(response.text)["data"]]
    while "next" in response.links:
        response = served.public.get(response.links["next"]["url"])
        found.append(json.loads(response.text)["data"])
    # More than 64 bits, in the data and in the cursor.
    assert [(row["place"], row["sum.big"]) for (row,) in found] == [
        (None, None),
        ("aggregate", None),
        ("Köln", 2**64 - 2),
        ("a,b", 1),
    ]


def test_an_aggregate_of_nothing(served: Served) -> None:
    select = "select=count,count.value,min.day,max.place,avg.big,sum.big,sum.value"
    (row,) = get(served, f"/rows/aggregate?id=0&{select}")["data"]
    assert list(row.values()) == [0, 0, None, None, None, None, None]
    assert get(served, f"/rows/aggregate?id=0&{select}&group_by=place")["data"] == []
    assert get(served, "/rows/aggregate?id=0")["data"] == [{"count": 0}]


@pytest.mark.parametrize("function", ["sum", "avg"])
def test_a_sum_beyond_all_numbers(served: Served, function: str) -> None:
    response = served.public.get(f"/rows/aggregate?select={function}.value")
    body = response.json()
    assert (response.status_code, body["parameter"]) == (400, "select")
    assert "beyond 64-bit floating point" in body["detail"]
    assert get(served, f"/rows/aggregate?select={function}.value&id__lt=5")["data"]


def test_a_row_whose_key_is_a_routes_name(served: Served) -> None:
    assert get(served, "/keys/aggregate")["data"] == [{"count": len(KEYS)}]
    assert get(served, "/keys?id=aggregate")["data"] == [{"id": "aggregate"}]


def test_long_texts_can_be_walked(served: Served) -> None:
    link, found = "/keys?limit=1", []
    while link:
        body = get(served, link)
        found += [row["id"] for row in body["data"]]
        link = body["links"]["next"]
    assert found == sorted(KEYS)


NAMES = [
    "id",
    "day",
    "place",
    "value",
    "big",
    "extra",
    "sort",
    "fields",
    "limit",
    "cursor",
    "count",
    "select",
    "group_by",
]
SUFFIXES = ["", "__in", "__gte", "__startswith", "__isnull", "__x", ".month"]
TEXTS = [
    "",
    *["1", "%27", "%25", "%00", "%FF", "%", "a,b", "1e309", "NaN", "true", "-id", "%F0%9F%98%80", "max.id"],
    "9" * 400,
]


def test_no_query_string_is_too_odd(served: Served) -> None:
    for path in ("/rows", "/rows/aggregate"):
        for name in NAMES:
            for suffix in SUFFIXES if name not in ("sort", "fields", "limit") else [""]:
                for text in TEXTS:
                    response = served.public.get(f"{path}?{name}{suffix}={text}")
                    assert response.status_code in (200, 400), response.request.url
                    if response.status_code == 400:
                        assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "target",
    [
        b"/rows?place=K\xc3\xb6ln",
        b"/rows?place=\xff",
        b"/rows?\xff\xfe",
        b"/rows/\xff",
        b"/rows?&&;&=&==",
        b"/rows?place=" + b"a" * 7900,
        b"/rows?place=" + b"a" * 8050,
        b"/rows?place__in=" + b"%22" * 2000,
        b"/rows?place=a#b",
    ],
)
def test_no_bytes_are_too_odd(served: Served, target: bytes) -> None:
    address = httpx.URL(str(served.public.base_url))
    with socket.create_connection((address.host, address.port or 80)) as client:
        client.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in (b"200", b"400", b"404"), answer


def test_a_text_of_any_kind_is_a_key_of_a_path(served: Served) -> None:
    for key in PATHLIKE:
        # By a client that leaves a path as it is given; others make something else of two dots.
        link = f"/keys/{quote(key, safe='')}"
        connection = HTTPConnection("127.0.0.1", served.public.base_url.port)
        with closing(connection):
            connection.request("GET", link)
            body = json.load(connection.getresponse())
        assert (body["data"], body["links"]["self"]) == ({"id": key}, link)
