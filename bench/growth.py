"""How the cost grows with the table and with the number of replicas, as numbers and as a plot."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.contests import Plan
from bench.ground import Ground, Table
from bench.load_generators import wrk
from bench.plot import Line, Panel, draw
from bench.report import three
from bench.servers import Rowhouse, balanced

_PLOT = Path(__file__).parents[1] / "docs" / "growth.svg"
REPLICAS = (1, 2, 5)
_ROWS = (1_000, 100_000)
_KINDS = ("the same page again", "another page each time")


def growth(ground: Ground, plan: Plan) -> str:
    """Ask each number of replicas of each table for one page again and again, and for another each time."""
    sizes = [*_ROWS, *([plan.rows] if plan.rows > max(_ROWS) else [])]
    rates: dict[tuple[int, int, str], list[float]] = {}
    cpu: dict[tuple[int, int, str], list[float]] = {}
    for rows in sizes:
        table = ground.table(rows)
        for turn in range(plan.rounds):
            for replicas in REPLICAS[turn % 3 :] + REPLICAS[: turn % 3]:
                _measure(ground, plan, table, replicas, rates, cpu)
    panels = [
        Panel(
            f"Answers a second: {kind}",
            [
                Line(
                    f"{replicas} replica{'s' if replicas > 1 else ''}",
                    [(rows, rates[rows, replicas, kind]) for rows in sizes],
                )
                for replicas in REPLICAS
            ],
        )
        for kind in _KINDS
    ]
    _PLOT.write_text(draw(panels, "rows in the table"))
    return _page(sizes, rates, cpu)


def _measure(
    ground: Ground,
    plan: Plan,
    table: Table,
    replicas: int,
    rates: dict[tuple[int, int, str], list[float]],
    cpu: dict[tuple[int, int, str], list[float]],
) -> None:
    rowhouse = Rowhouse()
    with ExitStack() as stack:
        servers = [stack.enter_context(rowhouse.run(ground, table)) for _ in range(replicas)]
        front = stack.enter_context(balanced(ground, servers))
        for kind, path in zip(_KINDS, (rowhouse.page(100), rowhouse.filtered), strict=True):
            wrk(front, path, 1, table.rows)
            before = sum(server.cpu_seconds() for server in servers)
            sample = wrk(front, path, plan.seconds, table.rows)
            used = sum(server.cpu_seconds() for server in servers) - before
            rates.setdefault((table.rows, replicas, kind), []).append(sample.rate)
            cpu.setdefault((table.rows, replicas, kind), []).append(used / (sample.rate * plan.seconds) * 1e6)
            sys.stderr.write(f"growth: {table.rows} rows, {replicas} replicas, {kind}: {sample.rate:.0f}/s\n")


def _page(
    sizes: list[int], rates: dict[tuple[int, int, str], list[float]], cpu: dict[tuple[int, int, str], list[float]]
) -> str:
    lines = [
        "## Growth",
        "",
        f"Replicas are `rowhouse serve` with two workers each, behind one nginx, on the same {os.cpu_count()} CPUs as",
        "nginx, PostgreSQL, Redis and wrk: more of them add no CPU here. What the table shows is what they cost each",
        "other, and what the size of the table costs.",
        "",
        "![Growth](../docs/growth.svg)",
        "",
        "| rows | replicas | | answers a second | CPU of the replicas for each, µs |",
        "| --- | --- | --- | --- | --- |",
    ]
    for rows in sizes:
        for kind in _KINDS:
            for replicas in REPLICAS:
                key = rows, replicas, kind
                lines.append(f"| {rows:,} | {replicas} | {kind} | {three(rates[key], 0)} | {three(cpu[key], 0)} |")
    return "\n".join(lines) + "\n"
