"""The HTTP surface, asked of a real server."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from house import HEADER, STATIONS_YML, House, Served, make_house
from parts import Postgres, wait_until
from rowhouse import __version__
from rowhouse.cursor import Cursor

BY_NAME_YML = STATIONS_YML.replace("key: id", "key: name").replace("title: Stations", "title: By name")


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two datasets: `stations`, keyed by number, and `names`, keyed by text."""
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put_stations(5)
    house.put(HEADER + "1,a b&c?ä%,,,,\n2,other,,,,\n", yml=BY_NAME_YML, name="names")
    house.load()
    with house.serve() as served:
        yield served


def cursor(version: int, key: int = 1) -> str:
    """Return a cursor behind a key."""
    return Cursor(version, "id", (key,)).encode()


def assert_problem(response: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """Check the one shape of all problems, and return it."""
    body: dict[str, Any] = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.status_code, body["status"]) == (status, status), body
    assert body["type"] == f"urn:problem-type:rowhouse:{name}"
    assert body["title"]
    assert body["detail"]
    assert "psycopg2" not in response.text
    assert "SELECT" not in response.text
    return body


def test_a_page(served: Served) -> None:
    response = served.public.get("/stations?limit=2")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Cache"] == "miss"
    body = response.json()
    assert [row["id"] for row in body["data"]] == [1, 2]
    assert list(body["data"][0]) == ["id", "name", "height", "opened", "seen", "open"]
    meta = body["meta"]
    assert (meta["dataset"], meta["total"], meta["count"], meta["limit"]) == ("stations", 5, 2, 2)
    assert meta["version"] >= 1
    assert meta["loaded_at"].endswith("Z")
    assert body["links"]["self"] == "/stations?limit=2"
    assert response.headers["Link"] == f'<{body["links"]["next"]}>; rel="next"'


def test_following_next_to_the_end(served: Served) -> None:
    keys = []
    link = "/stations?limit=2"
    while link:
        response = served.public.get(link)
        assert response.json()["links"]["self"] == link
        keys += [row["id"] for row in response.json()["data"]]
        link = response.json()["links"]["next"]
    assert keys == [1, 2, 3, 4, 5]
    assert "Link" not in response.headers


def test_one_row(served: Served) -> None:
    body = served.public.get("/stations/3").json()
    assert body["data"]["name"] == "Station 3"
    assert body["links"] == {"self": "/stations/3", "collection": "/stations"}
    assert body["meta"]["dataset"] == "stations"


def test_a_key_with_signs_is_found_by_its_own_link(served: Served) -> None:
    link = "/names/" + quote("a b&c?ä%", safe="")
    body = served.public.get(link).json()
    assert body["data"]["id"] == 1
    assert body["links"]["self"] == link


def test_no_such_row(served: Served) -> None:
    assert (
        assert_problem(served.public.get("/stations/6"), 404, "row-not-found")["detail"]
        == "/stations has no row whose id is 6."
    )


