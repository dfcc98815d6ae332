"""/: a page for browsers, an index for programs."""

import re
from collections.abc import Iterator

import httpx
import pytest
from house import Served, make_house_of_stations
from parts import Postgres, wait_until
from test_resources import assert_problem

# What a browser sends when somebody types an address.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PLACES_YML = """\
title: Places
description: Invented
source: Nobody
file: places.csv
key: name
filters: [opened]
point: {longitude: east, latitude: north}
columns:
  name: {type: text}
  opened: {type: date, description: First day}
  east: {type: number, unit: degrees}
  north: {type: number, unit: degrees}
"""


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    house = make_house_of_stations(postgres, tmp_path_factory.mktemp("datasets"), 3)
    # Nobody loads this one.
    house.put("name,opened,east,north\n", yml=PLACES_YML, name="places")
    with house.serve({"WORKERS": "1"}, until_ready=False) as served:
        wait_until(lambda: answers(served), "an answer")
        yield served


def answers(served: Served) -> bool:
    try:
        return bool(served.public.get("/").json()["datasets"])
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        (BROWSER, "text/html; charset=utf-8"),
        ("text/*", "text/html; charset=utf-8"),
    ],
)
def test_accept_chooses(served: Served, accept: str, kind: str) -> None:
    answer = served.public.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.headers["Cache-Control"] == "public, no-cache"
    assert '</openapi.json>; rel="service-desc"' in answer.headers["Link"]
    head = served.public.head("/", headers={"Accept": accept})
    assert (head.headers["Content-Type"], head.headers["ETag"], head.content) == (kind, answer.headers["ETag"], b"")
    again = served.public.get("/", headers={"Accept": accept, "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["Vary"]) == (304, b"", "Accept, Accept-Encoding")


def test_the_index_names_what_can_be_asked(served: Served) -> None:
    index = served.public.get("/").json()
    stations, places = sorted(index["datasets"], key=lambda dataset: str(dataset["name"]), reverse=True)
    assert (stations["name"], stations["title"], stations["rows"]) == ("stations", "Stations", 3)
    assert stations["point"] is None
    assert stations["formats"] == ["json", "csv", "ndjson", "parquet"]
    assert stations["links"] == {"rows": "/stations", "aggregate": "/stations/aggregate"}
    assert served.public.get(stations["links"]["rows"]).json()["meta"]["loaded_at"] == stations["loaded_at"]
    assert (places["rows"], places["version"], places["loaded_at"]) == (None, None, None)
    assert places["point"] == {"longitude": "east", "latitude": "north"}
    assert "geojson" in places["formats"]
    columns = {column["name"]: column for column in places["columns"]}
    assert columns["opened"] == {
        "name": "opened",
        "type": "date",
        "unit": "",
        "description": "First day",
        "required": False,
        "operators": ["eq", "ne", "lt", "lte", "gt", "gte", "in", "isnull"],
        "parts": ["year", "month", "week", "day"],
        "functions": ["count", "min", "max"],
    }
    assert columns["east"]["operators"] == columns["east"]["functions"] == []


def test_all_that_the_page_loads_is_there_and_comes_from_here(served: Served) -> None:
    page = served.public.get("/", headers={"Accept": BROWSER})
    policy = dict(item.strip().split(" ", 1) for item in page.headers["Content-Security-Policy"].split(";"))
    assert policy.pop("img-src") == "'self' data:"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert not re.search(r"//|<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=", page.text)
    paths = re.findall(r'(?:src|href)="(/explorer/[^"]+)"', page.text)
    folder = paths[0].rpartition("/")[0]
    # Modules name each other and what they load when it is needed.
    seen = set[str]()
    while paths:
        path = paths.pop()
        if path in seen:
            continue
        seen.add(path)
        asset = served.public.get(path)
        assert (asset.status_code, asset.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable"), path
        if path.endswith(".js") and len(asset.text) < 20_000:
            names = re.findall(r'from "\./([a-z]+\.js)"|(?:script|URL)\("([a-z_]+\.(?:js|css|json))"', asset.text)
            paths += [f"{folder}/{name}" for pair in names for name in pair if name]
    assert {"main.js", "leaflet.js", "leaflet.css", "chart_bundle.js", "outlines.json"} <= {
        path.rpartition("/")[2] for path in seen
    }


def test_mistakes(served: Served) -> None:
    assert_problem(served.public.get("/?limit=1"), 400, "unknown-parameter")
    assert_problem(served.public.get("/", headers={"Accept": "image/png"}), 406, "not-acceptable")
    assert_problem(served.public.get("/explorer/0123456789abcdef/nothing.js"), 404, "route-not-found")
    assert_problem(served.public.get("/explorer"), 404, "route-not-found")
    assert_problem(served.public.post("/"), 405, "method-not-allowed")
    assert served.public.options("/").headers["Allow"] == "GET, HEAD, OPTIONS"
