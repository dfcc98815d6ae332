"""The object store, against a real S3 server, and what is made of answers that no well-behaved one gives."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from parts import S3, free_port
from rowhouse import objectstore
from rowhouse.errors import ObjectStoreAwayError, ObjectStoreRefusedError
from rowhouse.objectstore import Bucket, ObjectStore
from rowhouse.state import State
from test_database import make_certificate

# However busy the machine is.
PATIENCE_SECONDS = 60


@pytest.fixture
def bucket(s3: S3) -> Bucket:
    return Bucket(
        endpoint=s3.endpoint,
        name=s3.bucket,
        prefix="tests/",
        region="us-east-1",
        access_key=s3.access_key,
        secret_key=s3.secret_key,
    )


def put(bucket: Bucket, patience_seconds: float = PATIENCE_SECONDS) -> str:
    return asyncio.run(ObjectStore(bucket, patience_seconds).put("a/b", b"content"))


def state(bucket: Bucket, patience_seconds: float = PATIENCE_SECONDS) -> State:
    return asyncio.run(ObjectStore(bucket, patience_seconds).state())


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Run a server that answers everything with the status; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            # A store may write what it likes.
            self.send_error(status, explain="non-2xx status code: 404")

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", free_port()), Handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_an_object_is_written_whole_below_the_prefix(bucket: Bucket, s3: S3) -> None:
    key = put(bucket)
    assert key == "tests/a/b"
    assert s3.read(key) == b"content"


def test_a_working_store_is_ok(bucket: Bucket) -> None:
    assert state(bucket) is State.OK


@pytest.mark.parametrize(
    "change",
    [
        {"secret_key": "wrong"},
        {"access_key": "wrong"},
        {"access_key": "", "secret_key": ""},
        {"name": "missing"},
        {"region": "eu-west-1"},
    ],
    ids=str,
)
def test_what_the_store_refuses(bucket: Bucket, change: dict[str, str]) -> None:
    wrong = replace(bucket, **change)
    with pytest.raises(ObjectStoreRefusedError, match="<Code>"):
        put(wrong)
    assert state(wrong) is State.FAILING


def test_a_store_that_is_not_there(bucket: Bucket) -> None:
    nowhere = replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ObjectStoreAwayError, match="Connection refused"):
        put(nowhere)
    assert state(nowhere) is State.FAILING


def test_a_store_that_says_nothing(bucket: Bucket, s3: S3) -> None:
    with s3.frozen():
        with pytest.raises(ObjectStoreAwayError, match="no answer within"):
            put(bucket, 0.5)
        assert state(bucket, 0.5) is State.FAILING
    assert put(bucket)


def test_tls_with_an_authority_of_ones_own(bucket: Bucket, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "server")
    server = S3(tmp_path, certificate)
    server.start()
    try:
        there = replace(bucket, endpoint=server.endpoint)
        assert put(replace(there, ca_certificate=certificate.read_text()))
        other = make_certificate(tmp_path, "other").read_text()
        for wrong in ("", other, "junk"):
            with pytest.raises(ObjectStoreAwayError, match="ertificate"):
                put(replace(there, ca_certificate=wrong))
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ObjectStoreRefusedError),
        (403, ObjectStoreRefusedError),
        (404, ObjectStoreRefusedError),
        (301, ObjectStoreRefusedError),
        (429, ObjectStoreAwayError),
        (500, ObjectStoreAwayError),
        (503, ObjectStoreAwayError),
    ],
)
def test_what_an_answer_means(bucket: Bucket, status: int, error: type[Exception]) -> None:
    with answering(status) as endpoint, pytest.raises(error):
        put(replace(bucket, endpoint=endpoint))


def test_looks_are_remembered_for_a_while_and_only_changes_are_logged(
    bucket: Bucket, s3: S3, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=objectstore.__name__)

    async def states() -> list[State]:
        store = ObjectStore(bucket, PATIENCE_SECONDS)
        found = [await store.state()]
        s3.stop()
        try:
            found.append(await store.state())
            monkeypatch.setattr(objectstore, "_REMEMBER_SECONDS", 0)
            store = ObjectStore(bucket, PATIENCE_SECONDS)
            found += [await store.state(), await store.state()]
        finally:
            s3.start()
        return [*found, await store.state()]

    assert asyncio.run(states()) == [State.OK, State.OK, State.FAILING, State.FAILING, State.OK]
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "The object store fails",
        "The object store works again",
    ]


def test_the_keys_are_not_shown(bucket: Bucket) -> None:
    assert bucket.access_key not in repr(bucket)
    assert bucket.secret_key not in repr(bucket)
