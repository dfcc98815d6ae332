"""What the measurements beside psql share: a made-up table, a PostgreSQL of their own, turns, the outcome."""

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from house import House
from parts import Postgres

from bench.data import description, lines

# psql has no other index than the key.
YML = description(filters=())


def write(path: Path, count: int, bad: int = 0) -> None:
    """Write the file; in `bad` rows, spread evenly, the humidity is no number."""
    every = count // bad if bad else count + 1
    with path.open("w") as file:
        for i, line in enumerate(lines(count)):
            if i and i % every == 0:
                cells = line.split(",")
                cells[9] = "much"
                line = ",".join(cells)
            file.write(f"{line}\n")


type Seconds = dict[str, list[float]]


@contextmanager
def place() -> Iterator[tuple[Postgres, Path]]:
    """Give a new PostgreSQL that runs, and an empty folder; both are gone afterwards."""
    # Where PostgreSQL's user may enter, who is another.
    folder = Path("/tmp") / f"rowhouse-bench-{uuid4().hex[:8]}"
    (folder / "postgres").mkdir(parents=True)
    postgres = Postgres(folder / "postgres")
    try:
        postgres.start()
        yield postgres, folder
    finally:
        postgres.stop()
        shutil.rmtree(folder)


def in_turns(ways: Mapping[str, Callable[[], float]], repeats: int) -> Seconds:
    """Return the seconds of each way, which it returns itself: each once in each round, in an order that turns."""
    seconds: Seconds = {way: [] for way in ways}
    names = list(ways)
    for turn in range(repeats):
        first = turn % len(names)
        for way in names[first:] + names[:first]:
            seconds[way].append(ways[way]())
            sys.stderr.write(f"{way}: {seconds[way][-1]:.2f} s\n")
    return seconds


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds it takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def psql(house: House, *statements: str) -> list[str]:
    """Return the command line that has psql run the statements, one after the other."""
    settings = house.settings
    server = ("-h", settings.database_host, "-p", str(settings.database_port), "-U", settings.database_user)
    words = [word for statement in statements for word in ("-c", statement)]
    return ["psql", "-X", "-q", "-d", settings.database_name, *server, *words]


def table(seconds: Seconds, peers: Mapping[str, str]) -> str:
    """Return the outcome as Markdown; `peers` names what each way is held against."""
    lines = ["| way | seconds: least, median, most | of psql: least, median, most |", "| --- | --- | --- |"]
    for way, each in seconds.items():
        ratios = [own / peer for own, peer in zip(each, seconds[peers[way]], strict=True)]
        lines.append(f"| {way} | {_three(each)} | {_three(ratios)} |")
    return "\n".join(lines)


def options(description: str | None) -> argparse.Namespace:
    """Read the command line: `rows` and `repeats`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def _three(values: list[float]) -> str:
    return f"{min(values):.2f}, {statistics.median(values):.2f}, {max(values):.2f}"
