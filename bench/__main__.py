"""Rowhouse and its peers, measured in turns: python -m bench --help. Writes bench/RESULTS.md."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import contests, environment, report
from bench.contests import Plan
from bench.deep import deep
from bench.ground import Ground, ground
from bench.growth import growth
from bench.load_generators import CONNECTIONS
from bench.servers import Datasette, FastApi, Flask, Roapi
from bench.standing import standing

_RESULTS = Path(__file__).parent / "RESULTS.md"


def _script(name: str, title: str, _ground: Ground, plan: Plan) -> str:
    """Have a program of its own measure, which says what it measures; it brings its own PostgreSQL."""
    words = ["--rows", str(plan.rows), "--repeats", str(plan.rounds)]
    done = subprocess.run([sys.executable, "-m", f"bench.{name}", *words], stdout=subprocess.PIPE, check=True)
    return f"## {title}\n\n`python -m bench.{name} {' '.join(words)}`\n\n{done.stdout.decode()}"


# Each gives a chapter of the results.
_WORKS: dict[str, Callable[[Ground, Plan], str]] = {
    "hot": lambda ground, plan: report.table(contests.hot(ground, plan, contests.HOT, 100)),
    "table": lambda ground, plan: report.table(contests.hot(ground, plan, contests.TABLE, 1000)),
    "redis": lambda ground, plan: report.table(contests.from_redis(ground, plan)),
    "cold": lambda ground, plan: report.table(contests.cold(ground, plan)),
    "whole": lambda ground, plan: report.table(contests.whole(ground, plan)),
    "deep": deep,
    "standing": standing,
    "growth": growth,
    "load": partial(_script, "load", "Load of a CSV file"),
    "export": partial(_script, "export", "Export of a whole table"),
}


def main() -> None:
    """Measure what the options say."""
    installed = environment.prepared()
    every = {kind.name: kind(peers=installed) for kind in (Flask, FastApi, Datasette, Roapi)}
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=_WORKS, default=list(_WORKS), help="these works")
    parser.add_argument("--peers", nargs="*", choices=every, default=list(every), help="against these, nginx aside")
    parser.add_argument("--rows", type=int, default=100_000, help="of the large table")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each turn")
    parser.add_argument("--output", type=Path, default=_RESULTS)
    options = parser.parse_args()
    plan = Plan(options.rounds, options.seconds, options.rows, [every[name] for name in options.peers])
    started, (_, load, _) = time.monotonic(), os.getloadavg()
    with ground() as parts:
        for name in options.only:
            # Each at once, so that what was measured is there, whatever comes later.
            report.put(options.output, CONNECTIONS, _WORKS[name](parts, plan))
    named = ("flask", "gunicorn", "fastapi", "asyncpg", "datasette", "roapi")
    report.put(options.output, CONNECTIONS, report.versions(installed.versions(), named, load))
    sys.stderr.write(f"{options.output} after {time.monotonic() - started:.0f} s\n")


if __name__ == "__main__":
    main()
