"""Every format of the same rows, as a page and as an export, from a real server."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from arro3.io import read_parquet
from house import House, Served, make_house
from parts import Postgres
from rowhouse.cursor import Cursor

ODD_YML = """\
title: Odd values
file: odd.csv
key: id
point: {longitude: lon, latitude: lat}
filters: [lon, lat]
columns:
  id: {type: integer}
  text: {type: text}
  number: {type: number}
  day: {type: date}
  moment: {type: timestamp}
  flag: {type: boolean}
  data: {type: json}
  lon: {type: number, description: East of Greenwich}
  lat: {type: number, minimum: -90}
"""
TEXTS = [
    "plain",
    "",
    'quo"te, comma',
    "two\nlines\r\nor three",
    " spaces ",
    "\\.",
    "\\N",
    "=1+1",
    "ä€😀",
    "\x01\x02\x7f",
    "100%",
    "null",
]
NUMBERS = [0.1, -0.0, 1.0, 1e15, 123456789012345680.0, 1e22, 5e-324, 1.7976931348623157e308, -12.5, 3.0, 2.0, 1e-7]
JSONS = ['{"a": [1, null, "x\\ny"]}', "null", "12345678901234567890123", '"text"', "[]", "true"] * 2


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Values of all kinds; the last row is null as far as it may be, and the first of the plain ones has a place."""
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put("id,text,number,day,moment,flag,data,lon,lat\n1,x,,,,,,,\n", yml=ODD_YML, name="odd")
    house.put_stations(3)
    house.load()
    connection = house.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM odd_v1")
        for i, (text, number, data) in enumerate(zip(TEXTS, NUMBERS, JSONS, strict=True), 1):
            moment = f"20{i:02}-01-02 03:04:05{'.0102' if i % 2 else ''}+02"
            values = (i, text, number, f"{i:04}-12-31", moment, bool(i % 2), data, i / 2, -i if i > 1 else None)
            cursor.execute("INSERT INTO odd_v1 VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", values)
        cursor.execute("INSERT INTO odd_v1 (id) VALUES (99)")
    connection.close()
    return house


@pytest.fixture(scope="module")
def served(house: House) -> Iterator[Served]:
    with house.serve() as served:
        yield served


@pytest.fixture(scope="module")
def rows(served: Served) -> list[dict[str, Any]]:
    """The rows as JSON has them."""
    rows: list[dict[str, Any]] = served.public.get("/odd").json()["data"]
    assert len(rows) == len(TEXTS) + 1
    assert [row["text"] for row in rows] == [*TEXTS, None]
    assert [row["number"] for row in rows] == [*NUMBERS, None]
    assert rows[0]["day"] == "0001-12-31"
    assert [row["moment"] for row in rows[:2]] == ["2001-01-02T01:04:05.010200Z", "2002-01-02T01:04:05Z"]
    return rows


# An export, and the page that holds as much.
whole = pytest.mark.parametrize("query", ["", "?limit=1000"], ids=["export", "page"])


@whole
def test_ndjson(served: Served, rows: list[dict[str, Any]], query: str) -> None:
    answer = served.public.get(f"/odd.ndjson{query}")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.text.endswith("}\n")
    assert [json.loads(line) for line in answer.text.removesuffix("\n").split("\n")] == rows


def test_a_page_and_an_export_of_json_objects_are_the_same_bytes(served: Served) -> None:
    page, export = (served.public.get(f"/odd.ndjson{query}").content for query in ("?limit=1000", ""))
    assert page == export
    array = served.public.get("/odd").content.partition(b'"data":')[2].partition(b',"meta":')[0]
    assert array == b"[" + b",".join(page.splitlines()) + b"]"
    assert served.public.get("/odd/3").content.startswith(b'{"data":' + page.splitlines()[2] + b",")
    # As PostgreSQL writes them: the shortest that gives the same number.
    numbers = re.findall(rb'"number":([^,]*)', page)
    assert numbers[:8] == [
        b"0.1",
        b"0",
        b"1",
        b"1e+15",
        b"1.2345678901234568e+17",
        b"1e+22",
        b"5e-324",
        b"1.7976931348623157e+308",
    ]


