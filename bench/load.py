"""The load of a large CSV file by Rowhouse and by psql, in turns.

PYTHONPATH=api/src:api/tests python -m bench.load --help
"""

import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from house import House, make_house

from bench.beside_psql import YML, in_turns, options, place, psql, table, timed, write
from bench.data import COLUMNS

SQL_TYPES = {
    "integer": "bigint",
    "number": "double precision",
    "date": "date",
    "text": 'text COLLATE "C"',
    "boolean": "boolean",
}
REJECTS = 100


def by_psql(house: House, file: Path) -> None:
    """Copy the file into a table with the same key, as fast as psql does it; nothing is checked or versioned."""
    columns = ", ".join(f"{name} {SQL_TYPES[kind]}" for name, kind in COLUMNS.items())
    statements = (
        f"CREATE SCHEMA {house.schema}",
        f"CREATE TABLE {house.schema}.air ({columns}, PRIMARY KEY (id))",
        f"\\copy {house.schema}.air FROM '{file}' (FORMAT csv, HEADER)",
    )
    subprocess.run(psql(house, *statements), check=True)


def by_rowhouse(house: House) -> None:
    """Load it: every row judged, key built, rows counted, ready to serve."""
    done = house.run("load")
    if done.returncode:
        sys.exit(done.stderr)


def in_a_new_house(make: Callable[[], House], load: Callable[[House], None]) -> float:
    """Return the seconds of a load into a schema that is not there yet."""
    house = make()
    # What the way before has left is written before the clock runs.
    house.sql("CHECKPOINT")
    seconds = timed(lambda: load(house))
    house.sql(f"DROP SCHEMA {house.schema} CASCADE")
    return seconds


def main() -> None:
    """Measure, and print a table."""
    chosen = options(__doc__)
    with place() as (postgres, folder):
        for kind, yml, bad in (("good", YML, 0), ("bad", f"max_rejects: {REJECTS}\n{YML}", REJECTS)):
            (folder / kind / "air").mkdir(parents=True)
            (folder / kind / "air/dataset.yml").write_text(yml)
            write(folder / kind / "air/air.csv", chosen.rows, bad)
        file = folder / "good/air/air.csv"
        sys.stderr.write(f"{chosen.rows} rows, {file.stat().st_size / 1e6:.0f} MB\n")
        good, bad_house = (partial(make_house, postgres, folder / kind) for kind in ("good", "bad"))
        ways = {
            "psql": lambda: in_a_new_house(good, lambda house: by_psql(house, file)),
            "rowhouse": lambda: in_a_new_house(good, by_rowhouse),
            f"rowhouse, {REJECTS} rejects": lambda: in_a_new_house(bad_house, by_rowhouse),
        }
        outcome = table(in_turns(ways, chosen.repeats), dict.fromkeys(ways, "psql"))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        sys.stdout.write(f"{outcome}\n\nLargest process that was started here, PostgreSQL aside: {peak:.0f} MB.\n")


if __name__ == "__main__":
    main()