@pytest.mark.parametrize(
    ("path", "status", "name", "said"),
    [
        ("/stations/six", 400, "invalid-key", "id must be a whole number"),
        ("/stations/3?limit=1", 400, "unknown-parameter", "this route takes no parameters"),
        (
            "/stations?limt=1",
            400,
            "unknown-parameter",
            "'limt' is unknown; there are fields, sort, limit, cursor, count and filters by id. Did you mean limit?",
        ),
        ("/stations?limit=0", 400, "invalid-parameter", "limit must be a whole number from 1 to 1000, not '0'."),
        ("/stations?limit=1&limit=2", 400, "invalid-parameter", "limit must be given once."),
        ("/stations?cursor=abc", 400, "invalid-parameter", "cursor must be taken from links.next"),
        ("/stations?limit=%FF", 400, "invalid-parameter", "percent-encoded UTF-8"),
        (
            f"/stations?cursor={Cursor(999, 'id', (1,)).encode()}",
            410,
            "cursor-expired",
            "Start again from the first page",
        ),
        (
            f"/stations?cursor={Cursor(2**62, 'id', (1,)).encode()}",
            410,
            "cursor-expired",
            "Start again from the first page",
        ),
        # Of a release with another key column.
        (f"/stations?cursor={Cursor(1, 'number', (1,)).encode()}", 410, "cursor-expired", "Start again"),
        (f"/stations?cursor={Cursor(1, '-id', (1,)).encode()}", 400, "invalid-parameter", "belongs to the order '-id'"),
        ("/names/%FF", 404, "row-not-found", ""),
        ("/names/a%00b", 400, "invalid-key", "without NUL"),
        (
            "/nothing",
            404,
            "route-not-found",
            "/nothing does not exist; there is /names, /stations, /, /api/health, /api/mirror, ",
        ),
        ("/stations/1/2", 404, "route-not-found", "/stations"),
        ("/livez", 404, "route-not-found", "/livez does not exist"),
        ("/health?a=1", 400, "unknown-parameter", "this route takes no parameters"),
    ],
)
def test_a_problem(served: Served, path: str, status: int, name: str, said: str) -> None:
    assert said in assert_problem(served.public.get(path), status, name)["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_method_that_is_not_there(served: Served, method: str) -> None:
    response = served.public.request(method, "/stations", content=b"{}")
    assert "GET" in assert_problem(response, 405, "method-not-allowed")["detail"]
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_health(served: Served) -> None:
    body = served.public.get("/health").json()
    assert (body["status"], body["reasons"], body["release"]) == ("ok", [], __version__)
    assert [(dataset["dataset"], dataset["rows"]) for dataset in body["datasets"]] == [("names", 2), ("stations", 5)]


def test_the_admin_port(served: Served) -> None:
    assert served.admin.get("/livez").json() == {"status": "ok"}
    assert served.admin.get("/readyz").json() == {"status": "ok"}
    assert_problem(served.admin.get("/stations"), 404, "route-not-found")


def test_walks_see_each_row_of_their_version_once_while_versions_change(house: House) -> None:
    put_moving(house, 1)
    with house.serve() as served:
        # Walks that are under way: version, the keys that were seen, and where it goes on.
        walks: list[tuple[int, list[int], str]] = []
        finished = []
        for version in range(1, 8):
            put_moving(house, version)
            wait_until(lambda: served.public.get("/stations?limit=1").json()["meta"]["version"] == version, "news")  # noqa: B023 - called at once
            walks.append((version, [], "/stations?limit=3"))
            under_way = []
            for number, seen, link in walks:
                body = served.public.get(link).json()
                assert body["meta"]["version"] == number
                seen += [row["id"] for row in body["data"]]
                if following := body["links"]["next"]:
                    under_way.append((number, seen, following))
                else:
                    finished.append((number, seen))
            walks = under_way
        # A walk has three pages, so its last one is of the oldest version that is kept.
        assert finished == [(number, moving_keys(number)) for number in range(1, 6)]


def test_a_walk_ends_with_410_when_its_version_was_dropped(house: House) -> None:
    house.put_stations(3)
    house.load()
    with house.serve() as served:
        following = served.public.get("/stations?limit=2").json()["links"]["next"]
        for count in (4, 5, 6):
            house.put_stations(count)
            house.load()
        assert_problem(served.public.get(following), 410, "cursor-expired")


def test_a_cursor_of_a_version_that_only_another_replica_has_seen(house: House) -> None:
    house.put_stations(3)
    house.load()
    with house.serve() as served:
        served.public.get("/stations")
        for count in (4, 5, 6):
            house.put_stations(count)
            house.load()
            ((version,),) = house.sql("SELECT version FROM dataset_pointer")
            page = served.public.get(f"/stations?cursor={cursor(int(str(version)), count - 1)}")
            assert [row["id"] for row in page.json()["data"]] == [count]


def test_not_ready_before_the_first_load_and_ready_after_it_without_a_restart(house: House) -> None:
    house.put_stations(1)
    with house.serve(until_ready=False) as served:
        wait_until(lambda: answers(served), "the server")
        assert "no version of stations" in assert_problem(served.admin.get("/readyz"), 503, "unavailable")["detail"]
        unready = served.public.get("/stations")
        assert_problem(unready, 503, "unavailable")
        assert unready.headers["Retry-After"] == "1"
        assert served.public.get("/health").status_code == 503
        assert served.admin.get("/livez").status_code == 200
        house.load()
        wait_until(served.is_ready, "ready after the load")
        # One of two workers has said so; the other may hear of the load half a second later.
        wait_until(lambda: served.public.get("/stations").status_code == 200, "an answer after the load")


def moving_keys(version: int) -> list[int]:
    """Return seven keys: every version lacks the first one of the version before, and has one that it lacks."""
    return list(range(version, version + 7))


def put_moving(house: House, version: int) -> None:
    house.put(HEADER + "".join(f"{key},,,,,\n" for key in moving_keys(version)))
    house.load()


def answers(served: Served) -> bool:
    try:
        return served.admin.get("/livez").status_code == 200
    except httpx.TransportError:
        return False
