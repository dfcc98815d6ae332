"""Private datasets and keys in running servers: every door is shut, and keys count at once in each process."""

import json
from collections.abc import Iterator

import httpx
import pytest
from house import STATIONS_YML, House, Served, make_house
from parts import Postgres, Redis, wait_until

PRIVATE_YML = STATIONS_YML.replace("key: id", "key: id\nprivate: true\nfilters: [name, opened]")
SECRET = "Confidential"
ROWS = "id,name,height,opened,seen,open\n" + "".join(f"{i},{SECRET} {i},,2025-01-01,,\n" for i in range(1, 4))


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put_stations(3)
    house.put(ROWS, yml=PRIVATE_YML, name="staff")
    house.load()
    return house


@pytest.fixture(scope="module")
def key(house: House) -> dict[str, str]:
    return house.key("staff:read")


@pytest.fixture(scope="module")
def served(house: House, redis: Redis, key: dict[str, str]) -> Iterator[Served]:
    with house.serve(redis.settings | {"CORS_ORIGINS": "*", "LOG_LEVEL": "debug"}) as served:
        wait_until(lambda: statuses(served, key) == {200}, "the key")
        yield served


DOORS = [
    f"/staff{rest}"
    for rest in (
        "",
        "/1",
        "/99",
        "?limit=1",
        "?fields=name",
        "?nonsense=1",
        "?cursor=x",
        ".json",
        ".csv",
        ".ndjson",
        ".parquet",
        ".geojson",
        ".xml",
        "/aggregate",
        "/aggregate.csv",
        "/aggregate?group_by=name",
        "/a/b",
    )
]


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_shut_to_those_without_a_key(served: Served, key: dict[str, str], door: str) -> None:
    # Once with it, so that caches have the answer, and its tag can be shown.
    opened = served.public.get(door, headers=key)
    assert opened.status_code not in (401, 403)
    for headers in ({}, {"If-None-Match": "*"}, {"If-None-Match": opened.headers.get("ETag", "x")}):
        for method in ("GET", "HEAD"):
            answer = served.public.request(method, door, headers=headers)
            # What is no route at all is nobody's.
            assert answer.status_code in (401, 404), door
            assert SECRET not in answer.text
            assert "ETag" not in answer.headers
    assert (answer.status_code == 404) == (opened.status_code == 404 and door == "/staff/a/b")


def test_answers_of_a_private_dataset_are_for_one_person(served: Served, key: dict[str, str]) -> None:
    answer = served.public.get("/staff", headers=key)
    assert answer.status_code == 200
    assert SECRET in answer.text
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]
    again = served.public.get("/staff", headers=key | {"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.headers["Cache-Control"]) == (304, "private, no-cache")
    export = served.public.get("/staff.csv", headers=key)
    assert export.headers["Cache-Control"] == "private, no-cache"
    assert len(export.text.splitlines()) == 4


def test_answers_of_a_public_one_are_for_everybody_with_a_key_too(served: Served, key: dict[str, str]) -> None:
    for headers in ({}, key):
        answer = served.public.get("/stations", headers=headers)
        assert answer.headers["Cache-Control"] == "public, no-cache"
        assert "Authorization" not in answer.headers["Vary"]
    assert answer.headers["X-Cache"] == "hit"


def test_what_everybody_may_read_tells_nothing_of_the_rows(served: Served) -> None:
    health = {item["dataset"]: item["rows"] for item in served.public.get("/health").json()["datasets"]}
    assert health == {"staff": None, "stations": 3}
    document = served.public.get("/openapi.json").text
    assert SECRET not in document
    assert "Station 1" in document
    assert SECRET not in served.public.get("/docs").text


def test_the_document_tells_where_a_key_is_needed(served: Served) -> None:
    document = served.public.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["api_key"]["scheme"] == "bearer"
    paths = document["paths"]
    for path in ("/staff", "/staff.csv", "/staff/aggregate", "/staff/{key}"):
        assert paths[path]["get"]["security"] == [{"api_key": ["staff:read"]}]
        assert {"401", "403", "429"} <= paths[path]["get"]["responses"].keys()
    assert paths["/stations"]["get"]["security"] == [{}, {"api_key": ["stations:read"]}]
    assert "403" not in paths["/stations"]["get"]["responses"]


def test_a_key_in_the_query_string_is_not_taken(served: Served, key: dict[str, str]) -> None:
    token = key["Authorization"].removeprefix("Bearer ")
    assert served.public.get("/staff", params={"access_token": token}).status_code == 401
    assert served.public.get("/stations", params={"access_token": token}).status_code == 400


def test_no_token_reaches_the_log_at_any_level(served: Served, key: dict[str, str]) -> None:
    token = key["Authorization"].removeprefix("Bearer ")
    served.public.get("/staff", headers=key | {"X-Request-Id": "told"})
    served.public.get("/staff", headers=key | {"X-Request-Id": token})
    served.public.get(f"/stations?access_token={token}")
    served.public.get(f"/{token}")
    served.public.request(token, "/stations")
    served.public.get("/health", headers={"X-Request-Id": "last"})
    # A line comes just behind its answer.
    wait_until(lambda: '"last"' in served.log.read_text(), "the last line")
    text = served.log.read_text()
    assert token[11:] not in text
    (told,) = [json.loads(line) for line in text.splitlines() if '"told"' in line and '"Answered"' in line]
    assert told["key"] == token[3:11]


def test_a_page_of_another_origin_may_send_a_key_and_read_why_it_was_refused(served: Served) -> None:
    preflight = {
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = served.public.options("/staff", headers=preflight)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
    refused = served.public.get("/staff", headers={"Origin": "https://a.example"})
    exposed = refused.headers["Access-Control-Expose-Headers"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate"} <= set(exposed.split(", "))


def statuses(served: Served, headers: dict[str, str]) -> set[int]:
    """Ask over new connections, so that each worker comes to answer."""
    return {httpx.get(served.public.base_url.join("/staff?limit=1"), headers=headers).status_code for _ in range(12)}


def test_a_key_counts_in_every_process_soon_after_each_change(house: House, served: Served) -> None:
    with house.serve() as other:
        headers = house.key("staff:read")
        wait_until(lambda: all(statuses(one, headers) == {200} for one in (served, other)), "the key", 2)
        house.registry().revoke(headers["Authorization"].removeprefix("Bearer rh_")[:8])
        wait_until(lambda: all(statuses(one, headers) == {401} for one in (served, other)), "its end", 2)


def test_while_postgresql_is_away_keys_stay_what_they_were(
    house: House, postgres: Postgres, served: Served, key: dict[str, str]
) -> None:
    for _ in range(12):
        assert httpx.get(served.public.base_url.join("/staff"), headers=key).status_code == 200
    postgres.stop()
    try:
        wait_until(lambda: served.public.get("/health").status_code == 503, "the loss")
        assert statuses(served, key) <= {200, 503}
        answer = served.public.get("/staff", headers=key)
        assert (answer.status_code, answer.headers["X-Cache"]) == (200, "hit")
        assert statuses(served, {}) == {401}
    finally:
        postgres.start()
    wait_until(lambda: served.public.get("/health").status_code == 200, "the return")
    revoked = house.key("staff:read")
    wait_until(lambda: statuses(served, revoked) == {200}, "a new key")
