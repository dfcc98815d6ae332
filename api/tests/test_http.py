"""What HTTP promises for the dataset routes: conditions, methods, codings, other origins, negotiation."""

import gzip
import json
import re
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from backports import zstd
from house import House, Served, make_house_of_stations
from hypothesis import given
from hypothesis import strategies as st
from parts import Postgres, Redis, wait_until
from test_resources import assert_problem

ORIGIN = "https://maps.example.org"
PATHS = ["/stations", "/stations?limit=2", "/stations.csv", "/stations.csv?limit=2", "/stations/3"]
every_path = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house_of_stations(postgres, tmp_path_factory.mktemp("datasets"), 500)


@pytest.fixture(scope="module")
def served(house: House) -> Iterator[Served]:
    with house.serve({"WORKERS": "1", "CORS_ORIGINS": f"{ORIGIN} http://localhost:3000"}) as served:
        yield served


def get(served: Served, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Ask with these headers and no others that matter; underscores stand for hyphens."""
    plain = {"Accept-Encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return served.public.request(method, path, headers=plain)


@every_path
def test_the_headers_of_an_answer(served: Served, house: House, path: str) -> None:
    headers = get(served, path).headers
    assert re.fullmatch('"[0-9a-f]{32}"', headers["ETag"])
    ((loaded_at,),) = house.sql(
        "SELECT to_char(loaded_at AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS \"GMT\"') FROM dataset_version"
    )
    assert headers["Last-Modified"] == loaded_at
    assert headers["Cache-Control"] == "public, no-cache"
    assert "Accept-Encoding" in headers["Vary"]


def test_each_variant_has_a_tag_of_its_own(served: Served) -> None:
    tags = [get(served, path).headers["ETag"] for path in PATHS]
    tags += [get(served, path, Accept_Encoding=coding).headers["ETag"] for path in PATHS for coding in ("gzip", "zstd")]
    assert len(set(tags)) == len(tags) == 15


@every_path
@pytest.mark.parametrize("listed", ["{}", "W/{}", '"other", {}'])
def test_what_the_client_has_is_not_sent_again(served: Served, path: str, listed: str) -> None:
    full = get(served, path)
    for method in ("GET", "HEAD"):
        answer = get(served, path, method, If_None_Match=listed.format(full.headers["ETag"]))
        assert (answer.status_code, answer.content) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary", "Last-Modified"):
            assert answer.headers[name] == full.headers[name]
        assert "Content-Type" not in answer.headers


@every_path
def test_a_date_counts_only_without_a_tag(served: Served, path: str) -> None:
    date = get(served, path).headers["Last-Modified"]
    assert get(served, path, If_Modified_Since=date).status_code == 304
    assert get(served, path, If_Modified_Since=date, If_None_Match='"other"').status_code == 200
    assert get(served, path, If_Modified_Since="Sat, 01 Jan 2000 00:00:00 GMT").status_code == 200


@every_path
def test_anything_is_what_a_star_has(served: Served, path: str) -> None:
    assert get(served, path, If_None_Match="*").status_code == 304


def test_no_condition_hides_that_there_is_nothing(served: Served) -> None:
    date = get(served, "/stations").headers["Last-Modified"]
    for headers in ({"If_None_Match": "*"}, {"If_Modified_Since": date}):
        missing = get(served, "/stations/999", **headers)
        assert_problem(missing, 404, "row-not-found")
        assert missing.headers["Cache-Control"] == "no-store"
        assert "ETag" not in missing.headers


def test_304_asks_neither_cache_nor_database(house: House) -> None:
    with house.serve({"WORKERS": "1"}) as served:
        tags = {path: get(served, path).headers["ETag"] for path in PATHS}
        with house.connect() as holder:
            holder.cursor().execute("LOCK stations_v1")
            for path in PATHS:
                assert get(served, path, If_None_Match=tags[path]).status_code == 304
        holder.close()


def test_other_data_has_another_tag_and_earlier_data_the_date_that_it_had(postgres: Postgres, tmp_path: Path) -> None:
    house = make_house_of_stations(postgres, tmp_path, 500)
    with house.serve() as served:
        first = get(served, "/stations").headers
        assert get(served, "/stations", If_None_Match=first["ETag"]).status_code == 304
        time.sleep(1)
        house.put_stations(501)
        house.load()
        wait_until(lambda: get(served, "/stations").headers["ETag"] != first["ETag"], "the new version")
        second = get(served, "/stations").headers
        assert get(served, "/stations", If_None_Match=first["ETag"]).status_code == 200
        house.put_stations(500)
        house.load()
        wait_until(lambda: get(served, "/stations").headers["ETag"] == first["ETag"], "the first version")
        # It is older than what this client has seen, and yet new to it.
        assert get(served, "/stations", If_Modified_Since=second["Last-Modified"]).status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/stations.parquet", "/stations/999", "/stations.xml", "/health", "/nothing"])
def test_head_is_get_without_its_body(served: Served, path: str) -> None:
    whole, head = get(served, path), get(served, path, "HEAD")
    assert (head.status_code, head.content) == (whole.status_code, b"")
    # The second answer may come from the cache.
    apart = {"date", "x-request-id", "transfer-encoding", "x-cache", "age"}
    assert {k: v for k, v in head.headers.items() if k not in apart} == {
        k: v for k, v in whole.headers.items() if k not in apart
    }


@pytest.mark.parametrize("path", [*PATHS, "/health"])
def test_options(served: Served, path: str) -> None:
    answer = get(served, path, "OPTIONS")
    assert (answer.status_code, answer.content, answer.headers["Allow"]) == (204, b"", "GET, HEAD, OPTIONS")


def test_a_time_in_which_nobody_need_ask_is_a_setting(house: House) -> None:
    with house.serve({"WORKERS": "1", "HTTP_MAX_AGE_SECONDS": "60"}) as served:
        assert get(served, "/stations").headers["Cache-Control"] == "public, max-age=60"
        assert get(served, "/stations", Origin=ORIGIN).headers.get("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize(
    "path", ["/stations", "/stations.csv", "/stations/999", "/stations.xml", "/nothing", "/health"]
)
def test_pages_of_a_named_origin_may_read_answers_and_problems(served: Served, path: str) -> None:
    headers = get(served, path, Origin=ORIGIN).headers
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert {"ETag", "Link", "X-Cache", "X-Request-Id", "Retry-After"} <= set(
        headers["Access-Control-Expose-Headers"].split(", ")
    )
    for answer in (get(served, path), get(served, path, Origin="https://evil.example")):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


def test_a_page_asks_before_it_asks(served: Served) -> None:
    answer = get(served, "/stations", "OPTIONS", Origin=ORIGIN, Access_Control_Request_Method="GET")
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"


def test_all_origins(house: House) -> None:
    with house.serve({"WORKERS": "1", "CORS_ORIGINS": "*"}) as served:
        headers = get(served, "/stations", Origin="https://anybody.example").headers
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Origin" not in headers["Vary"]


def decoded(answer: httpx.Response, raw: bytes) -> bytes:
    match answer.headers.get("Content-Encoding"):
        case "gzip":
            return gzip.decompress(raw)
        case "zstd":
            return zstd.decompress(raw)
        case _:
            return raw


def raw(served: Served, path: str, coding: str) -> tuple[httpx.Response, bytes]:
    """Return an answer, and its body as it was sent."""
    with served.public.stream("GET", path, headers={"Accept-Encoding": coding}) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("path", ["/stations", "/stations?limit=500", "/stations.csv", "/stations.ndjson?limit=500"])
def test_a_coding(served: Served, path: str, coding: str) -> None:
    answer, body = raw(served, path, coding)
    plain = get(served, path)
    assert answer.headers["Content-Encoding"] == coding
    assert len(body) < len(plain.content) / 2
    assert decoded(answer, body) == plain.content


@pytest.mark.parametrize(
    "path", ["/stations/3", "/stations?limit=1", "/stations.parquet", "/stations.parquet?limit=500"]
)
def test_what_would_not_gain_stays_plain(served: Served, path: str) -> None:
    assert "Content-Encoding" not in raw(served, path, "gzip")[0].headers


@pytest.mark.parametrize("path", ["/stations/3", "/stations.parquet"])
def test_who_takes_nothing_plain_gets_nothing_plain(served: Served, path: str) -> None:
    answer, body = raw(served, path, "gzip, identity;q=0")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert decoded(answer, body) == get(served, path).content


@every_path
def test_a_client_that_takes_no_coding(served: Served, path: str) -> None:
    problem = assert_problem(get(served, path, Accept_Encoding="br, *;q=0"), 406, "not-acceptable")
    assert problem["available"] == ["zstd", "gzip", "identity"]


def test_a_hit_sends_what_was_kept_in_the_coding_that_was_asked_for(house: House, redis: Redis) -> None:
    with house.serve({"WORKERS": "1", **redis.settings}) as served:
        served.wait_for_redis()
        for coding in ("identity", "gzip", "zstd"):
            for path in ("/stations?limit=77", "/stations/7", "/stations.csv?limit=77"):
                miss, first = raw(served, path, coding)
                # On a busy machine Redis may take longer than it is waited for.
                assert miss.headers["X-Cache"] in ("miss", "bypass")
                wait_until(lambda: raw(served, path, coding)[0].headers["X-Cache"] == "hit", "a hit")  # noqa: B023 - called at once
                hit, again = raw(served, path, coding)
                assert first == again
                for name in ("Content-Encoding", "ETag", "Vary", "Content-Type", "Link", "Last-Modified"):
                    assert hit.headers.get(name) == miss.headers.get(name)
                tag = {"If-None-Match": hit.headers["ETag"], "Accept-Encoding": coding}
                assert "X-Cache" not in served.public.get(path, headers=tag).headers


@pytest.mark.parametrize(
    ("path", "accept", "status", "name", "said"),
    [
        ("/stations.xml", "*/*", 404, "unknown-format", "there is .json, .csv, .ndjson, .geojson, .parquet."),
        ("/stations.cvs", "*/*", 404, "unknown-format", "Did you mean .csv?"),
        ("/stations.geojson", "*/*", 404, "format-unavailable", "dataset.yml of stations names no point"),
        ("/stations", "text/html", 406, "not-acceptable", "application/json, text/csv, application/x-ndjson"),
        ("/stations", "application/geo+json", 406, "not-acceptable", "dataset.yml of stations names no point"),
        ("/stations/3", "text/csv", 406, "not-acceptable", "takes none of application/json."),
        ("/stations.csv?limit=0", "*/*", 400, "invalid-parameter", "limit"),
        ("/stations.csv/3", "*/*", 404, "route-not-found", "/stations"),
    ],
)
def test_a_problem(served: Served, path: str, accept: str, status: int, name: str, said: str) -> None:
    answer = get(served, path, Accept=accept, X_Request_Id="mine")
    body = assert_problem(answer, status, name)
    assert said in body["detail"]
    assert body["request_id"] == answer.headers["X-Request-Id"] == "mine"


field = st.one_of(
    st.binary(max_size=40).map(lambda value: re.sub(rb"[\x00-\x1f\x7f]", b"", value).strip()),
    st.text('gzip;q=.0159,*/"W-sonjtexcv: GMT', max_size=60).map(lambda text: text.strip().encode()),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(
    ["Accept", "Accept-Encoding", "If-None-Match", "If-Modified-Since", "Origin", "X-Request-Id"], field
)), st.sampled_from([*PATHS, "/stations.parquet", "/health"]))  # fmt: skip
def test_no_header_is_an_error_of_ours(served: Served, headers: dict[str, bytes], path: str) -> None:
    connection = HTTPConnection("127.0.0.1", served.public.base_url.port or 0)
    try:
        connection.putrequest("GET", path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    assert answer.status in (200, 304, 400, 406), body
    if answer.status == 406:
        assert json.loads(body)["available"]
