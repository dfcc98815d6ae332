"""/api/health, /api/mirror and /api/upload-random, asked of a real server."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import pytest
from house import House, Served, make_house, make_house_of_stations
from hypothesis import given
from hypothesis import strategies as st
from parts import S3, Postgres, Redis, wait_until
from rowhouse.mirror import mirror
from test_resources import assert_problem

UPLOAD = "/api/upload-random"
SOUND = {"database": "ok", "cache": "ok", "object_store": "ok"}


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    return make_house_of_stations(postgres, tmp_path_factory.mktemp("datasets"), 1)


@pytest.fixture(scope="module")
def settings(redis: Redis, s3: S3) -> dict[str, str]:
    return {"WORKERS": "1"} | redis.settings | s3.settings


@pytest.fixture(scope="module")
def served(house: House, settings: dict[str, str]) -> Iterator[Served]:
    with house.serve(settings) as served:
        yield served


@pytest.fixture(scope="module")
def bare(house: House) -> Iterator[Served]:
    """A server with neither cache nor object store."""
    with house.serve({"WORKERS": "1"}) as served:
        yield served


def parts(served: Served) -> dict[str, str]:
    found: dict[str, str] = served.public.get("/api/health").json()["parts"]
    return found


def test_parts_that_work(served: Served) -> None:
    wait_until(lambda: parts(served) == SOUND, "Redis")
    answer = served.public.get("/api/health")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["status"], body["reasons"], body["release"]) == (
        "ok",
        [],
        served.public.get("/health").json()["release"],
    )
    assert re.fullmatch("[0-9a-f]{16}", body["build"])


def test_parts_that_are_not_set_up_do_not_fail(bare: Served) -> None:
    answer = bare.public.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["parts"] == {"database": "ok", "cache": "none", "object_store": "none"}


def test_parts_that_fail_are_named_and_nothing_else_is(
    house: House, postgres: Postgres, settings: dict[str, str], s3: S3
) -> None:
    broken = settings | {"REDIS_PASSWORD": "wrong-password", "OBJECT_STORE_SECRET_KEY": "wrong-key"}
    with house.serve(broken) as served:
        postgres.stop()
        try:
            wait_until(lambda: parts(served)["database"] == "failing", "the loss")
            answer = served.public.get("/api/health")
        finally:
            postgres.start()
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert set(answer.json()["parts"].values()) == {"failing"}
    assert len(answer.json()["reasons"]) == 3
    for secret in ("127.0.0.1", "wrong", "loader", s3.access_key, s3.bucket):
        assert secret not in answer.text


@pytest.mark.parametrize("failing", ["cache", "object_store"])
def test_a_part_that_comes_back_is_seen(
    house: House, settings: dict[str, str], redis: Redis, s3: S3, failing: str
) -> None:
    server = redis if failing == "cache" else s3
    with house.serve(settings) as served:
        server.stop()
        try:
            wait_until(lambda: parts(served) == SOUND | {failing: "failing"}, "the loss")
            assert served.public.get("/stations").status_code == 200
        finally:
            server.start()
        wait_until(lambda: parts(served) == SOUND, "the return")


def test_a_dataset_that_is_not_loaded_fails_the_database(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put_stations(1)
    with house.serve({"WORKERS": "1"}, until_ready=False) as served:
        wait_until(lambda: "ASGI server listening" in served.log.read_text(), "the server")
        wait_until(lambda: "stations" in served.public.get("/api/health").text, "its reason")
        assert parts(served)["database"] == "failing"


@pytest.mark.parametrize(
    ("query", "transformed"),
    [
        ("word=abcABC123987", "789321cbaCBA"),
        ("word=", ""),
        ("word=a+b%20C", "c B A"),
        ("word=%F0%9F%87%A9%F0%9F%87%AAe%CC%81", "E\N{COMBINING ACUTE ACCENT}🇩🇪"),
        ("word=Ä", "ä"),
        ("word=a%00b", "B\0A"),
        ("word=100%", "%001"),
    ],
)
def test_a_mirror(bare: Served, query: str, transformed: str) -> None:
    answer = bare.public.get(f"/api/mirror?{query}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {"transformed": transformed}


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("", "invalid-parameter", "word must be given."),
        ("word=a&word=b", "invalid-parameter", "word must be given once."),
        ("wrod=a", "unknown-parameter", "'wrod' is unknown; there is only word. Did you mean word?"),
        ("word=a&limit=1", "unknown-parameter", "'limit' is unknown; there is only word."),
        ("word=%FF", "invalid-parameter", "percent-encoded UTF-8"),
        ("word=%ED%A0%80", "invalid-parameter", "percent-encoded UTF-8"),
        (f"word={'a' * 8000}", "invalid-parameter", "at most 8000 characters"),
    ],
)
def test_what_is_no_word(bare: Served, query: str, name: str, said: str) -> None:
    problem = assert_problem(bare.public.get(f"/api/mirror?{query}"), 400, name)
    assert said in problem["detail"]


@given(st.text(max_size=300))
def test_any_text_arrives_and_comes_back(bare: Served, word: str) -> None:
    answer = bare.public.get(f"/api/mirror?{urlencode({'word': word})}")
    assert answer.status_code == 200
    assert answer.json() == {"transformed": mirror(word)}
    assert bare.public.get(f"/api/mirror?word={quote(word, safe='')}").json() == answer.json()


def test_an_upload(served: Served, s3: S3) -> None:
    days = {datetime.now(UTC).date()}
    answers = [served.public.post(UPLOAD) for _ in range(2)]
    days.add(datetime.now(UTC).date())
    contents = []
    for answer in answers:
        assert answer.status_code == 201
        assert answer.headers["Cache-Control"] == "no-store"
        body = answer.json()
        assert body.keys() == {"key", "size"}
        found = re.fullmatch(r"diagnostics/(\d{4}/\d\d/\d\d)/[0-9a-f]{32}", body["key"])
        assert found
        assert found[1] in {f"{day:%Y/%m/%d}" for day in days}
        contents.append(s3.read(body["key"]))
        assert len(contents[-1]) == body["size"] == 1024
    assert contents[0] != contents[1]


@pytest.mark.parametrize("body", [b"x", b"x" * 5_000_000])
def test_a_body_is_of_no_use_and_does_no_harm(served: Served, body: bytes) -> None:
    assert served.public.post(UPLOAD, content=body).status_code == 201
    assert served.public.post(UPLOAD).status_code == 201


def test_without_an_object_store(bare: Served) -> None:
    answer = bare.public.post(UPLOAD)
    assert_problem(answer, 503, "no-object-store")
    assert "Retry-After" not in answer.headers


def test_an_upload_that_is_refused(house: House, settings: dict[str, str], s3: S3) -> None:
    with house.serve(settings | {"OBJECT_STORE_BUCKET": "missing"}) as served:
        answer = served.public.post(UPLOAD)
        assert_problem(answer, 502, "object-store-refused")
        assert "missing" not in answer.text
        assert "NoSuchBucket" in served.log.read_text()
        assert s3.secret_key not in served.log.read_text()


def test_an_upload_to_a_store_that_is_away(served: Served, s3: S3) -> None:
    s3.stop()
    try:
        answer = served.public.post(UPLOAD)
    finally:
        s3.start()
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert str(s3.port) not in answer.text
    assert served.public.post(UPLOAD).status_code == 201


def test_few_uploads_at_once_and_an_end_to_waiting(served: Served, s3: S3) -> None:
    with s3.frozen(), ThreadPoolExecutor() as pool:
        answers = [future.result() for future in [pool.submit(served.public.post, UPLOAD) for _ in range(3)]]
    details = sorted(assert_problem(answer, 503, "unavailable")["detail"] for answer in answers)
    assert details == ["The object store cannot be reached. Try again soon."] * 2 + [
        "This process writes 2 objects already. Try again soon."
    ]
    assert served.public.post(UPLOAD).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", UPLOAD, "POST, OPTIONS"),
        ("HEAD", UPLOAD, "POST, OPTIONS"),
        ("PUT", UPLOAD, "POST, OPTIONS"),
        ("POST", "/api/health", "GET, HEAD, OPTIONS"),
        ("POST", "/api/mirror", "GET, HEAD, OPTIONS"),
    ],
)
def test_methods(served: Served, method: str, path: str, allowed: str) -> None:
    refused = served.public.request(method, path)
    assert refused.status_code == 405
    told = served.public.options(path)
    assert (told.status_code, told.headers["Allow"]) == (204, allowed)
    assert {*refused.headers["Allow"].split(", ")} == {*allowed.split(", ")}


@pytest.mark.parametrize("path", ["/api/health", "/api/mirror?word=abc"])
def test_head(bare: Served, path: str) -> None:
    whole, head = bare.public.get(path), bare.public.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.content))


@pytest.mark.parametrize("path", ["/api/health", UPLOAD])
def test_parameters_of_no_use(served: Served, path: str) -> None:
    method = "POST" if path == UPLOAD else "GET"
    assert_problem(served.public.request(method, f"{path}?a=1"), 400, "unknown-parameter")
