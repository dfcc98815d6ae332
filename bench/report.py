"""bench/RESULTS.md: what was measured, against the goals."""

import os
import re
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.contests import Goal, Outcome

_HEAD = """\
# Measured

Written by `make bench`. Ratios hold within one table: all its servers ran at the same time, and each had its turn in
each round, on {cpus} CPUs that they shared with whatever asked them, {connections} connections at a time. Every
server that has workers has two. Least, median and most of the rounds; "reaches" is how many times the peer's rate, in
the same round.
"""


def three(values: Iterable[float], digits: int = 2) -> str:
    """Return least, median and most."""
    values = list(values)
    return ", ".join(f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))


def put(path: Path, connections: int, chapter: str) -> None:
    """Write a chapter into the results, in place of the one with the same title, or behind the others."""
    chapters = re.split("^(?=## )", path.read_text() if path.exists() else "", flags=re.MULTILINE)[1:]
    title = chapter.partition("\n")[0]
    titles = [each.partition("\n")[0] for each in chapters]
    chapters = [chapter if each == title else old for each, old in zip(titles, chapters, strict=True)]
    chapters += [] if title in titles else [chapter]
    head = _HEAD.format(cpus=os.cpu_count(), connections=connections)
    path.write_text("\n".join(part.rstrip("\n") + "\n" for part in [head, *chapters]))


def table(outcome: Outcome) -> str:
    """Return one contest as Markdown."""
    contest = outcome.contest
    lines = [f"## {contest.title}", "", contest.note, ""]
    lines += [
        "| | answers a second | CPU of each, µs | latency, ms | Rowhouse reaches | goal |",
        "| --- |" + " --- |" * 5,
    ]
    own = next(iter(outcome.samples.values()))
    goals = {goal.peer: goal for goal in contest.goals}
    for name, samples in outcome.samples.items():
        ratios = [mine.rate / other.rate for mine, other in zip(own, samples, strict=True)]
        cells = [
            name,
            three((sample.rate for sample in samples), 0),
            three((sample.cpu for sample in samples), 0) if samples[0].cpu else "",
            three(sample.median for sample in samples) if samples[0].median else "",
            "" if samples is own else f"{three(ratios)}",
            judgement(goals[name], statistics.median(ratios)) if name in goals else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def judgement(goal: Goal, reached: float) -> str:
    """Say whether a goal is met."""
    text = f"≥ {goal.least}" + (f", then ≥ {goal.then}" if goal.then else "")
    if reached < goal.least:
        return f"{text}: **missed**"
    return f"{text}: first one met" if goal.then and reached < goal.then else f"{text}: met"


def versions(peers: Mapping[str, str], names: Sequence[str], load: float) -> str:
    """Return the versions of what took part, and how much else the machine had to do."""
    told = [f"{name} {peers[name]}" for name in names if name in peers]
    programs = {
        "nginx": ("nginx", "-v"),
        "wrk": ("wrk", "-v"),
        "redis": ("redis-server", "-v"),
        "postgres": ("psql", "-V"),
    }
    for command in programs.values():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        told.append(" ".join((done.stdout + done.stderr).splitlines()[0].split()[:4]))
    busy = f"Processes that ran or waited for a CPU, on average, in the minutes before: {load:.1f}."
    return f"## Versions, and the machine\n\n{', '.join(told)}.\n\n{busy}\n"
