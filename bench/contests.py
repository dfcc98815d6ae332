"""Contests: the same work by Rowhouse and by others, in turns."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import httpx

from bench.ground import Ground, Table
from bench.load_generators import Sample, pgbench, redis_get, wrk
from bench.processes import Running
from bench.servers import Nginx, Row, Rowhouse, Server

type Measure = Callable[[], Sample]


@dataclass(frozen=True)
class Goal:
    """How much of a peer's rate Rowhouse should reach."""

    peer: str
    least: float
    then: float | None = None


@dataclass(frozen=True)
class Contest:
    """One work.

    Attributes:
        name: For the option --only.
        title: For the results.
        goals: Against whom, and how much.
        note: What to know for reading the numbers.
    """

    name: str
    title: str
    goals: Sequence[Goal]
    note: str


@dataclass(frozen=True)
class Outcome:
    """What came out of a contest: the samples of each way, one a round, in the same order."""

    contest: Contest
    samples: Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Plan:
    """How to measure.

    Attributes:
        rounds: How often each way has its turn.
        seconds: How long a turn is.
        rows: Of the large table.
        peers: The servers besides Rowhouse and nginx.
    """

    rounds: int
    seconds: float
    rows: int
    peers: Sequence[Server]


HOT = Contest(
    "hot",
    "The same page of 100 rows again",
    (Goal("nginx", 0.60, 0.90), Goal("flask", 5), Goal("fastapi", 5)),
    "Rowhouse answers from the memory of its workers, with request id, log line, counts and a look at the version for"
    " each; nginx sends the same bytes as a file, as Debian configures it but without an access log. Numbered: each"
    " request comes with an id of its own, as some proxies give it, and so is another piece of bytes.",
)
TABLE = Contest(
    "table",
    "The same 1,000 rows again",
    (Goal("nginx", 0.95),),
    "As above, with bodies ten times as large.",
)
REDIS = Contest(
    "redis",
    "The same page, first time in a replica",
    (Goal("redis-benchmark", 0.30),),
    "Rowhouse keeps nothing in its own memory here, so that each answer comes from Redis. redis-benchmark gets as many"
    " bytes.",
)
COLD = Contest(
    "cold",
    "Another page of 100 rows each time",
    (Goal("flask", 5), Goal("fastapi", 1.8), Goal("pgbench", 0.5)),
    "A station and an id from which on, drawn anew: every answer is made from PostgreSQL. Rowhouse also looks into"
    " Redis and stores each answer there; the row without Redis shows what that costs. pgbench asks for the same rows"
    " and makes nothing of them.",
)
WHOLE = Contest(
    "whole",
    "A table of 1,000 rows as a whole, made anew each time",
    (Goal("flask", 10), Goal("fastapi", 2.5), Goal("roapi", 2.5)),
    "Rowhouse without any cache. The condition is another each time, and always true: what is asked for at once is else"
    " made once.",
)


def hot(ground: Ground, plan: Plan, contest: Contest, limit: int) -> Outcome:
    """Ask for the same answer again and again."""
    table = ground.table(plan.rows)
    rowhouse = Rowhouse()
    with ExitStack() as stack:
        house = stack.enter_context(rowhouse.run(ground, table))
        body = _get(house, rowhouse.page(limit))
        servers = [Nginx(bodies={limit: body}), *(plan.peers if limit <= 100 else ())]
        path = rowhouse.page(limit)
        ways = {
            rowhouse.name: _asking(house, path, plan),
            "rowhouse, numbered": lambda: wrk(house, path, plan.seconds, is_numbered=True),
        }
        for server in servers:
            other = stack.enter_context(server.run(ground, table))
            _check(server, _get(other, server.page(limit)), rowhouse.rows(body))
            ways[server.name] = _asking(other, server.page(limit), plan)
        return _turns(contest, ways, plan.rounds)


def from_redis(ground: Ground, plan: Plan) -> Outcome:
    """Ask workers that keep nothing for what is in Redis."""
    table = ground.table(plan.rows)
    rowhouse = Rowhouse(settings={"CACHE_LOCAL_BYTES": "0"})
    with rowhouse.run(ground, table) as house:
        path = rowhouse.page(100)
        size = len(_get(house, path))
        ways = {
            rowhouse.name: _asking(house, path, plan),
            "redis-benchmark": lambda: redis_get(ground, size, plan.seconds),
        }
        return _turns(REDIS, ways, plan.rounds)


def cold(ground: Ground, plan: Plan) -> Outcome:
    """Ask for another page each time."""
    table = ground.table(plan.rows)
    servers = [Rowhouse(), Rowhouse("rowhouse without Redis", with_redis=False), *plan.peers]
    return _uncached(COLD, ground, plan, table, servers, {"pgbench": lambda: pgbench(table, plan.seconds)})


def whole(ground: Ground, plan: Plan) -> Outcome:
    """Ask for a small table as a whole, from servers that keep nothing."""
    rowhouse = Rowhouse(with_redis=False, settings={"CACHE_LOCAL_BYTES": "0"})
    return _uncached(WHOLE, ground, plan, ground.table(1000), [rowhouse, *plan.peers], {})


def _uncached(
    contest: Contest, ground: Ground, plan: Plan, table: Table, servers: Sequence[Server], ways: Mapping[str, Measure]
) -> Outcome:
    with ExitStack() as stack:
        expected: list[Row] = []
        asking: dict[str, Measure] = {}
        for server in servers:
            other = stack.enter_context(server.run(ground, table))
            path = server.every if contest is WHOLE else server.filtered
            example = path.replace("{station}", "DEBW017").replace("{id}", "7")
            expected = expected or server.rows(_get(other, example))
            _check(server, _get(other, example), expected)
            asking[server.name] = _asking(other, path, plan, table.rows)
        return _turns(contest, {**asking, **ways}, plan.rounds)


def _asking(server: Running, path: str, plan: Plan, rows: int = 0) -> Measure:
    return lambda: wrk(server, path, plan.seconds, rows)


def _turns(contest: Contest, ways: Mapping[str, Measure], rounds: int) -> Outcome:
    """Measure each way once in each round, in an order that turns."""
    samples: dict[str, list[Sample]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            sample = ways[name]()
            samples[name].append(sample)
            sys.stderr.write(f"{contest.name} {turn + 1}/{rounds}: {name}: {sample.rate:.0f}/s, {sample.cpu:.0f} µs\n")
    return Outcome(contest, samples)


def _get(server: Running, path: str) -> bytes:
    """Return an answer, asked often enough that each worker has given it, or made it."""
    headers = {"Accept-Encoding": "identity"}
    answers = [httpx.get(server.url + path, headers=headers) for _ in range(20)]
    for answer in answers:
        answer.raise_for_status()
    return answers[-1].content


def _check(server: Server, body: bytes, expected: Sequence[Row]) -> None:
    """Refuse a server whose rows are not those of the others."""
    found = server.rows(body)
    if [_plain(row) for row in found] != [_plain(row) for row in expected] or not found:
        raise RuntimeError(f"{server.name} answers otherwise: {found[:2]}, and not {list(expected[:2])}")


def _plain(row: Row) -> Row:
    # What some take for an empty text is null to others: a CSV file does not tell.
    return {name: None if value == "" else value for name, value in row.items()}
