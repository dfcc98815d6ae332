"""What a server costs before anybody asks much of it: the time until it answers, and its memory."""

import statistics
import sys
from collections.abc import Sequence

from bench.contests import Plan
from bench.ground import Ground
from bench.load_generators import wrk
from bench.report import three
from bench.servers import Rowhouse, Server

_READY_GOAL, _MEMORY_GOAL = 1.1, 0.65
_MIB = 2**20


def standing(ground: Ground, plan: Plan) -> str:
    """Start each server in each round, ask it for a page for a second, and look at its memory."""
    table = ground.table(1000)
    servers: Sequence[Server] = [Rowhouse(), *plan.peers]
    ready: dict[str, list[float]] = {server.name: [] for server in servers}
    memory: dict[str, list[float]] = {server.name: [] for server in servers}
    for turn in range(plan.rounds):
        start = turn % len(servers)
        for server in [*servers[start:], *servers[:start]]:
            with server.run(ground, table) as started:
                wrk(started, server.page(100), 1)
                ready[server.name].append(started.ready_seconds)
                memory[server.name].append(started.memory_bytes() / _MIB)
            sys.stderr.write(f"standing {turn + 1}/{plan.rounds}: {server.name}: {ready[server.name][-1]:.2f} s\n")
    lines = [
        "## Start and memory",
        "",
        "From the start of the first process to the first answer, and the proportional set size of all processes,",
        "which counts shared memory once, after a second of requests for one page. Two workers each; roapi has one",
        "process and holds the table itself.",
        "",
        "| | ready, s | of Flask | memory, MiB | of Flask |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in ready:
        shares = [
            [own / other for own, other in zip(numbers[name], numbers["flask"], strict=True)]
            if "flask" in numbers
            else []
            for numbers in (ready, memory)
        ]
        cells = [name, three(ready[name]), _share(shares[0]), three(memory[name], 0), _share(shares[1])]
        if name == "rowhouse" and shares[0]:
            cells[2] += _judged(shares[0], _READY_GOAL)
            cells[4] += _judged(shares[1], _MEMORY_GOAL)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(values: Sequence[float]) -> str:
    return three(values) if values else ""


def _judged(values: Sequence[float], most: float) -> str:
    return f"; goal ≤ {most}: {'met' if statistics.median(values) <= most else '**missed**'}"
