"""Decides whether a request passes, mostly without asking anybody.

Each process takes requests out of the shared bucket in batches. The first request of a client waits for one look at
Redis; while a client asks much, its batches grow, and the next one is fetched before the last is used up. That a bucket
is empty is remembered until it has something again. So in any time t all processes together let pass

    burst + t / interval + processes x batch

requests at most, the last part being what was fetched before that time. Without Redis each process keeps the same limit
by itself: processes x (burst + t / interval).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from rowhouse.limits.buckets import SharedBuckets
from rowhouse.limits.pace import SECOND, Pace
from rowhouse.redis_link import LeftAloneError

# No request waits longer for Redis.
_PATIENCE_SECONDS = 0.05
# After a failure nobody waits for Redis. The link tries it once a second.
_ALONE_SECONDS = 0.2
# What a batch is to last for, and the most of a burst that it may be.
_BATCH_SECONDS = 0.1
_BATCH_PART = 10
# Clients that a process remembers, those who asked last. One that is forgotten loses what was fetched for it.
_CLIENTS = 20_000


def largest_batch(pace: Pace) -> int:
    """Return how many requests a process fetches for one client at most, beyond those that wait."""
    return min(int(_BATCH_SECONDS * SECOND / pace.interval), pace.burst // _BATCH_PART)


class Ruling(NamedTuple):
    """A decision on one request.

    Attributes:
        left: How many more pass at once, as far as this process knows.
        wait: 0 when the request passes; else the seconds until the next one does.
    """

    left: int
    wait: float


@dataclass(slots=True)
class _Client:
    """What a process knows of one client.

    Attributes:
        fetched: Requests that may pass without asking.
        left: What the shared bucket had beyond, when it was last asked.
        batch: How many are fetched at a time, beyond those that wait.
        asked_at: When it was last asked.
        empty_until: Until when it has nothing.
        waiting: Requests that wait for the answer.
        fetching: The look at it that is under way.
        full: The process' own bucket, for when there is no other.
    """

    fetched: int = 0
    left: int = 0
    batch: int = 0
    asked_at: float = float("-inf")
    empty_until: float = 0.0
    waiting: int = 0
    fetching: asyncio.Task[bool] | None = None
    full: int = 0


class Limiter:
    """One limit, for all clients that it is for; to be used in one event loop."""

    def __init__(
        self,
        pace: Pace,
        buckets: SharedBuckets | None,
        count_alone: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the limit, and where all processes keep it together.

        Args:
            pace: The limit.
            buckets: The shared buckets; None: each process is on its own.
            count_alone: Hears of each decision that was made without them though there are any.
            clock: Seconds.
        """
        self._pace = pace
        self._buckets = buckets
        self._count_alone = count_alone
        self._clock = clock
        self._clients: OrderedDict[str, _Client] = OrderedDict()
        self._alone_until = 0.0
        self._largest_batch = largest_batch(pace)

    def rule_at_once(self, name: str) -> Ruling | None:
        """Decide by what this process knows; None when the shared bucket has to be asked."""
        client = self._clients.get(name)
        if client is None:
            return None
        self._clients.move_to_end(name)
        if client.fetched:
            client.fetched -= 1
            if client.fetched < client.batch // 2 and client.fetching is None and client.left:
                self._fetch(name, client)
            return Ruling(client.fetched + client.left, 0.0)
        wait = client.empty_until - self._clock()
        return Ruling(0, wait) if wait > 0 else None

    async def rule(self, name: str) -> Ruling:
        """Decide, within the time that a request may wait for Redis."""
        client = self._client(name)
        if self._buckets is None:
            return self._rule_alone(client)
        client.waiting += 1
        try:
            ruling = await self._ask(name, client)
        finally:
            client.waiting -= 1
        if ruling is None:
            self._count_alone()
            return self._rule_alone(client)
        return ruling

    def _client(self, name: str) -> _Client:
        client = self._clients.setdefault(name, _Client())
        if len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)
        return client

    async def _ask(self, name: str, client: _Client) -> Ruling | None:
        """Decide by the shared bucket; None when there is no answer in time."""
        until = self._clock() + _PATIENCE_SECONDS
        # Again, as what was fetched may have gone to others.
        while (left := until - self._clock()) > 0 and self._alone_until < self._clock():
            fetching = client.fetching or self._fetch(name, client)
            done, _ = await asyncio.wait({fetching}, timeout=left)
            if not done or not fetching.result():
                break
            ruling = self.rule_at_once(name)
            if ruling:
                return ruling
        return None

    def _fetch(self, name: str, client: _Client) -> asyncio.Task[bool]:
        client.fetching = asyncio.create_task(self._fetch_batch(name, client))
        return client.fetching

    async def _fetch_batch(self, name: str, client: _Client) -> bool:
        """Take a batch out of the shared bucket; tell whether that was possible."""
        assert self._buckets is not None  # noqa: S101 - only called where there are some
        now = self._clock()
        is_busy = now - client.asked_at < _BATCH_SECONDS
        client.batch = min(max(1, 2 * client.batch), self._largest_batch) if is_busy else 0
        client.asked_at = now
        want = max(1, client.waiting + client.batch - client.fetched)
        try:
            taken = await self._buckets.take(name, want)
        except LeftAloneError:
            self._alone_until = self._clock() + _ALONE_SECONDS
            return False
        finally:
            client.fetching = None
        # Those who waited may have gone.
        client.fetched = min(client.fetched + taken.granted, client.waiting + client.batch)
        client.left = taken.left
        client.empty_until = self._clock() + taken.wait / SECOND
        return True

    def _rule_alone(self, client: _Client) -> Ruling:
        taken = self._pace.take(client.full, int(self._clock() * SECOND), 1)
        client.full = taken.full
        return Ruling(taken.left, 0.0 if taken.granted else taken.wait / SECOND)
