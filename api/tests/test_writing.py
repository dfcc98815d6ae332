"""What HTTP promises for a writable dataset."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from house import House, Served, make_house
from parts import Postgres
from test_resources import assert_problem
from written import EMPTY, NOTES_YML, WORDS_YML, add, emptied, note, rows, serve

FULL: dict[str, Any] = {
    "level": 5,
    "part": 0.1,
    "day": "2025-12-31",
    "time": "2025-12-31T23:59:59.500000Z",
    "flag": False,
    "kind": "a",
    "word": "xyz",
    "extra": {"ä": [1.5, None, "\\"]},
}


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.let_reader_read()
    house.put(yml=NOTES_YML, name="notes")
    house.put(yml=WORDS_YML, name="words")
    house.put_stations(1)
    house.load()
    return house


@pytest.fixture(scope="module")
def served(house: House) -> Iterator[Served]:
    with serve(house) as served:
        yield served


@pytest.fixture
def client(served: Served) -> httpx.Client:
    """A client of a server whose datasets are empty."""
    return emptied(served.public, "/notes", "/words")


def test_an_empty_dataset_is_there(client: httpx.Client) -> None:
    page = client.get("/notes").json()
    assert (page["data"], page["meta"]["total"], page["links"]["next"]) == ([], 0, None)
    for form in ("csv", "ndjson", "parquet"):
        assert client.get(f"/notes.{form}").status_code == 200
    assert client.get("/notes/aggregate").json()["data"] == [{"count": 0}]
    assert client.get("/health").json()["status"] == "ok"


def test_a_row_is_added_read_replaced_changed_and_removed(client: httpx.Client) -> None:
    created = client.post("/notes", json={"code": "a"} | FULL)
    assert created.status_code == 201
    path = created.headers["Location"]
    number = created.json()["data"]["id"]
    assert path == f"/notes/{number}" == created.headers["Content-Location"]
    assert created.json()["data"] == note(number, "a", **FULL)
    assert created.json()["links"] == {"self": path, "collection": "/notes"}
    assert client.get(path).content == created.content
    replaced = client.put(path, json={"code": "b", "level": 1})
    assert (replaced.status_code, replaced.json()["data"]) == (200, note(number, "b", level=1))
    changed = client.patch(path, json={"level": None, "flag": True})
    assert (changed.status_code, changed.json()["data"]) == (200, note(number, "b", flag=True))
    assert rows(client) == [note(number, "b", flag=True)]
    removed = client.delete(path)
    assert (removed.status_code, removed.content) == (204, b"")
    assert_problem(client.get(path), 404, "row-not-found")
    assert_problem(client.delete(path), 404, "row-not-found")
    assert_problem(client.patch(path, json={}), 404, "row-not-found")


def test_numbers_are_given_once_and_behind_those_that_clients_choose(client: httpx.Client) -> None:
    first = add(client, code="a")["id"]
    assert add(client, code="b", id=first + 10)["id"] == first + 10
    second = add(client, code="c")["id"]
    assert second == first + 11
    assert client.delete(f"/notes/{second}").status_code == 204
    assert add(client, code="d")["id"] == second + 1
    put = client.put(f"/notes/{second}", json={"code": "e"})
    assert (put.status_code, put.headers["Location"]) == (201, f"/notes/{second}")


@pytest.mark.parametrize("key", ["a b", "a/b", "ä", "%", "a.csv", "10", "é/../x", "aggregates"])
def test_a_text_as_key(client: httpx.Client, key: str) -> None:
    created = client.post("/words", json={"word": key, "meaning": "m"})
    assert created.status_code == 201, created.text
    path = created.headers["Location"]
    assert client.get(path).json()["data"] == {"word": key, "meaning": "m"}
    assert client.put(path, json={"meaning": "n"}).status_code == 200
    assert client.put(path, json={"word": key, "meaning": "n"}).status_code == 200
    assert rows(client, "/words") == [{"word": key, "meaning": "n"}]
    assert client.delete(path).status_code == 204


@pytest.mark.parametrize("key", ["", "aggregate", "aggregate.csv", ".", ".."])
def test_a_key_that_no_path_leads_to(client: httpx.Client, key: str) -> None:
    problem = assert_problem(client.post("/words", json={"word": key, "meaning": "m"}), 422, "invalid-row")
    assert "no path could lead" in problem["detail"]


def test_everything_that_can_be_asked_of_others(client: httpx.Client) -> None:
    numbers = [add(client, code=f"c{i}", level=i % 3 + 1, part=i / 8)["id"] for i in range(7)]
    assert client.get("/notes?level=2&count=exact").json()["meta"]["total"] == 2
    assert client.get("/notes").json()["meta"]["total"] == 7
    assert client.get("/notes?code__startswith=c&count=estimated").json()["meta"]["total_is"] == "estimated"
    groups = client.get("/notes/aggregate?group_by=level&select=count,max.id").json()["data"]
    assert [(group["level"], group["count"]) for group in groups] == [(1, 3), (2, 2), (3, 2)]
    assert client.get("/notes.csv?fields=id&level=3").text == f"id\r\n{numbers[2]}\r\n{numbers[5]}\r\n"
    assert len(client.get("/notes.ndjson").text.splitlines()) == 7
    seen, link = [], "/notes?limit=2&sort=-code"
    while link:
        page = client.get(link).json()
        seen += [row["id"] for row in page["data"]]
        link = page["links"]["next"]
    assert seen == numbers[::-1]


def test_a_walk_goes_on_while_others_write(client: httpx.Client) -> None:
    numbers = [add(client, code=f"c{i}")["id"] for i in range(6)]
    page = client.get("/notes?limit=2").json()
    client.delete(f"/notes/{numbers[0]}")
    client.delete(f"/notes/{numbers[2]}")
    late = add(client, code="late")["id"]
    seen = [row["id"] for row in page["data"]]
    while link := page["links"]["next"]:
        page = client.get(link).json()
        seen += [row["id"] for row in page["data"]]
    assert seen == [numbers[0], numbers[1], *numbers[3:], late]


def test_a_duplicate_names_its_column(client: httpx.Client) -> None:
    first, second = add(client, code="a"), add(client, code="b")
    for answer in (
        client.post("/notes", json={"code": "a"}),
        client.put(f"/notes/{second['id']}", json={"code": "a"}),
        client.put(f"/notes/{second['id'] + 100}", json={"code": "a"}),
        client.patch(f"/notes/{second['id']}", json={"code": "a"}),
    ):
        problem = assert_problem(answer, 409, "conflict")
        assert (problem["column"], "'a'" in problem["detail"]) == ("code", True)
    problem = assert_problem(client.post("/notes", json={"code": "z", "id": first["id"]}), 409, "conflict")
    assert problem["column"] == "id"
    assert rows(client) == [first, second]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/notes", "GET, HEAD, POST, OPTIONS"),
        ("/notes/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("/notes.csv", "GET, HEAD, OPTIONS"),
        ("/notes/aggregate", "GET, HEAD, OPTIONS"),
        ("/stations", "GET, HEAD, OPTIONS"),
        ("/stations/1", "GET, HEAD, OPTIONS"),
    ],
)
def test_methods(client: httpx.Client, path: str, allowed: str) -> None:
    methods = set(allowed.split(", "))
    assert client.options(path).headers["Allow"] == allowed
    for method in {"POST", "PUT", "PATCH", "DELETE"} - methods:
        answer = client.request(method, path, json={})
        assert_problem(answer, 405, "method-not-allowed")
        assert set(answer.headers["Allow"].split(", ")) == methods


def test_a_client_that_could_not_read_the_answer_writes_nothing(client: httpx.Client) -> None:
    for headers in ({"Accept": "text/csv"}, {"Accept-Encoding": "br, *;q=0"}):
        assert_problem(client.post("/notes", json={"code": "a"}, headers=headers), 406, "not-acceptable")
    assert_problem(client.post("/notes?x=1", json={"code": "a"}), 400, "unknown-parameter")
    assert rows(client) == []


def test_what_was_written_is_not_shown_in_the_description(client: httpx.Client) -> None:
    add(client, code="between-us", **EMPTY)
    document = client.get("/openapi.json")
    assert "between-us" not in document.text
    add(client, code="more")
    assert client.get("/openapi.json").headers["ETag"] == document.headers["ETag"]
