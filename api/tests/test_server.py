"""gunicorn with everything: both ports, the cache, PostgreSQL going away, the signal to end."""

import csv
import gzip
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from house import HEADER, House, Served, make_house
from parts import Postgres, Redis, wait_until
from rowhouse.cursor import Cursor

# How many workers have begun, and for how many milliseconds.
MORE_MOMENTS = [(1, 0), (1, 20), (1, 60), (2, 20), (2, 40), (2, 60)]

DATASETS = Path(__file__).parents[2] / "files" / "datasets"


def with_redis(redis: Redis) -> dict[str, str]:
    """Return the settings that turn the cache on."""
    return redis.settings


def test_every_row_of_air_quality_equals_the_file(postgres: Postgres, tmp_path: Path) -> None:
    house = make_house(postgres, tmp_path)
    (tmp_path / "air_quality").symlink_to(DATASETS / "air_quality")
    house.load()
    types = {"id": int, "latitude": float, "longitude": float, "pm10": float}
    with gzip.open(DATASETS / "air_quality" / "air_quality.csv.gz", "rt") as file:
        wanted = [{name: types.get(name, str)(value) for name, value in row.items()} for row in csv.DictReader(file)]
    served_rows: list[dict[str, Any]] = []
    with house.serve() as served:
        link = "/air_quality?limit=1000"
        while link:
            body = served.public.get(link).json()
            served_rows += body["data"]
            link = body["links"]["next"]
    assert body["meta"]["total"] == len(wanted) == 149_151
    assert served_rows == wanted


def test_a_page_comes_from_the_cache_in_every_worker_and_is_the_same(house: House, redis: Redis) -> None:
    house.put_stations(5)
    house.load()
    with house.serve(with_redis(redis)) as served:
        served.wait_for_redis()
        first = served.public.get("/stations?limit=2")
        assert first.headers["X-Cache"] == "miss"
        # A new connection each, so that both workers come to answer.
        again = [httpx.get(served.public.base_url.join("/stations?limit=2")) for _ in range(20)]
        assert {answer.content for answer in again} == {first.content}
        assert {answer.headers["Link"] for answer in again} == {first.headers["Link"]}
        # On a busy machine Redis may once take longer than it is waited for.
        assert [answer.headers["X-Cache"] for answer in again].count("hit") >= 15
        for path in ("/stations?limit=0", "/stations/six", "/nothing"):
            for _ in range(2):
                assert "X-Cache" not in served.public.get(path).headers


def test_a_new_version_is_never_answered_from_an_old_entry(house: House, redis: Redis) -> None:
    house.put_stations(5)
    house.load()
    with house.serve(with_redis(redis)) as served:
        wait_until(lambda: served.public.get("/stations").headers["X-Cache"] == "hit", "the cache")
        house.put_stations(6)
        house.load()
        time.sleep(1)
        for _ in range(10):
            assert httpx.get(served.public.base_url.join("/stations")).json()["meta"]["total"] == 6


def test_a_database_that_was_filled_anew_is_not_answered_from_old_entries(house: House, redis: Redis) -> None:
    for count in (5, 6):
        house.put_stations(count)
        house.sql(f"DROP SCHEMA IF EXISTS {house.schema} CASCADE")
        house.load()
        with house.serve({"WORKERS": "1", **with_redis(redis)}) as served:
            meta = served.public.get("/stations").json()["meta"]
            assert (meta["version"], meta["total"]) == (1, count)


def test_while_postgresql_is_away_hits_go_on_and_misses_say_so_at_once(
    house: House, redis: Redis, postgres: Postgres
) -> None:
    house.put_stations(5)
    house.load()
    with house.serve({"WORKERS": "1", **with_redis(redis)}) as served:
        wait_until(lambda: served.public.get("/stations?limit=2").headers["X-Cache"] == "hit", "the cache")
        fresh = served.public.get("/stations?limit=2")
        assert int(fresh.headers["Age"]) < 10
        assert "Cache-Status" not in fresh.headers
        postgres.stop()
        try:
            # Before the watch knows, and after: in both cases far less than any time-out on the way to PostgreSQL.
            for wait in (0, 1):
                time.sleep(wait)
                started = time.monotonic()
                miss = served.public.get("/stations?limit=3")
                assert time.monotonic() - started < 0.2
                assert miss.status_code == 503
            # Somebody else's version cannot be looked for either.
            cursor = Cursor(999, "id", (1,)).encode()
            assert served.public.get(f"/stations?cursor={cursor}").status_code == 503
            wait_until(lambda: served.public.get("/stations?limit=2").headers.get("X-Cache") == "hit", "a hit")
            stale = served.public.get("/stations?limit=2")
            assert stale.content == fresh.content
            assert int(stale.headers["Age"]) >= int(fresh.headers["Age"])
            assert stale.headers["Cache-Status"] == "rowhouse; hit; detail=database-away"
            assert miss.headers["Retry-After"] == "1"
            assert miss.headers["Content-Type"] == "application/problem+json"
            assert served.admin.get("/readyz").status_code == 200
            health = served.public.get("/health")
            assert (health.status_code, health.json()["status"]) == (503, "degraded")
            # Where it is and who asked is nobody's business.
            assert health.json()["reasons"] == ["PostgreSQL cannot be asked. The log says why"]
        finally:
            postgres.start()
        wait_until(lambda: served.public.get("/stations?limit=3").status_code == 200, "recovery")
        assert served.public.get("/health").json()["status"] == "ok"


