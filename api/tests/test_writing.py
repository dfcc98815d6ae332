"""What HTTP promises for a writable dataset."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from house import House, Served, make_house
from parts import Postgres
from test_resources import assert_problem
from written import EMPTY, NOTES_YML, WORDS_YML, add, note, rows, serve

JSON = {"Content-Type": "application/json"}
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
    for path in ("/notes", "/words"):
        for row in rows(served.public, path):
            key = row.get("id", row.get("word"))
            assert served.public.delete(f"{path}/{quote(str(key), safe='')}").status_code == 204
    return served.public


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
    ("members", "wrong"),
    [
        ({}, {"code": "required"}),
        ({"code": None, "lvl": 1}, {"code": "required", "lvl": "Did you mean level?"}),
        (
            {"code": 1, "level": "1", "part": "1", "flag": 0},
            dict.fromkeys(["code", "level", "part", "flag"], "must be"),
        ),
        ({"code": "\0"}, {"code": "NUL"}),
        ({"code": "a", "level": 1.5}, {"level": "whole number"}),
        ({"code": "a", "level": 2**63}, {"level": "64 bits"}),
        ({"code": "a", "id": -(2**64)}, {"id": "64 bits"}),
        ({"code": "a", "id": None}, {"id": "required"}),
        ({"code": "a", "id": True}, {"id": "whole number"}),
        ({"code": "a", "day": "31.12.2025"}, {"day": "date such as"}),
        ({"code": "a", "day": "2025-02-30", "time": "now"}, {"day": "date such as", "time": "time such as"}),
        ({"code": "a", "extra": {"x": ["\0"]}}, {"extra": "NUL"}),
        ({"code": "a", "level": 0, "kind": "c"}, {"level": "less than the minimum 1", "kind": "none of a, b"}),
        ({"code": "a", "level": 6, "word": "A"}, {"level": "greater than the maximum 5", "word": "does not match"}),
        ({"code": "x" * 1001, "day": "1999-12-31"}, {"code": "longer than 1000 bytes", "day": "minimum 2000-01-01"}),
    ],
)
def test_every_wrong_member_is_named(client: httpx.Client, members: dict[str, Any], wrong: dict[str, str]) -> None:
    kept = add(client, code="kept")
    answers = [client.post("/notes", json=members)]
    if "id" not in members:
        answers.append(client.put(f"/notes/{kept['id']}", json=members))
        if "code" in members:
            answers.append(client.patch(f"/notes/{kept['id']}", json=members))
    for answer in answers:
        problem = assert_problem(answer, 422, "invalid-row")
        errors = {error["member"]: error["detail"] for error in problem["errors"]}
        assert errors.keys() == wrong.keys()
        for name, said in wrong.items():
            assert said in errors[name]
    assert rows(client) == [kept]


def test_a_key_cannot_be_changed(client: httpx.Client) -> None:
    path = f"/notes/{add(client, code='a')['id']}"
    for method in ("PUT", "PATCH"):
        problem = assert_problem(client.request(method, path, json={"id": 7, "code": "b"}), 422, "invalid-row")
        assert "as in the path" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "line 1, column 1"),
        (b'{"code":\n a}', "line 2, column 2"),
        (b"[1]", "one JSON object"),
        (b'{"code": "a", "code": "b"}', "'code' is there twice"),
        (b'{"code": "a", "extra": {"x": [{"y": 1, "y": 2}]}}', "'y' is there twice"),
        (b'{"code": "a", "part": NaN}', "is not JSON"),
        (b'{"code": "a", "part": 1e400}', "is not JSON"),
        (b'{"code": "\\ud800"}', "is not JSON"),
        (b'{"code": "\xff"}', "is not JSON"),
        (b'{"code": "a", "extra": ' + b"[" * 500 + b"]" * 500 + b"}", "at most 100 deep"),
        (b"[" * 200_000, "is not JSON"),
    ],
)
def test_a_body_that_is_no_object(client: httpx.Client, body: bytes, said: str) -> None:
    problem = assert_problem(client.post("/notes", content=body, headers=JSON), 400, "malformed-body")
    assert said in problem["detail"]
    assert rows(client) == []


def test_numbers_and_json_come_back_as_they_were(client: httpx.Client) -> None:
    body = (
        b'{"code": "a", "level": 5.0, "part": 18446744073709551616, "extra": [1e-300, ' + b"9" * 5000 + b"e-4990, {}]}"
    )
    row = client.post("/notes", content=body, headers=JSON).json()["data"]
    assert (row["level"], row["part"]) == (5, 2.0**64)
    assert row["extra"] == [1e-300, 1e10, {}]


def test_json_is_merged(client: httpx.Client) -> None:
    path = f"/notes/{add(client, code='a', extra={'x': {'a': 1, 'b': [1]}, 'y': 2})['id']}"
    merge = {"Content-Type": "application/merge-patch+json"}
    content = json.dumps({"extra": {"x": {"a": None, "b": 3}, "z": {"q": None}}})
    answer = client.patch(path, content=content, headers=merge)
    assert answer.json()["data"]["extra"] == {"x": {"b": 3}, "y": 2, "z": {}}
    assert client.patch(path, json={"extra": None}).json()["data"]["extra"] is None
    assert client.patch(path, json={"extra": {"a": 1}}).json()["data"]["extra"] == {"a": 1}


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/csv"}, JSON | {"Content-Encoding": "gzip"}])
def test_another_form_is_not_taken(client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.post("/notes", content=b"{}", headers=headers)
    assert_problem(answer, 415, "unsupported-media-type")
    assert ("Accept-Post" in answer.headers) == ("Content-Encoding" not in headers)
    patch = client.patch("/notes/1", content=b"{}", headers={"Content-Type": "text/csv"})
    assert patch.headers["Accept-Patch"] == "application/merge-patch+json, application/json"
    assert client.get("/notes").status_code == 200


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_body_that_is_too_large(client: httpx.Client, is_announced: bool) -> None:
    pieces = [b"x" * 2**18] * 5
    content = b"".join(pieces) if is_announced else iter(pieces)
    answer = client.post("/notes", content=content, headers=JSON)
    assert_problem(answer, 413, "body-too-large")
    assert answer.headers["Connection"] == "close"
    assert client.get("/notes").status_code == 200


def test_a_row_of_nearly_a_megabyte(client: httpx.Client) -> None:
    text = "ä" * 500_000
    row = client.post("/notes", content=json.dumps({"code": "a", "extra": text}, ensure_ascii=False), headers=JSON)
    assert row.status_code == 201
    assert client.get(row.headers["Location"]).json()["data"] == note(row.json()["data"]["id"], "a", extra=text)


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
