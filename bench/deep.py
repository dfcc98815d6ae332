"""A page far behind against the first one, in several orders."""

import re
import statistics
import sys

from rowhouse.cursor import Cursor
from rowhouse.query import Order, order_text, total_order

from bench.contests import Plan
from bench.data import NAME
from bench.ground import Ground, Table
from bench.load_generators import wrk
from bench.report import three
from bench.servers import Rowhouse

_DEPTH = 0.98
_GOAL = 1.2
_SORTS = ("id", "-id", "pm10", "-pm10", "station")


def deep(ground: Ground, plan: Plan) -> str:
    """Ask one at a time for both pages, from a server that keeps nothing."""
    table = ground.table(plan.rows)
    row = int(table.rows * _DEPTH)
    lines = [
        "## A page far behind",
        "",
        f"Page of 100 rows at row {row:,} of {table.rows:,}, and the first: one request at a time, without a cache.",
        "",
        "| sort | first page, ms | page far behind, ms | of the first | goal |",
        "| --- | --- | --- | --- | --- |",
    ]
    with Rowhouse(with_redis=False, settings={"CACHE_LOCAL_BYTES": "0"}).run(ground, table) as server:
        for sort in _SORTS:
            paths = [
                f"/{NAME}?limit=100&sort={sort}",
                f"/{NAME}?limit=100&sort={sort}&cursor={_cursor(table, sort, row)}",
            ]
            taken: list[list[float]] = [[], []]
            for turn in range(plan.rounds):
                for i in (0, 1) if turn % 2 else (1, 0):
                    taken[i].append(wrk(server, paths[i], 1, connections=1).median)
            shares = [far / first for first, far in zip(*taken, strict=True)]
            verdict = "met" if statistics.median(shares) <= _GOAL else "**missed**"
            lines.append(f"| {sort} | {three(taken[0])} | {three(taken[1])} | {three(shares)} | ≤ {_GOAL}: {verdict} |")
            sys.stderr.write(f"deep: {sort}: {statistics.median(shares):.2f}\n")
    return "\n".join(lines) + "\n"


def _cursor(table: Table, sort: str, row: int) -> str:
    """Return a cursor behind the row with this number in the order, without walking there."""
    (dataset,) = table.house.datasets
    columns = {column.name: column for column in dataset.columns}
    order = total_order((Order(columns[sort.removeprefix("-")], sort.startswith("-")),), (dataset.key,))
    names = ", ".join(item.column.name for item in order)
    by = ", ".join(f"{item.column.name}{' DESC' if item.descending else ''}" for item in order)
    (values,) = table.house.sql(f"SELECT {names} FROM {table.name} ORDER BY {by} OFFSET {row} LIMIT 1")
    number = int(re.findall("[0-9]+$", table.name)[0])
    return Cursor(number, order_text(order), values).encode()  # type: ignore[arg-type] # values of the columns' types