def test_a_role_that_may_only_read_can_serve(house: House) -> None:
    house.put_stations(1)
    house.let_reader_read()
    house.load()
    with house.serve({"DATABASE_USER": "reader"}) as served:
        assert served.public.get("/stations/1").status_code == 200


def test_sigterm_ends_it_cleanly(house: House) -> None:
    house.put_stations(1)
    house.load()
    with house.serve() as served:
        # Connections that are kept, with a request behind them and without one, do not keep the server.
        assert served.public.get("/stations/1").status_code == 200
        with socket.create_connection(("127.0.0.1", served.public.base_url.port)):
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(timeout=15) == 0
        text = served.log.read_text()
    assert "Traceback" not in text
    assert "Forcing close" not in text


def test_a_connection_is_kept_longer_than_clients_keep_theirs(house: House) -> None:
    house.put_stations(1)
    house.load()
    with house.serve() as served, closing(HTTPConnection("127.0.0.1", served.public.base_url.port)) as connection:
        for wait in (0, 6):  # httpx, for one, uses a connection again within 5 s
            time.sleep(wait)
            connection.request("GET", "/stations/1")
            assert connection.getresponse().read()


def ask_until_closed(served: Served, path: str, answers: list[tuple[int, bytes, str]]) -> None:
    """Ask again and again on a connection, and on the next one when the server announces the end of it."""
    while True:
        connection = HTTPConnection("127.0.0.1", served.public.base_url.port)
        with closing(connection):
            announced = None
            while announced != "close":
                try:
                    connection.request("GET", path)
                    response = connection.getresponse()
                except OSError:
                    # The server did not come to accept this connection, or else has broken its word.
                    assert announced is None
                    return
                announced = response.getheader("Connection", "")
                answers.append((response.status, response.read(), announced))


def test_at_the_end_every_request_that_was_accepted_is_answered(house: House) -> None:
    house.put(HEADER + "1,,,,,\n2,,,,,\n", name="slow")
    house.put_stations(500)
    house.load()
    answers: list[tuple[int, bytes, str]] = []
    with house.serve() as served, ThreadPoolExecutor() as pool, house.connect() as holder:
        url = served.public.base_url
        whole = httpx.get(url.join("/stations/1")).content
        steady = [pool.submit(ask_until_closed, served, "/stations/1", answers) for _ in range(4)]
        holder.cursor().execute("LOCK slow_v1")
        slow = [pool.submit(httpx.get, url.join(f"/slow/{i}")) for i in (1, 2)]
        time.sleep(0.5)
        served.process.send_signal(signal.SIGTERM)
        # As long as requests are answered the pod is ready: what takes it out is the end of its endpoint.
        assert httpx.get(served.admin.base_url.join("/readyz")).status_code == 200
        for load in steady:
            load.result()
        time.sleep(0.5)
        holder.rollback()
        assert [(done.result().status_code, done.result().headers["Connection"]) for done in slow] == [
            (200, "close")
        ] * 2
        # Less than gunicorn's graceful time-out.
        assert served.process.wait(timeout=15) == 0
    assert {(status, body) for status, body, _ in answers} == {(200, whole)}
    assert [announced for _, _, announced in answers].count("close") >= 4
    assert "Traceback" not in served.log.read_text()


@pytest.mark.parametrize(
    ("begun", "milliseconds"),
    [(1, 40), (2, 0), *(pytest.param(*moment, marks=pytest.mark.slow) for moment in MORE_MOMENTS)],
)
def test_sigterm_while_the_workers_start_is_not_lost(house: House, begun: int, milliseconds: int) -> None:
    house.put_stations(1)
    with house.serve(until_ready=False) as served:
        wait_until(lambda: served.log.read_text().count("Booting worker") >= begun, "workers begin")
        time.sleep(milliseconds / 1000)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=10) == 0
