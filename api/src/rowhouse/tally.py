"""What `Observation` does for each request, done for many at once: a line in the log and the counts."""

import asyncio
import logging
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from rowhouse.metrics import Metrics

# The logger of all lines of this kind.
_log = logging.getLogger("rowhouse.middleware")


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What all answers to one question have in common.

    Attributes:
        method: As asked.
        route: Template of the path.
        dataset: Its name.
        status: Of the answer.
        cache: What X-Cache says; None when it is not there.
        text: All of them as members of a JSON object, in the order of the log.
    """

    method: str
    route: str
    dataset: str
    status: int
    cache: str | None
    text: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Write what does not change."""
        head = {"level": "info", "logger": _log.name, "message": "Answered", "method": self.method}
        before = head | {"route": self.route, "dataset": self.dataset, "status": self.status}
        texts = tuple(orjson.dumps(part).decode()[1:-1] for part in (before, {"cache": self.cache}))
        object.__setattr__(self, "text", texts)


class Tally:
    """Collects answers, and logs and counts them when the event loop is through with what had arrived.

    A line is written and a file of counts is touched once in a turn of the loop, however many answers it gave: each
    costs as much as half an answer out of memory.
    """

    def __init__(self, metrics: Metrics) -> None:
        """Take where to count."""
        self._metrics = metrics
        self._waiting: list[tuple[Labels, str, float, float]] = []
        self._second = 0
        self._date = ""

    def add(self, labels: Labels, identifier: str, seconds: float, now: float) -> None:
        """Note an answer.

        Args:
            labels: What it was.
            identifier: Of the request; safe in JSON.
            seconds: How long it took.
            now: Seconds since 1970.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append((labels, identifier, seconds, now))

    def flush(self) -> None:
        """Log and count what was noted."""
        waiting, self._waiting = self._waiting, []
        taken = defaultdict[Labels, list[float]](list)
        for labels, _, seconds, _ in waiting:
            taken[labels].append(seconds)
        for labels, times in taken.items():
            self._metrics.count_repeats(labels.route, labels.method, labels.status, times, is_hit=bool(labels.cache))
        if _log.isEnabledFor(logging.INFO):
            sys.stderr.write("".join([self._line(*each) for each in waiting]))
            sys.stderr.flush()

    def _line(self, labels: Labels, identifier: str, seconds: float, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            self._date = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        before, after = labels.text
        return (
            f'{{"time":"{self._date}.{int((now - second) * 1e6):06}Z",{before},'
            f'"milliseconds":{round(seconds * 1000, 2)},{after},"request_id":"{identifier}"}}\n'
        )
