"""Tags of what is written, the conditions that name them, and requests that are sent twice."""

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import httpx
import pytest
from house import House, Served
from parts import Postgres
from test_resources import assert_problem
from written import add, emptied, house_of_notes, rows, serve

CODINGS = ("identity", "gzip", "zstd", "gzip, identity;q=0")


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return house_of_notes(postgres, tmp_path_factory.mktemp("datasets"))


@pytest.fixture(scope="module")
def served(house: House) -> Iterator[Served]:
    with serve(house) as served:
        yield served


@pytest.fixture
def client(served: Served) -> httpx.Client:
    """A client of a server whose dataset is empty."""
    return emptied(served.public, "/notes")


def tag(client: httpx.Client, path: str, coding: str = "identity") -> str:
    return client.get(path, headers={"Accept-Encoding": coding}).headers["ETag"]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match_takes_the_tag_of_any_coding_and_no_other_state(
    client: httpx.Client, method: str, coding: str
) -> None:
    path = f"/notes/{add(client, code='a', extra='x' * 2000)['id']}"
    known = tag(client, path, coding)
    other = add(client, code="other")
    # Another row's change does not touch this one's tag.
    assert tag(client, path, coding) == known
    body = None if method == "DELETE" else {"code": "b"}
    for wrong in (tag(client, f"/notes/{other['id']}"), '"x"', f"W/{known}", "nonsense", ""):
        answer = client.request(method, path, json=body, headers={"If-Match": wrong})
        assert_problem(answer, 412, "precondition-failed")
    answer = client.request(method, path, json=body, headers={"If-Match": f'"x", {known}', "Accept-Encoding": "gzip"})
    assert answer.status_code in (200, 204)
    if method != "DELETE":
        assert answer.headers["ETag"] == tag(client, path, "gzip")
        late = client.request(method, path, json={"code": "c"}, headers={"If-Match": known})
        assert_problem(late, 412, "precondition-failed")
        assert client.get(path).json()["data"]["code"] == "b"


def test_each_coding_has_a_tag_of_its_own(client: httpx.Client) -> None:
    path = f"/notes/{add(client, code='a', extra='x' * 2000)['id']}"
    tags = {tag(client, path, coding) for coding in CODINGS}
    assert len(tags) == len(CODINGS)
    for known in tags:
        answers = [client.get(path, headers={"Accept-Encoding": c, "If-None-Match": known}) for c in CODINGS]
        assert sorted(answer.status_code for answer in answers) == [200] * (len(CODINGS) - 1) + [304]


def test_a_star(client: httpx.Client) -> None:
    path = f"/notes/{add(client, code='a')['id'] + 1}"
    body = {"code": "b"}
    assert_problem(client.put(path, json=body, headers={"If-Match": "*"}), 412, "precondition-failed")
    assert client.put(path, json=body, headers={"If-None-Match": "*"}).status_code == 201
    assert_problem(client.put(path, json=body, headers={"If-None-Match": "*"}), 412, "precondition-failed")
    assert client.put(path, json=body, headers={"If-Match": "*"}).status_code == 200
    known = tag(client, path)
    weak = {"If-None-Match": f"W/{known}"}
    assert_problem(client.patch(path, json=body, headers=weak), 412, "precondition-failed")
    # Without a row there is nothing to be conditional about (RFC 9110, 13.2.1).
    assert_problem(client.delete("/notes/999999", headers={"If-Match": "*"}), 404, "row-not-found")


def test_a_date(client: httpx.Client) -> None:
    path = f"/notes/{add(client, code='a')['id']}"
    changed = client.get(path).headers["Last-Modified"]
    before = format_datetime(parsedate_to_datetime(changed) - timedelta(seconds=1), usegmt=True)
    earlier = client.patch(path, json={}, headers={"If-Unmodified-Since": before})
    assert_problem(earlier, 412, "precondition-failed")
    assert client.patch(path, json={}, headers={"If-Unmodified-Since": changed}).status_code == 200
    assert client.patch(path, json={}, headers={"If-Unmodified-Since": "nonsense"}).status_code == 200
    # Within a second there may be many changes.
    assert client.get(path, headers={"If-Modified-Since": changed}).status_code == 200


