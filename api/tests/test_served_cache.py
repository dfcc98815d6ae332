"""Both tiers in running servers: two of them with two workers each, on one Redis and one PostgreSQL."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from house import House, Served
from parts import Postgres, Redis, wait_until
from prometheus_client.parser import text_string_to_metric_families

# How many statements wait for a table that somebody has locked.
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%stations_v1%'"


@pytest.fixture
def extra(redis: Redis) -> dict[str, str]:
    """The settings that turn both tiers on."""
    return redis.settings


def ask(served: Served, path: str) -> httpx.Response:
    """Ask over a new connection, so that each worker comes to answer."""
    # To read the certificates takes as long as many answers.
    return httpx.get(served.public.base_url.join(path), timeout=20, verify=False)


def counts(name: str, labels: tuple[str, ...], *servers: Served) -> Counter[tuple[str, ...]]:
    """Return what all servers together counted, by these labels."""
    counted = Counter[tuple[str, ...]]()
    for served in servers:
        for family in text_string_to_metric_families(served.admin.get("/metrics").text):
            for sample in family.samples:
                if sample.name == name and sample.value:
                    counted[tuple(sample.labels[label] for label in labels)] += int(sample.value)
    return counted


def sources(*servers: Served) -> Counter[tuple[str, ...]]:
    """Return how many answers came from each verdict and tier."""
    return counts("rowhouse_cache_total", ("verdict", "tier"), *servers)


def failures(*servers: Served) -> int:
    """Return how often Redis failed: on a busy machine it may once take longer than it is waited for."""
    return counts("rowhouse_cache_failures_total", ("reason",), *servers).total()


@contextmanager
def locked(house: House) -> Iterator[None]:
    """Have every statement on the rows wait."""
    connection = house.connect()
    try:
        connection.cursor().execute("LOCK stations_v1")
        yield
    finally:
        connection.close()


def test_many_requests_for_a_cold_key_of_two_servers_run_one_statement(house: House, extra: dict[str, str]) -> None:
    house.put_stations(5)
    house.load()
    with house.serve(extra) as one, house.serve(extra) as other, ThreadPoolExecutor(40) as pool:
        with locked(house):
            asked = [pool.submit(ask, served, "/stations?limit=2") for _ in range(20) for served in (one, other)]
            wait_until(lambda: house.sql(WAITING) != [(0,)], "a statement")
            time.sleep(0.5)
            ((waiting,),) = house.sql(WAITING)
        answers = [each.result() for each in asked]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        counted = sources(one, other)
        assert counted.total() == 40
        made = counted["miss", "none"] + counted["bypass", "none"]
        assert 1 <= int(str(waiting)) <= made <= 1 + failures(one, other)


def test_a_server_that_is_killed_while_it_makes_an_answer_holds_the_other_for_a_turn(
    house: House, extra: dict[str, str]
) -> None:
    house.put_stations(5)
    house.load()
    alone = extra | {"WORKERS": "1"}
    with house.serve(alone) as one, house.serve(alone) as other, ThreadPoolExecutor() as pool:
        for served in (one, other):
            served.wait_for_redis()
        with locked(house):
            lost = pool.submit(ask, one, "/stations")
            wait_until(lambda: house.sql(WAITING) == [(1,)], "a statement")
            waiting = pool.submit(ask, other, "/stations")
            (worker,) = map(int, re.findall(r"Booting worker with pid: (\d+)", one.log.read_text()))
            os.kill(worker, signal.SIGKILL)
        started = time.monotonic()
        answer = waiting.result()
        assert time.monotonic() - started < 5
        assert (answer.status_code, answer.headers["X-Cache"]) == (200, "miss")
        with pytest.raises(httpx.TransportError):
            lost.result()


def test_an_error_is_everybodys_and_is_not_kept(house: House, extra: dict[str, str]) -> None:
    house.put_stations(5)
    house.load()
    with house.serve(extra | {"STATEMENT_TIMEOUT_MS": "500"}) as served, ThreadPoolExecutor(10) as pool:
        with locked(house):
            asked = [pool.submit(ask, served, "/stations") for _ in range(10)]
            answers = [each.result() for each in asked]
        assert {answer.status_code for answer in answers} == {503}
        assert len({answer.json()["request_id"] for answer in answers}) == 10
        assert ask(served, "/stations").headers["X-Cache"] != "hit"


def test_a_new_version_is_seen_everywhere_within_a_second_though_all_memories_are_warm(
    house: House, extra: dict[str, str]
) -> None:
    house.put_stations(5)
    house.load()
    with house.serve(extra) as one, house.serve(extra) as other:
        for count in (6, 7):
            for served in (one, other):
                for _ in range(20):
                    assert ask(served, "/stations").json()["meta"]["total"] == count - 1
            house.put_stations(count)
            house.load()
            time.sleep(1)
            for served in (one, other):
                for _ in range(10):
                    assert ask(served, "/stations").json()["meta"]["total"] == count
        assert sources(one, other)["hit", "local"] > 50


@pytest.mark.parametrize("is_with_redis", [True, False])
def test_while_postgresql_is_away_memory_answers_with_its_age_and_a_mark(
    house: House, extra: dict[str, str], redis: Redis, postgres: Postgres, is_with_redis: bool
) -> None:
    house.put_stations(5)
    house.load()
    with house.serve({"WORKERS": "1"} | (extra if is_with_redis else {})) as served:
        assert [ask(served, "/stations").headers["X-Cache"] for _ in range(2)][1:] == ["hit"]
        if is_with_redis:
            redis.stop()
        postgres.stop()
        try:
            wait_until(lambda: served.public.get("/health").status_code == 503, "the loss")
            stale = ask(served, "/stations")
            assert (stale.status_code, stale.headers["X-Cache"]) == (200, "hit")
            assert stale.headers["Cache-Status"] == "rowhouse; hit; detail=database-away"
            assert 0 <= int(stale.headers["Age"]) < 60
            assert ask(served, "/stations?limit=3").status_code == 503
        finally:
            postgres.start()
            if is_with_redis:
                redis.start()
        wait_until(lambda: ask(served, "/stations?limit=3").status_code == 200, "recovery")


def test_that_there_is_no_such_row_is_kept_but_told_anew_each_time(house: House, extra: dict[str, str]) -> None:
    house.put_stations(5)
    house.load()
    with house.serve(extra | {"WORKERS": "1"}) as one, house.serve(extra | {"WORKERS": "1"}) as other:
        for served in (one, other):
            served.wait_for_redis()
        before = sources(one, other)
        answers = [ask(served, "/stations/99") for served in (one, one, other)]
        assert {answer.status_code for answer in answers} == {404}
        assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}
        assert answers[1].headers["X-Cache"] == "hit"
        assert len({answer.json()["request_id"] for answer in answers}) == 3
        assert len({answer.json()["detail"] for answer in answers}) == 1
        told = sources(one, other) - before
        assert told.total() == 3
        assert told["miss", "none"] + told["bypass", "none"] <= 1 + failures(one, other)


def test_without_any_cache_everything_is_a_bypass(house: House) -> None:
    house.put_stations(5)
    house.load()
    with house.serve({"WORKERS": "1", "CACHE_LOCAL_BYTES": "0"}) as served:
        assert [ask(served, "/stations").headers["X-Cache"] for _ in range(2)] == ["bypass"] * 2
