"""Request ids and log lines of the real server."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from house import House, Served, make_house_of_stations
from parts import Postgres, wait_until


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house_of_stations(postgres, tmp_path_factory.mktemp("datasets"), 5)


@pytest.fixture(scope="module")
def served(house: House) -> Iterator[Served]:
    with house.serve({"WORKERS": "1", "STATEMENT_TIMEOUT_MS": "100"}) as served:
        yield served


def lines(served: Served, count: int, **fields: object) -> list[dict[str, Any]]:
    """Return what was logged with these fields, which comes just behind the answers; there must be so many lines."""

    def found() -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in served.log.read_text().splitlines(keepends=True) if line[-1] == "\n"]
        return [entry for entry in entries if fields.items() <= entry.items()]

    wait_until(lambda: len(found()) >= count, f"{count} lines with {fields}")
    assert len(found()) == count
    return found()


@pytest.mark.parametrize("given", ["a", "x" * 128, "4bf92f35-77b3", "a.b_c~d:e+f/g=h"])
def test_a_clients_id_is_kept(served: Served, given: str) -> None:
    assert served.public.get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given
    assert lines(served, 1, request_id=given, message="Answered")


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", 'a"b', "a;b", "é", "{}"])
def test_another_id_is_made(served: Served, given: str | None) -> None:
    headers = {} if given is None else {b"X-Request-Id": given.encode()}
    made = [served.public.get("/health", headers=headers).headers["X-Request-Id"] for _ in range(2)]
    assert made[0] != made[1]
    assert all(len(identifier) == 32 and identifier.isalnum() for identifier in made)


def test_a_line_a_request_without_values(served: Served) -> None:
    for path in ("/stations?limit=7", "/stations/secretive", "/stations/4", "/health", "/hidden"):
        served.public.get(path, headers={"X-Request-Id": "told"})
    told = lines(served, 5, request_id="told", message="Answered")
    assert [(line["method"], line["route"], line["dataset"], line["status"], line["cache"]) for line in told] == [
        ("GET", "/stations", "stations", 200, "miss"),
        ("GET", "/stations/{key}", "stations", 400, None),
        ("GET", "/stations/{key}", "stations", 200, "miss"),
        ("GET", "/health", None, 200, None),
        ("GET", "none", None, 404, None),
    ]
    assert all(0 <= line["milliseconds"] < 5000 for line in told)
    assert {line["level"] for line in told} == {"info"}
    text = served.log.read_text()
    assert not [value for value in ("limit=7", "secretive", "/stations/4", "hidden") if value in text]


def test_an_answer_that_is_given_again_is_told_alike(served: Served) -> None:
    for _ in range(5):
        served.public.get("/stations?limit=3", headers={"X-Request-Id": "again"})
    told = lines(served, 5, request_id="again")
    assert [line["cache"] for line in told] == ["miss", *["hit"] * 4]
    passing = {"time": "", "milliseconds": 0, "cache": ""}
    assert len({json.dumps(line | passing) for line in told}) == 1
    assert [line["time"] for line in told] == sorted(line["time"] for line in told)
    assert all(
        0 <= line["milliseconds"] < 5000 and re.fullmatch("[-0-9]+T[:0-9]+[.][0-9]{6}Z", line["time"]) for line in told
    )


def test_probes_are_not_logged(served: Served) -> None:
    served.public.get("/health", headers={"X-Request-Id": "last"})
    lines(served, 1, request_id="last")
    before = served.log.read_text()
    for path in ("/livez", "/readyz", "/metrics"):
        assert served.admin.get(path).status_code == 200
    assert served.log.read_text() == before


def test_a_problem_and_what_was_logged_on_its_way_name_the_request(served: Served, house: House) -> None:
    with house.connect() as holder:
        holder.cursor().execute("LOCK stations_v1")
        answer = served.public.get("/stations/1", headers={"X-Request-Id": "slow"})
    holder.close()
    assert answer.status_code == 503
    assert answer.json()["request_id"] == "slow"
    warned, answered = lines(served, 2, request_id="slow")
    assert (warned["level"], warned["logger"]) == ("warning", "rowhouse.link")
    assert (answered["message"], answered["status"]) == ("Answered", 503)


def test_debug_tells_paths_and_queries(house: House) -> None:
    with house.serve({"WORKERS": "1", "LOG_LEVEL": "debug"}) as served:
        served.public.get("/stations/4?limit=7", headers={"X-Request-Id": "told"})
        (asked,) = lines(served, 1, message="Asked")
    assert (asked["level"], asked["path"], asked["query"]) == ("debug", "/stations/4", "limit=7")
    assert asked["request_id"] == "told"
