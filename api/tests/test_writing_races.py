"""Two processes write and read the same dataset; PostgreSQL goes away and comes back."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest
from house import House, Served
from parts import Postgres, wait_until
from test_resources import assert_problem
from written import add, emptied, house_of_notes, rows, serve

CLIENTS = 8


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return house_of_notes(postgres, tmp_path_factory.mktemp("datasets"))


@pytest.fixture(scope="module")
def both(house: House) -> Iterator[tuple[Served, Served]]:
    with serve(house) as one, serve(house) as other:
        yield one, other


@pytest.fixture
def clients(both: tuple[Served, Served]) -> tuple[httpx.Client, httpx.Client]:
    """Clients of two processes whose dataset is empty."""
    return emptied(both[0].public, "/notes"), both[1].public


def at_once(work: Callable[[int], Any], count: int = CLIENTS) -> list[Any]:
    """Do some work in several threads, which begin together."""
    barrier = threading.Barrier(count)

    def begin(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def test_a_write_is_seen_by_the_next_get_on_the_other(clients: tuple[httpx.Client, httpx.Client]) -> None:
    for number in range(50):
        writer, reader = clients[number % 2], clients[1 - number % 2]
        path = f"/notes/{add(writer, code=f'c{number}')['id']}"
        assert reader.get(path).json()["data"]["code"] == f"c{number}"
        page = reader.get("/notes?limit=1000").json()
        assert (len(page["data"]), page["meta"]["total"]) == (number + 1, number + 1)
        assert reader.get("/notes/aggregate").json()["data"] == [{"count": number + 1}]
        assert writer.patch(path, json={"level": 2}).status_code == 200
        assert reader.get(path).json()["data"]["level"] == 2


def test_of_equal_values_one_is_taken(clients: tuple[httpx.Client, httpx.Client]) -> None:
    for number in range(5):
        answers = at_once(lambda i: clients[i % 2].post("/notes", json={"code": f"c{number}"}).status_code)  # noqa: B023 - called at once
        assert Counter(answers) == {201: 1, 409: CLIENTS - 1}
    assert len(rows(clients[0])) == 5


def test_no_number_is_given_twice(clients: tuple[httpx.Client, httpx.Client]) -> None:
    numbers = at_once(lambda i: [add(clients[i % 2], code=f"{i}-{j}")["id"] for j in range(10)])
    every = [number for some in numbers for number in some]
    assert len(set(every)) == len(every) == clients[0].get("/notes").json()["meta"]["total"]


def test_no_update_is_lost(clients: tuple[httpx.Client, httpx.Client]) -> None:
    path = f"/notes/{add(clients[0], code='a', part=0)['id']}"

    def count_up(number: int) -> None:
        client, done = clients[number % 2], 0
        while done < 5:
            row = client.get(path)
            answer = client.patch(
                path, json={"part": row.json()["data"]["part"] + 1}, headers={"If-Match": row.headers["ETag"]}
            )
            assert answer.status_code in (200, 412)
            done += answer.status_code == 200

    at_once(count_up, 4)
    assert clients[1].get(path).json()["data"]["part"] == 20


def test_equal_requests_at_once_make_one_row(clients: tuple[httpx.Client, httpx.Client]) -> None:
    for number in range(5):
        key = {"Idempotency-Key": f"at-once-{number}"}

        def send(client: int, key: dict[str, str] = key, code: str = f"c{number}") -> httpx.Response:
            return clients[client % 2].post("/notes", json={"code": code}, headers=key)

        answers = at_once(send)
        assert {answer.status_code for answer in answers} <= {201, 409}
        for answer in answers:
            if answer.status_code == 409:
                assert_problem(answer, 409, "idempotency-key-in-use")
        taken = [answer for answer in answers if answer.status_code == 201]
        assert sum("Idempotency-Replayed" not in answer.headers for answer in taken) == 1
        assert len({answer.content for answer in taken}) == 1
        assert send(0).headers["Idempotency-Replayed"] == send(1).headers["Idempotency-Replayed"] == "true"
    assert len(rows(clients[0])) == 5


def test_every_page_is_one_state(clients: tuple[httpx.Client, httpx.Client]) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            number = add(clients[0], code="come and go")["id"]
            clients[0].delete(f"/notes/{number}")

    seen: dict[str, bytes] = {}
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            answer = clients[1].get("/notes")
            page = answer.json()
            assert len(page["data"]) == page["meta"]["total"]
            assert seen.setdefault(answer.headers["ETag"], answer.content) == answer.content
    finally:
        done.set()
        writer.join()
    assert len(seen) > 1


def test_a_killed_process_leaves_whole_rows_and_all_that_it_has_confirmed(house: House) -> None:
    with serve(house) as survivor:
        emptied(survivor.public, "/notes")
        confirmed: list[int] = []

        def write(number: int) -> None:
            confirm = confirmed.append
            with suppress(httpx.TransportError):
                for i in range(10_000):
                    confirm(add(victim.public, code=f"{number}-{i}")["id"])

        with serve(house) as victim, ThreadPoolExecutor(4) as pool:
            work = [pool.submit(write, number) for number in range(4)]
            wait_until(lambda: len(confirmed) > 50, "some rows")
            os.killpg(victim.process.pid, signal.SIGKILL)
            for done in work:
                done.result()
        page = survivor.public.get("/notes?limit=1000").json()
        assert set(confirmed) <= {row["id"] for row in page["data"]}
        # The one that was under way may have been committed or not, but is counted if it is there.
        assert len(confirmed) <= len(page["data"]) == page["meta"]["total"] <= len(confirmed) + 4
        assert add(survivor.public, code="after")["id"] not in confirmed


def test_a_request_that_is_being_answered_elsewhere(clients: tuple[httpx.Client, httpx.Client], house: House) -> None:
    key = {"Idempotency-Key": "slow"}
    with house.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.cursor().execute("SELECT 1 FROM dataset_state FOR UPDATE")
        first = pool.submit(clients[0].post, "/notes", json={"code": "a"}, headers=key)
        locked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'reader'"
        wait_until(lambda: house.sql(locked) == [(1,)], "the first request")
        for client in clients:
            answer = client.post("/notes", json={"code": "a"}, headers=key)
            assert_problem(answer, 409, "idempotency-key-in-use")
            assert answer.headers["Retry-After"] == "1"
        # Whoever only reads waits for nobody.
        assert clients[0].get("/notes").json()["data"] == []
        holder.rollback()
        assert first.result().status_code == 201
    holder.close()


def test_who_waits_too_long_is_told_so_and_writes_nothing(
    clients: tuple[httpx.Client, httpx.Client], house: House
) -> None:
    with house.connect() as holder:
        holder.cursor().execute("SELECT 1 FROM dataset_state FOR UPDATE")
        answer = clients[0].post("/notes", json={"code": "a"})
        assert_problem(answer, 503, "unavailable")
        assert answer.headers["Retry-After"] == "1"
    holder.close()
    assert rows(clients[0]) == []


def test_without_postgresql_everything_is_503_at_once(postgres: Postgres, tmp_path: Any) -> None:
    house = house_of_notes(postgres, tmp_path)
    with serve(house) as served:
        client = served.public
        path = f"/notes/{add(client, code='a')['id']}"
        client.get("/notes")
        postgres.stop()
        try:
            wait_until(lambda: client.get("/health").status_code == 503, "the loss")
            started = time.monotonic()
            for answer in (
                client.get("/notes"),
                client.get("/notes.csv"),
                client.get(path),
                client.post("/notes", json={"code": "b"}),
                client.put(path, json={"code": "b"}),
                client.patch(path, json={"code": "b"}),
                client.delete(path),
            ):
                assert_problem(answer, 503, "unavailable")
                assert answer.headers["Retry-After"] == "1"
            assert time.monotonic() - started < 5
            assert served.admin.get("/readyz").status_code == 200
        finally:
            postgres.start()
        wait_until(lambda: client.post("/notes", json={"code": "b"}).status_code == 201, "recovery")
        assert [row["code"] for row in rows(client)] == ["a", "b"]
