"""What asks the servers: wrk, redis-benchmark and pgbench, each for a number of seconds."""

import json
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.data import STATIONS
from bench.ground import Ground, Table
from bench.processes import Running

CONNECTIONS = 32
_THREADS = 2
# Filtered pages start in the first part of the table, so that each of them is full.
_STARTS = 0.5

# Values are drawn anew in each thread of each run, or a later run would find an earlier one's answers in a cache.
_LUA = """
local threads = 0
function setup(thread) thread:set("number", threads); threads = threads + 1 end
function init() math.randomseed(SEED * 64 + number) end
local sent = 0
function request()
  if NUMBERED then
    sent = sent + 1
    return wrk.format("GET", PATH, {["X-Request-Id"] = string.format("%d-%d-%d", SEED, number, sent)})
  end
  if not VARIES then return wrk.format("GET", PATH) end
  local station = string.format("DEBW%03d", math.random(0, STATIONS - 1))
  local path = string.gsub(string.gsub(PATH, "{station}", station), "{id}", tostring(math.random(1, LAST)))
  return wrk.format("GET", path)
end
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('JSON{"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p99":%d}\\n',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Sample:
    """One measurement.

    Attributes:
        rate: Answers a second.
        cpu: Microseconds of CPU that the server spent on each; 0 where nobody looked.
        median: Of the latencies, in milliseconds.
        late: The 99th percentile of them.
    """

    rate: float
    cpu: float = 0.0
    median: float = 0.0
    late: float = 0.0


def wrk(
    server: Running,
    path: str,
    seconds: float,
    rows: int = 0,
    connections: int = CONNECTIONS,
    *,
    is_numbered: bool = False,
) -> Sample:
    """Ask for a path as often as possible; {station} and {id} in it are another each time.

    Args:
        server: What is asked.
        path: Of all requests.
        seconds: How long.
        rows: Of the table.
        connections: At a time.
        is_numbered: Whether each request has an id of its own, as some proxies give it.

    Raises:
        RuntimeError: Some answers were errors.
    """
    values = {
        "PATH": f"[[{path}]]",
        "NUMBERED": "true" if is_numbered else "false",
        "VARIES": "true" if "{" in path else "false",
        "SEED": str(time.time_ns() // 1000 % 2**31),
        "STATIONS": str(STATIONS),
        "LAST": str(max(1, int(rows * _STARTS))),
    }
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("".join(f"{name} = {value}\n" for name, value in values.items()) + _LUA)
        script.flush()
        words = ["-t", str(min(_THREADS, connections)), "-c", str(connections), "--timeout", "30s", "-s", script.name]
        # The slowest have not answered at all after the time that is enough for the others.
        for patience in (1, 5):
            before = server.cpu_seconds()
            output = _run("wrk", *words, "-d", f"{seconds * patience:.0f}s", server.url)
            used = server.cpu_seconds() - before
            told = json.loads(output.partition("JSON")[2].partition("\n")[0])
            if told["requests"]:
                break
    if told["failed"] or not told["requests"]:
        raise RuntimeError(f"{server.url}{path}: {told['failed']} of {told['requests']} answers were errors")
    return Sample(
        told["requests"] / told["microseconds"] * 1e6,
        used / told["requests"] * 1e6,
        told["p50"] / 1000,
        told["p99"] / 1000,
    )


def redis_get(ground: Ground, size: int, seconds: float) -> Sample:
    """Get a value of this size as often as possible, with redis-benchmark."""
    server = ["-h", "127.0.0.1", "-p", str(ground.redis.port), "-a", ground.redis.password]
    words = [*server, "-c", str(CONNECTIONS), "-d", str(size), "--threads", str(_THREADS), "--csv"]
    # It takes a number and no time, and the first run tells the rate.
    _run("redis-benchmark", *words, "-t", "set", "-n", "100")
    rate = 5000.0
    for share in (0.1, 1):
        output = _run("redis-benchmark", *words, "-t", "get", "-n", str(max(1000, int(rate * seconds * share))))
        rate = float(re.findall(r'^"GET","([0-9.]+)"', output, re.MULTILINE)[0])
    return Sample(rate)


def pgbench(table: Table, seconds: float) -> Sample:
    """Ask PostgreSQL for the filtered page as often as possible, prepared, with nothing made of the rows."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    script = f"""\\set n random(0, {STATIONS - 1})
\\set start random(1, {max(1, int(table.rows * _STARTS))})
SELECT * FROM {table.name} WHERE station = 'DEBW' || lpad((:n)::text, 3, '0') AND id >= :start ORDER BY id LIMIT 100;
"""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        words = ["-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", str(_THREADS), "-T", f"{seconds:.0f}"]
        output = _run(str(binaries / "pgbench"), *words, "-f", file.name, table.url)
    return Sample(
        float(re.findall(r"tps = ([0-9.]+) \(without", output)[0]),
        median=float(re.findall(r"latency average = ([0-9.]+) ms", output)[0]),
    )


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout
