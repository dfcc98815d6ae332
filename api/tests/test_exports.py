"""Exports that do not go as they should, and what they cost."""

import http.client
import json
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from house import STATIONS_YML, House, Served, make_house
from parts import Postgres, wait_until
from test_resources import assert_problem

ROWS = 1_000_000
MIB = 1 << 20
# Far less than what is exported, and more than the caches of Python's and libc's allocators and a library of 30 MiB.
GROWTH_BYTES = 64 * MIB
PLACED_YML = STATIONS_YML.replace("columns:", "point: {longitude: height, latitude: height}\ncolumns:")
OURS = "application_name = 'rowhouse-export'"
SUFFIXES = ["csv", "ndjson", "geojson", "parquet"]
# One that PostgreSQL writes, and one that is made of rows: the other two go the same ways.
WAYS = ["csv", "parquet"]


@pytest.fixture(scope="module")
def house(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A million rows: more than fits into all buffers on the way."""
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put("id,name,height,opened,seen,open\n0,,,,,\n", yml=PLACED_YML)
    house.load()
    house.sql(
        "INSERT INTO stations_v1 SELECT i, 'Station ' || i, i / 8.0, date '2025-01-01' + i % 999,"
        f" timestamptz '2025-01-01 00:00Z' + i * interval '1 s', i % 2 = 0 FROM generate_series(1, {ROWS - 1}) i"
    )
    return house


@contextmanager
def serve(house: House, **extra: str) -> Iterator[Served]:
    with house.serve({"WORKERS": "1", **extra}) as served:
        yield served


def statements(house: House) -> int:
    """Return how many connections for exports PostgreSQL has."""
    ((count,),) = house.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {OURS}")
    return int(str(count))


@contextmanager
def standing(served: Served, path: str = "/stations.ndjson") -> Iterator[socket.socket]:
    """Ask for an export, and read nothing but its beginning."""
    with socket.create_connection(("127.0.0.1", served.public.base_url.port or 0)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert client.recv(1 << 12).startswith(b"HTTP/1.1 200")
        yield client


def outcomes(served: Served) -> list[str]:
    """Return how exports ended. psycopg2 writes by itself to where the log goes when a connection is terminated."""
    entries = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    return [entry["outcome"] for entry in entries if entry["message"] == "Export ended"]


def rest(client: socket.socket) -> bytes:
    """Read to the end of the connection; returns the last bytes."""
    client.settimeout(20)
    end = b""
    with suppress(ConnectionResetError):
        while piece := client.recv(MIB):
            end = (end + piece)[-200:]
    return end


def test_more_exports_than_places(house: House) -> None:
    with serve(house, EXPORTS_AT_ONCE="1") as served:
        with standing(served):
            answer = served.public.get("/stations.csv")
            assert "sends 1 exports already" in assert_problem(answer, 503, "too-many-exports")["detail"]
            assert answer.headers["Retry-After"] == "5"
            # Everything else goes on.
            assert served.public.get("/stations.csv?limit=3").status_code == 200
            assert served.public.head("/stations.csv").status_code == 200
        wait_until(lambda: outcomes(served) == ["abandoned"], "the end of the first")
        assert served.public.get("/stations.csv").status_code == 200


@pytest.mark.parametrize("suffix", WAYS)
def test_a_client_that_goes_away_ends_the_statement(house: House, suffix: str) -> None:
    with serve(house) as served:
        with standing(served, f"/stations.{suffix}"):
            wait_until(lambda: statements(house) == 1, "the statement")
        wait_until(lambda: statements(house) == 0, "the end of the statement", 2)
        wait_until(lambda: outcomes(served) == ["abandoned"], "the end of the export", 2)
        assert "Traceback" not in served.log.read_text()


def test_a_client_that_goes_away_before_the_first_row_ends_the_statement(house: House) -> None:
    with serve(house) as served, house.connect() as holder:
        holder.cursor().execute("LOCK stations_v1")
        with socket.create_connection(("127.0.0.1", served.public.base_url.port or 0)) as client:
            client.sendall(b"GET /stations.csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: statements(house) == 1, "the statement")
        wait_until(lambda: statements(house) == 0, "the end of the statement", 3)
        holder.rollback()
        wait_until(lambda: outcomes(served) == ["abandoned"], "the end of the export", 3)
    holder.close()


def test_a_client_that_takes_nothing_is_given_up(house: House) -> None:
    with serve(house, EXPORT_PATIENCE_SECONDS="1") as served, standing(served) as client:
        wait_until(lambda: outcomes(served) == ["stalled"], "patience ends")
        wait_until(lambda: statements(house) == 0, "the end of the statement")
        # The connection is closed, and not ended as a whole response is.
        assert not rest(client).endswith(b"0\r\n\r\n")


def test_a_client_that_is_slow_gets_everything(house: House) -> None:
    with serve(house, EXPORT_PATIENCE_SECONDS="2", STATEMENT_TIMEOUT_MS="500") as served:
        with served.public.stream("GET", "/stations.ndjson") as answer:
            pieces = answer.iter_bytes()
            lines = next(pieces).count(b"\n")
            for pause in (1, 1):
                time.sleep(pause)
                lines += sum(next(pieces).count(b"\n") for _ in range(100))
            lines += sum(piece.count(b"\n") for piece in pieces)
        assert lines == ROWS


@pytest.mark.parametrize("suffix", WAYS)
def test_what_fails_in_the_middle_is_cut_and_not_ended(house: House, suffix: str) -> None:
    with serve(house) as served, standing(served, f"/stations.{suffix}") as client:
        wait_until(lambda: statements(house) == 1, "the statement")
        house.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}")
        assert not rest(client).endswith(b"0\r\n\r\n")
        wait_until(lambda: outcomes(served) == ["failed"], "the end of the export")
        assert served.public.get("/stations/1").status_code == 200


def test_a_client_is_told_that_something_is_missing(house: House) -> None:
    with serve(house) as served:
        connection = http.client.HTTPConnection("127.0.0.1", served.public.base_url.port or 0)
        connection.request("GET", "/stations.csv", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        beginning = answer.read(1000)
        house.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}")
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
        connection.close()
        # Its coding is not complete either.
        decompressor = zlib.decompressobj(wbits=31)
        decompressor.decompress(beginning + caught.value.partial)
        assert not decompressor.eof


def test_a_version_that_waits_to_be_dropped_holds_an_export_up_for_a_moment_only(house: House) -> None:
    with serve(house, STATEMENT_TIMEOUT_MS="300") as served, house.connect() as holder:
        holder.cursor().execute("LOCK stations_v1")
        for suffix in SUFFIXES:
            assert_problem(served.public.get(f"/stations.{suffix}"), 503, "unavailable")
        holder.rollback()
        assert outcomes(served) == ["failed"] * len(SUFFIXES)
    holder.close()


def test_an_export_of_a_version_that_is_gone(house: House, tmp_path: Path) -> None:
    other = make_house_like(house, tmp_path)
    other.put_stations(2)
    other.load()
    with serve(other) as served:
        # Gone behind the server's back.
        other.sql("DROP TABLE stations_v1")
        assert_problem(served.public.get("/stations.csv"), 410, "cursor-expired")


@pytest.mark.slow
def test_exports_end_with_the_process(house: House) -> None:
    with serve(house) as served:
        with standing(served):
            served.process.terminate()
            served.process.wait(timeout=30)
        wait_until(lambda: statements(house) == 0, "the end of the statement")


def test_an_export_is_past_the_cache(house: House) -> None:
    with serve(house) as served, served.public.stream("GET", "/stations.csv") as answer:
        assert answer.headers["X-Cache"] == "bypass"
        assert answer.headers["Transfer-Encoding"] == "chunked"


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["identity", "zstd"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_the_rows(house: House, suffix: str, coding: str) -> None:
    with serve(house) as served:
        served.public.get("/stations")
        (worker,) = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
        before = memory(worker, "VmRSS")
        received = 0
        with served.public.stream("GET", f"/stations.{suffix}", headers={"Accept-Encoding": coding}) as answer:
            for piece in answer.iter_raw():
                received += len(piece)
        assert received > 5 * MIB
        assert memory(worker, "VmHWM") - before < GROWTH_BYTES


def memory(process: str, name: str) -> int:
    """Return a line of /proc's status in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024


def make_house_like(house: House, folder: Path) -> House:
    """Make another, empty house in the same PostgreSQL."""
    schema = f"{house.schema}_other"
    changed = {
        "ROWHOUSE_DATABASE_SCHEMA": schema,
        "ROWHOUSE_DATASETS_DIR": str(folder),
        "ROWHOUSE_DATA_DIR": str(folder),
    }
    return House(folder, schema, {**house.environment, **changed})
