"""The export of a whole table through the API and by psql's COPY of the same SELECT, in turns.

PYTHONPATH=api/src:api/tests python -m bench.export --help
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from house import House, Served, make_house
from rowhouse.catalog import Catalog
from rowhouse.database import exporting_engine
from rowhouse.extraction import copy_statement
from rowhouse.formats import CSV, NDJSON, Format
from rowhouse.parameters import parse_query
from rowhouse.statements import Statements

from bench.beside_psql import YML, in_turns, options, place, psql, table, timed, write

LAST_CHUNK = b"0\r\n\r\n"


class Client:
    """Reads exports and drops them, as psql does into /dev/null; remembers how long the first bytes took."""

    def __init__(self, served: Served) -> None:
        """Ask this server."""
        self._address = ("127.0.0.1", served.public.base_url.port or 0)
        self.milliseconds: list[float] = []

    def get(self, path: str) -> None:
        """Read an answer to its end."""
        started = time.monotonic()
        buffer = bytearray(1 << 20)
        with socket.create_connection(self._address) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            end = b""
            while size := connection.recv_into(buffer):
                if not end:
                    self.milliseconds.append(1000 * (time.monotonic() - started))
                    assert buffer.startswith(b"HTTP/1.1 200 "), bytes(buffer[:size])
                end = (end + buffer[max(0, size - len(LAST_CHUNK)) : size])[-len(LAST_CHUNK) :]
        assert end == LAST_CHUNK, f"{path} was cut"


def by_psql(house: House, form: Format) -> None:
    """Copy the rows out by the statement that the API has PostgreSQL run, under the same settings."""
    (dataset,) = house.datasets
    engine = exporting_engine(house.settings)
    query = parse_query(dataset, "")
    statement = Statements(Catalog(house.schema), engine.dialect).export(1, query)
    copy = copy_statement(statement.text, query.columns, form)
    engine.dispose()
    settings = {"PGOPTIONS": "-c timezone=UTC -c datestyle=ISO -c jit=off"}
    subprocess.run(psql(house, copy), check=True, env=os.environ | settings, stdout=subprocess.DEVNULL)


def peak_of_the_worker(served: Served) -> float:
    """Return the most memory that the one worker ever had, in MiB, what it shares with its parent included."""
    (worker,) = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Measure, and print a table."""
    chosen = options(__doc__)
    with place() as (postgres, folder):
        (folder / "data/air").mkdir(parents=True)
        (folder / "data/air/dataset.yml").write_text(YML)
        write(folder / "data/air/air.csv", chosen.rows)
        house = make_house(postgres, folder / "data")
        house.load()
        # Written and clean, so that whoever reads first pays no more than the next.
        house.sql("VACUUM air_v1")
        house.sql("CHECKPOINT")
        with house.serve({"WORKERS": "1"}) as served:
            client = Client(served)
            ways = {}
            for form in (CSV, NDJSON):
                ways[f"psql, {form.name}"] = lambda form=form: timed(lambda: by_psql(house, form))
                ways[f"rowhouse, {form.name}"] = lambda form=form: timed(lambda: client.get(f"/air.{form.name}"))
            peers = {way: f"psql, {way.split()[-1]}" for way in ways}
            outcome = table(in_turns(ways, chosen.repeats), peers)
            sys.stdout.write(
                f"{outcome}\n\nFirst bytes after {max(client.milliseconds):.0f} ms at most; "
                f"largest the worker was: {peak_of_the_worker(served):.0f} MiB.\n"
            )


if __name__ == "__main__":
    main()
