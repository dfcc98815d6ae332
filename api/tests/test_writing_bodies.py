"""What clients send as rows: what is taken, and what is said of everything else."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from house import Served
from parts import Postgres
from test_resources import assert_problem
from written import add, emptied, house_of_notes, note, rows, serve

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    house = house_of_notes(postgres, tmp_path_factory.mktemp("datasets"))
    with serve(house) as served:
        yield served


@pytest.fixture
def client(served: Served) -> httpx.Client:
    """A client of a server whose dataset is empty."""
    return emptied(served.public, "/notes")


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
