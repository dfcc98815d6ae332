"""/metrics of the real server with two workers, as Prometheus reads it."""

import os
import re
import signal
from pathlib import Path

import httpx
from house import House, Served
from parts import Postgres, Redis, wait_until
from prometheus_client.parser import text_string_to_metric_families
from rowhouse import __version__
from rowhouse.cache import Source
from rowhouse.redis_link import Failure

DOCUMENT = Path(__file__).parents[2] / "docs" / "observing.md"

type Samples = dict[tuple[str, ...], float]


def scrape(served: Served) -> Samples:
    """Return each sample by its name and the values of its labels, in the order of their names."""
    answer = served.admin.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def ask(served: Served, path: str, times: int, method: str = "GET") -> None:
    """Ask over a new connection each time, so that both workers come to answer."""
    for _ in range(times):
        httpx.request(method, served.public.base_url.join(path))


def test_both_workers_are_counted_and_no_client_makes_a_label(house: House, redis: Redis) -> None:
    house.put_stations(3)
    house.load()
    with house.serve({"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port), "REDIS_PASSWORD": "wrong"}) as served:
        ask(served, "/stations", 20)
        ask(served, "/stations?limit=0", 1)
        ask(served, "/stations/1", 1)
        ask(served, "/stations/2", 1)
        for path in ("/x", "/y", "/stations/1/2"):
            ask(served, path, 1)
        ask(served, "/stations", 1, "BREW")
        found = scrape(served)
        requests = {key[1:]: value for key, value in found.items() if key[0] == "rowhouse_requests_total"}
        assert requests == {
            ("GET", "/stations", "200"): 20,
            ("GET", "/stations", "400"): 1,
            ("GET", "/stations/{key}", "200"): 2,
            ("GET", "none", "404"): 3,
            ("other", "/stations", "400"): 1,
        }
        assert found["rowhouse_request_seconds_count", "/stations"] == 22
        assert 0 < found["rowhouse_request_seconds_sum", "/stations"] < 22
        sources = {key[1:]: int(value) for key, value in found.items() if key[0] == "rowhouse_cache_total"}
        # The page once in each worker that was asked for it, and two rows.
        made = sources["none", "bypass"]
        assert made in (3, 4)
        assert {key: value for key, value in sources.items() if value} == {
            ("none", "bypass"): made,
            ("local", "hit"): 22 - made,
        }
        assert 1 <= found["rowhouse_cache_failures_total", "connection"] <= 22
        assert found["rowhouse_dataset_version", "stations"] >= 1
        assert found["rowhouse_dataset_rows", "stations"] == 3
        assert found["rowhouse_database_up",] == 1
        ((source, version),) = [key[1:] for key in found if key[0] == "rowhouse_build_info"]
        assert (version, len(source)) == (__version__, 16)
        assert_documented(found)
        worker = int(re.findall(r"Booting worker with pid: (\d+)", served.log.read_text())[0])
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: served.log.read_text().count("Booting worker") == 3, "another worker")
        wait_until(served.is_ready, "ready")
        assert scrape(served)["rowhouse_requests_total", "GET", "/stations", "200"] == 20


def assert_documented(found: Samples) -> None:
    """The page names every metric and every reason, and no other."""
    text = DOCUMENT.read_text()
    named = set(re.findall(r"^\| `(rowhouse_\w+)", text, re.MULTILINE))
    assert named == {re.sub("_(bucket|count|sum)$", "", name) for name, *_ in found}
    tiers = text.partition("| tier |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", tiers, re.MULTILINE)) == {source.value[1] for source in Source}
    reasons = text.partition("| reason |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", reasons, re.MULTILINE)) == set(Failure)


def test_postgresql_away_is_seen(house: House, postgres: Postgres) -> None:
    house.put_stations(1)
    house.load()
    with house.serve({"WORKERS": "1"}) as served:
        postgres.stop()
        try:
            wait_until(lambda: scrape(served)["rowhouse_database_up",] == 0, "the loss")
            assert scrape(served)["rowhouse_dataset_rows", "stations"] == 1
        finally:
            postgres.start()
        wait_until(lambda: scrape(served)["rowhouse_database_up",] == 1, "the return")


def test_before_the_first_load_nothing_is_told_of_a_dataset(house: House) -> None:
    house.put_stations(1)
    with house.serve({"WORKERS": "1"}, until_ready=False) as served:
        wait_until(lambda: "ASGI server listening" in served.log.read_text(), "the server")
        assert not [key for key in scrape(served) if key[0].startswith("rowhouse_dataset")]
