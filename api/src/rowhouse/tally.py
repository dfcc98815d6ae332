"""A line in the log and the counts for each answer, written for many at once."""

import asyncio
import logging
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from rowhouse.access.token import mask
from rowhouse.metrics import Metrics

# The logger of all lines of this kind.
_log = logging.getLogger("rowhouse.middleware")


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What all answers of one kind have in common.

    Attributes:
        method: As asked.
        route: Template of the path, or what stands for every path that leads nowhere.
        dataset: Its name; None where it is about none.
        status: Of the answer.
        cache: What X-Cache says; None when it is not there.
        key: Id of the API key; None when there was none.
        is_repeat: Whether they were given again, past falcon and the cache's own count.
        text: All of them as members of a JSON object, in the order of the log.
    """

    method: str
    route: str
    dataset: str | None
    status: int
    cache: str | None
    key: str | None = None
    is_repeat: bool = False
    text: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Write what does not change."""
        head = {"level": "info", "logger": _log.name, "message": "Answered", "method": self.method}
        before = head | {"route": self.route, "dataset": self.dataset, "status": self.status}
        texts = tuple(orjson.dumps(part).decode()[1:-1] for part in (before, {"cache": self.cache, "key": self.key}))
        object.__setattr__(self, "text", texts)


class Tally:
    """Collects answers, and logs and counts them when the event loop is through with what had arrived.

    A line is written and a file of counts is touched once in a turn of the loop, however many answers it gave: each
    costs as much as half an answer out of memory.

    Attributes:
        turn: The turn that is under way; None when nothing was answered in it yet.
    """

    def __init__(self, metrics: Metrics) -> None:
        """Take where to count."""
        self._metrics = metrics
        self._waiting: list[tuple[Labels, str, float]] = []
        self.turn: object | None = None

    def begin(self) -> object:
        """Begin a turn, unless one is under way, and return it."""
        if self.turn is None:
            self.turn = object()
            asyncio.get_running_loop().call_soon(self._end)
        return self.turn

    def add(self, labels: Labels, identifier: str, seconds: float) -> None:
        """Note an answer in the turn that was begun.

        Args:
            labels: What it was.
            identifier: Of the request; safe in JSON.
            seconds: How long it took.
        """
        self._waiting.append((labels, identifier, seconds))

    def _end(self) -> None:
        """Log and count what was noted."""
        self.turn = None
        waiting, self._waiting = self._waiting, []
        taken = defaultdict[Labels, list[float]](list)
        for labels, _, seconds in waiting:
            taken[labels].append(seconds)
        for labels, times in taken.items():
            is_hit = labels.is_repeat and bool(labels.cache)
            self._metrics.count_answers(labels.route, labels.method, labels.status, times, is_hit=is_hit)
        if waiting and _log.isEnabledFor(logging.INFO):
            now = f'{{"time":"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",'
            texts = {
                labels: (f'{now}{labels.text[0]},"milliseconds":', f',{labels.text[1]},"request_id":"')
                for labels in taken
            }
            lines = []
            for labels, identifier, seconds in waiting:
                before, after = texts[labels]
                lines.append(f'{before}{seconds * 1000:.2f}{after}{identifier}"}}\n')
            sys.stderr.write(mask("".join(lines)))
            sys.stderr.flush()