@whole
def test_csv(served: Served, rows: list[dict[str, Any]], query: str) -> None:
    answer = served.public.get(f"/odd.csv{query}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.text.endswith("\r\n")
    header, *records = csv.reader(io.StringIO(answer.text, newline=""), strict=True)
    assert header == list(rows[0])
    assert len(records) == len(rows)
    numbers: dict[str, Callable[[str], object]] = {"id": int, "number": float, "lon": float, "lat": float}
    types = numbers | {"flag": json.loads, "data": json.loads}
    for record, row in zip(records, rows, strict=True):
        for name, cell in zip(header, record, strict=True):
            if cell:
                assert types.get(name, str)(cell) == row[name]
            else:
                assert row[name] in (None, "")
    # Null and an empty text differ, so that a file can be loaded as it is.
    lines = answer.text.split("\r\n")
    assert lines[2].startswith('2,"",')
    assert lines[-2] == "99,,,,,,,,"


def test_a_page_and_an_export_in_csv_differ_in_nothing_but_how_numbers_are_written(served: Served) -> None:
    page, export = (served.public.get(f"/stations.csv{query}").text for query in ("?limit=1000", ""))
    assert page == export


@whole
def test_geojson(served: Served, rows: list[dict[str, Any]], query: str) -> None:
    answer = served.public.get(f"/odd.geojson{query}")
    assert answer.headers["Content-Type"] == "application/geo+json"
    body = answer.json()
    assert body["type"] == "FeatureCollection"
    for feature, row in zip(body["features"], rows, strict=True):
        place = [row["lon"], row["lat"]]
        geometry = None if None in place else {"type": "Point", "coordinates": place}
        properties = {name: value for name, value in row.items() if name not in ("lon", "lat")}
        assert feature == {"type": "Feature", "id": row["id"], "geometry": geometry, "properties": properties}
    assert [feature["geometry"] is None for feature in body["features"]] == [True] + [False] * 11 + [True]


def test_groups_have_a_place_when_they_are_groups_by_it(served: Served) -> None:
    path = "/odd/aggregate.geojson?id__in=1,2&group_by=lon,lat"
    for query in ("", "&limit=9"):
        first, second = served.public.get(f"{path}{query}").json()["features"]
        assert (first["geometry"], first["properties"]) == (None, {"count": 1})
        assert second["geometry"] == {"type": "Point", "coordinates": [1, -2]}


@whole
def test_parquet(served: Served, rows: list[dict[str, Any]], query: str) -> None:
    answer = served.public.get(f"/odd.parquet{query}")
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    table = read_parquet(answer.content).read_all()
    for name in rows[0]:
        column = table[name]
        values = [column[i].as_py() for i in range(len(column))]
        told = [row[name] for row in rows]
        match name:
            case "day":
                assert values == [value and date.fromisoformat(value) for value in told]
            case "moment":
                assert [value and value.astimezone(UTC) for value in values] == [
                    value and datetime.fromisoformat(value) for value in told
                ]
            case "data":
                assert [value and json.loads(value) for value in values] == told
                assert values[1] == "null"
            case _:
                assert values == told


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "geojson", "parquet"])
def test_an_empty_dataset_is_a_valid_file(served: Served, suffix: str) -> None:
    # A cursor behind the last row leaves nothing.
    answer = served.public.get(f"/odd.{suffix}?cursor={Cursor(1, 'id', (99,)).encode()}")
    assert answer.status_code == 200
    match suffix:
        case "csv":
            assert answer.text == "id,text,number,day,moment,flag,data,lon,lat\r\n"
        case "ndjson":
            assert answer.content == b""
        case "geojson":
            assert answer.json() == {"type": "FeatureCollection", "features": []}
        case "parquet":
            assert read_parquet(answer.content).read_all().num_rows == 0


@pytest.mark.parametrize("suffix", ["json", "csv", "ndjson", "geojson", "parquet"])
def test_pages_of_each_format_lead_on_in_that_format(served: Served, suffix: str) -> None:
    link, pages = f"/odd.{suffix}?limit=5", 0
    while link:
        answer = served.public.get(link)
        pages += 1
        link = answer.links.get("next", {}).get("url", "")
        assert not link or (link.startswith(f"/odd.{suffix}?cursor=") and link.endswith("&limit=5"))
    assert pages == 3


def test_what_is_saved_has_a_name(served: Served) -> None:
    for query in ("", "?limit=1"):
        headers = served.public.get(f"/odd.csv{query}").headers
        assert headers["Content-Disposition"] == 'inline; filename="odd.csv"'
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_accept_chooses_like_a_suffix(served: Served) -> None:
    by_suffix = served.public.get("/odd.csv?limit=3")
    by_accept = served.public.get("/odd?limit=3", headers={"Accept": "text/csv"})
    assert by_accept.content == by_suffix.content
    assert by_accept.headers["Vary"] == "Accept, Accept-Encoding"
    assert by_suffix.headers["Vary"] == "Accept-Encoding"
    # A suffix is the client's last word.
    assert served.public.get("/odd.csv?limit=3", headers={"Accept": "text/html"}).content == by_suffix.content