def test_the_collection_has_a_tag_too(client: httpx.Client) -> None:
    paths = ("/notes", "/notes?limit=1", "/notes.csv", "/notes/aggregate")
    known = {path: client.get(path).headers["ETag"] for path in paths}
    assert len(set(known.values())) == 4
    assert [path for path, value in known.items() if value.startswith("W/")] == ["/notes.csv"]
    for path, value in known.items():
        for listed in (value, value.removeprefix("W/"), "*"):
            assert client.get(path, headers={"If-None-Match": listed}).status_code == 304
    only_then = {"If-Match": known["/notes?limit=1"]}
    assert client.post("/notes", json={"code": "a"}, headers=only_then).status_code == 201
    assert_problem(client.post("/notes", json={"code": "b"}, headers=only_then), 412, "precondition-failed")
    for path, value in known.items():
        assert client.get(path, headers={"If-None-Match": value}).status_code == 200


def test_a_request_that_is_sent_again(client: httpx.Client) -> None:
    key = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
    first = client.post("/notes", json={"code": "a"}, headers=key)
    again = client.post("/notes", json={"code": "a"}, headers=key)
    bare = client.post("/notes", json={"code": "a"}, headers={"Idempotency-Key": key["Idempotency-Key"].strip('"')})
    assert "Idempotency-Replayed" not in first.headers
    for answer in (again, bare):
        assert (answer.status_code, answer.content) == (201, first.content)
        assert answer.headers["Idempotency-Replayed"] == "true"
        for name in ("Location", "ETag", "Last-Modified"):
            assert answer.headers[name] == first.headers[name]
    assert len(rows(client)) == 1
    assert_problem(client.post("/notes", json={"code": "b"}, headers=key), 422, "idempotency-key-reused")
    path = first.headers["Location"]
    assert_problem(client.patch(path, json={"code": "a"}, headers=key), 422, "idempotency-key-reused")


def test_a_change_that_is_sent_again_after_others(client: httpx.Client) -> None:
    path = f"/notes/{add(client, code='a')['id']}"
    headers = {"Idempotency-Key": "change-1", "If-Match": tag(client, path)}
    first = client.patch(path, json={"level": 2}, headers=headers)
    client.patch(path, json={"level": 3})
    again = client.patch(path, json={"level": 2}, headers=headers)
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert client.get(path).json()["data"]["level"] == 3
    removed = {"Idempotency-Key": "remove-1"}
    assert [client.delete(path, headers=removed).status_code for _ in range(2)] == [204, 204]
    assert_problem(client.delete(path), 404, "row-not-found")


def test_what_was_refused_is_judged_anew(client: httpx.Client) -> None:
    taken = add(client, code="a")
    key = {"Idempotency-Key": "again"}
    assert_problem(client.post("/notes", json={"code": "a"}, headers=key), 409, "conflict")
    client.delete(f"/notes/{taken['id']}")
    assert client.post("/notes", json={"code": "a"}, headers=key).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", '"a', '"a"b"'])
def test_what_is_no_key(client: httpx.Client, key: str) -> None:
    answer = client.post("/notes", json={"code": "a"}, headers={"Idempotency-Key": key})
    assert_problem(answer, 400, "invalid-idempotency-key")
    assert rows(client) == []


def test_keys_are_kept_for_a_day_and_the_old_ones_cleared(client: httpx.Client, house: House) -> None:
    for number in range(3):
        client.post("/notes", json={"code": f"c{number}"}, headers={"Idempotency-Key": f"day-{number}"})
    house.sql("UPDATE dataset_answer SET answered_at = now() - interval '23 hours'")
    assert client.post("/notes", json={"code": "c0"}, headers={"Idempotency-Key": "day-0"}).status_code == 201
    house.sql("UPDATE dataset_answer SET answered_at = now() - interval '25 hours'")
    late = client.post("/notes", json={"code": "c0"}, headers={"Idempotency-Key": "day-0"})
    assert_problem(late, 409, "conflict")
    assert client.post("/notes", json={"code": "d"}, headers={"Idempotency-Key": "day-1"}).status_code == 201
    assert house.sql("SELECT count(*) FROM dataset_answer") == [(1,)]
