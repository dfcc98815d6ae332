"""The load of a large CSV file by Rowhouse and by psql, in turns: python bench/load.py --help."""

import argparse
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[1]
sys.path += [str(ROOT / "api/src"), str(ROOT / "api/tests")]

from house import House, make_house  # noqa: E402 - the path comes first
from parts import Postgres  # noqa: E402 - as above

COLUMNS = {
    "id": "integer",
    "date": "date",
    "station": "text",
    "latitude": "number",
    "longitude": "number",
    "pm10": "number",
    "pm25": "number",
    "no2": "number",
    "o3": "number",
    "humidity": "integer",
    "valid": "boolean",
    "remark": "text",
}
SQL_TYPES = {
    "integer": "bigint",
    "number": "double precision",
    "date": "date",
    "text": 'text COLLATE "C"',
    "boolean": "boolean",
}
YML = f"title: Air\nfile: air.csv\nkey: id\ncolumns:\n{''.join(f'  {n}: {{type: {t}}}\n' for n, t in COLUMNS.items())}"
REJECTING_YML = f"max_rejects: 1000\n{YML}"


def rows(count: int) -> Iterator[str]:
    """Write the lines of a made-up table of measurements, the same in each run."""
    chance = random.Random(1)
    yield ",".join(COLUMNS)
    first = date(1998, 1, 1)
    days = [str(first + timedelta(days=i)) for i in range(10_000)]
    # Enough of them to look like measurements, and quickly made.
    tails = [
        ",".join(f"{chance.uniform(0, 90):.3f}" for _ in range(4))
        + f",{chance.randrange(101)},{chance.choice(('true', 'false'))},{chance.choice(('', '', 'checked by hand'))}"
        for _ in range(10_000)
    ]
    places = [f"DEBW{i:03},{47.5 + i / 100:.4f},{7.5 + i / 90:.5f}" for i in range(200)]
    for i in range(1, count + 1):
        yield f"{i},{days[i // 200 % 10_000]},{places[i % 200]},{tails[i * 7919 % 10_000]}"


def write(path: Path, count: int, bad: int = 0) -> None:
    """Write the file; in `bad` rows, spread evenly, the humidity is no number."""
    every = count // bad if bad else count + 1
    with path.open("w") as file:
        for i, line in enumerate(rows(count)):
            if i and i % every == 0:
                cells = line.split(",")
                cells[9] = "much"
                line = ",".join(cells)
            file.write(f"{line}\n")


def by_psql(house: House, file: Path) -> None:
    """Copy the file into a table with the same key, as fast as psql does it; nothing is checked or versioned."""
    columns = ", ".join(f"{name} {SQL_TYPES[kind]}" for name, kind in COLUMNS.items())
    statements = (
        f"CREATE SCHEMA {house.schema}",
        f"CREATE TABLE {house.schema}.air ({columns}, PRIMARY KEY (id))",
        f"\\copy {house.schema}.air FROM '{file}' (FORMAT csv, HEADER)",
    )
    settings = house.settings
    server = ("-h", settings.database_host, "-p", str(settings.database_port), "-U", settings.database_user)
    words = [word for statement in statements for word in ("-c", statement)]
    subprocess.run(["psql", "-X", "-q", "-d", settings.database_name, *server, *words], check=True)


def by_rowhouse(house: House) -> None:
    """Load it: every row judged, key built, rows counted, ready to serve."""
    done = house.run("load")
    if done.returncode:
        sys.exit(done.stderr)


@contextmanager
def timed(into: list[float]) -> Iterator[None]:
    """Note how many seconds the block takes."""
    started = time.monotonic()
    yield
    into.append(time.monotonic() - started)


def measure(postgres: Postgres, folder: Path, count: int, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each way, each once in each round, in an order that turns."""
    seconds: dict[str, list[float]] = {"psql": [], "rowhouse": [], "rowhouse, 100 rejects": []}
    for kind, yml, bad in (("good", YML, 0), ("bad", REJECTING_YML, 100)):
        (folder / kind / "air").mkdir(parents=True)
        (folder / kind / "air/dataset.yml").write_text(yml)
        write(folder / kind / "air/air.csv", count, bad)
    good = folder / "good/air/air.csv"
    sys.stderr.write(f"{count} rows, {good.stat().st_size / 1e6:.0f} MB\n")
    ways = list(seconds)
    for turn in range(repeats):
        for way in ways[turn % 3 :] + ways[: turn % 3]:
            house = make_house(postgres, folder / ("bad" if "rejects" in way else "good"))
            # What the way before has left is written before the clock runs.
            house.sql("CHECKPOINT")
            with timed(seconds[way]):
                by_psql(house, good) if way == "psql" else by_rowhouse(house)
            house.sql(f"DROP SCHEMA {house.schema} CASCADE")
            sys.stderr.write(f"{way}: {seconds[way][-1]:.2f} s\n")
    return seconds


def table(seconds: Mapping[str, list[float]]) -> str:
    """Return the outcome as Markdown."""
    lines = ["| way | seconds: least, median, most | of psql: least, median, most |", "| --- | --- | --- |"]
    for way, each in seconds.items():
        ratios = [own / peer for own, peer in zip(each, seconds["psql"], strict=True)]
        lines.append(f"| {way} | {three(each)} | {three(ratios)} |")
    return "\n".join(lines)


def three(values: list[float]) -> str:
    return f"{min(values):.2f}, {statistics.median(values):.2f}, {max(values):.2f}"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    # Where PostgreSQL's user may enter, who is another.
    folder = Path("/tmp") / f"rowhouse-bench-{uuid4().hex[:8]}"
    (folder / "postgres").mkdir(parents=True)
    postgres = Postgres(folder / "postgres")
    try:
        postgres.start()
        outcome = table(measure(postgres, folder, options.rows, options.repeats))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        sys.stdout.write(f"{outcome}\n\nLargest process that was started here, PostgreSQL aside: {peak:.0f} MB.\n")
    finally:
        postgres.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
